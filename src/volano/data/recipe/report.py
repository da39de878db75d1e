"""The report of a recipe: how many rows went into each step and came out, and why not.

`counts` hold nothing of the clock and nothing of a row, so that they may stand
in an artifact: the same rows and the same recipe give the same counts. Times
stand beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from volano.data.recipe.collect import COLLECT, Collected
from volano.data.recipe.task import Took, merged


@dataclass(frozen=True, slots=True)
class StepCount:
    """What one step did, over all shards. `seconds` are those of the work when it was done."""

    step: str
    version: int
    rows_in: int
    rows_out: int
    dropped: dict[str, int]
    changed: dict[str, int]
    seconds: float = 0.0
    cached: int = 0
    shards: int = 0

    def counts(self) -> dict[str, Any]:
        """Return what is the same whenever it runs."""
        return {
            "step": self.step, "version": self.version, "in": self.rows_in, "out": self.rows_out,
            "dropped": self.dropped, "changed": self.changed,
        }  # fmt: skip

    def times(self) -> dict[str, Any]:
        """Return what differs each time."""
        rate = round(self.rows_in / self.seconds) if self.seconds else None
        return {
            "step": self.step, "seconds": round(self.seconds, 3), "rows_per_s": rate,
            "shards": self.shards, "cached": self.cached,
        }  # fmt: skip


def of_collect(collected: Sequence[Collected]) -> StepCount:
    """Count what the sources gave, and what of it was no row."""
    dropped = merged(one.dropped for one in collected)
    rows = sum(one.rows for one in collected)
    chunks = sum(len(one.chunks) for one in collected)
    cached = sum(len(one.chunks) for one in collected if one.cached)
    return StepCount(
        COLLECT, 1, rows + sum(dropped.values()), rows, dropped, {}, cached=cached, shards=chunks
    )


def of_step(step: Any, rows_in: int, took: Sequence[Took], cached: int) -> StepCount:
    """Count what a step did over all shards."""
    return StepCount(
        str(step.name), int(step.version), rows_in, sum(one.kept.rows for one in took),
        merged(one.dropped for one in took), merged(one.changed for one in took),
        sum(one.seconds for one in took), cached, len(took),
    )  # fmt: skip

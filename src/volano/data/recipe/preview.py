"""Preview: a few rows go through the steps one by one, and it is shown what each does to each.

Nothing is kept but what a step keeps of its own: answers that were paid for. A whole step sees only the rows of the preview: what it drops
there, and what it lets through, may differ over all rows.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from volano.data.recipe import task
from volano.data.recipe.task import Meter, guarded
from volano.data.sources.source import Source
from volano.data.step import Notes, Record, Rejected

MOST = 1_000


def preview(
    sources: Sequence[Source], steps: Sequence[Any], *, rows: int, kept: Path
) -> list[dict[str, Any]]:
    """Return for each step how many rows went in and out, and each row before and after.

    An item of `rows` is `{"before", "after"}`; a row that was dropped has
    `reason` and `detail` instead of `after`, one that a step added no `before`.

    Raises:
        StepBrokeError: a step failed.
        The errors of the sources.
    """
    aside: list[Rejected] = []
    per_source = -(-rows // max(1, len(sources)))
    found = [row for one in sources for row in islice(one.rows(aside.append), per_source)][:rows]
    shown = [_dropped(one) for one in aside[:rows]] + [
        {"before": None, "after": row} for row in found
    ]
    told = [_told("collect", len(found) + len(aside), found, shown, Notes("collect"))]
    for step in steps:
        found, one = _step(step, copy.deepcopy(found), kept)
        told.append(one)
    return told


def _step(step: Any, rows: list[Record], kept: Path) -> tuple[list[Record], dict[str, Any]]:
    follow = _Follow()
    notes = Notes(str(step.name), follow.drop)
    with TemporaryDirectory(prefix="volano-preview-") as folder, guarded(step, Meter(step)):
        decided = _decided(step, rows, Path(folder), kept) if step.whole else None
        out = [follow.out(row) for row in step.apply(follow.rows_in(rows), notes, decided)]
    return out, _told(str(step.name), follow.count, out, follow.shown, notes, whole=step.whole)


def _decided(step: Any, rows: list[Record], folder: Path, kept: Path) -> Any:
    survey, decide = folder / "survey", folder / "decide"
    survey.mkdir()
    decide.mkdir()
    step.survey(iter(copy.deepcopy(rows)), survey)
    return next(iter(task.decide(step, [survey], decide, kept)))


class _Follow:
    """Follows which row became which, also where a step takes in many before it gives one on.

    A row is known by being the same object, else by its origin, else it is the last that went in.
    """

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.count = 0
        self._waiting: list[tuple[Record, Record]] = []
        """Rows that went in, and a copy of each as it was."""

    def rows_in(self, rows: Iterable[Record]) -> Iterator[Record]:
        for row in rows:
            self.count += 1
            self._waiting.append((row, copy.deepcopy(row)))
            yield row

    def out(self, row: Record) -> Record:
        after = copy.deepcopy(row)
        self.shown.append({"before": self._was(row), "after": after})
        return after

    def drop(self, one: Rejected) -> None:
        said, was = _dropped(one), self._was(one.row)
        self.shown.append(said if was is None else {**said, "before": was})

    def _was(self, row: Record) -> Record | None:
        """Return a row as it went in, and wait for it no longer; None where it is new."""
        waiting = self._waiting
        at = next((n for n, (one, _) in enumerate(waiting) if one is row), None)
        if at is None and (origin := row.get("origin")) is not None:
            at = next(
                (n for n, (_, was) in enumerate(waiting) if was.get("origin") == origin), None
            )
        elif at is None and waiting:
            at = len(waiting) - 1
        return None if at is None else waiting.pop(at)[1]


def _dropped(one: Rejected) -> dict[str, Any]:
    return {"before": copy.deepcopy(one.row), "reason": one.reason, "detail": one.detail}


def _told(
    step: str, rows_in: int, out: Sequence[Record], shown: list[dict[str, Any]], notes: Notes,
    *, whole: bool = False,
) -> dict[str, Any]:  # fmt: skip
    dropped = dict(notes.dropped)
    if step == "collect":
        for one in shown:
            if "reason" in one:
                dropped[one["reason"]] = dropped.get(one["reason"], 0) + 1
    return {
        "step": step, "whole": whole, "in": rows_in, "out": len(out),
        "dropped": dropped, "changed": dict(notes.changed), "rows": shown,
    }  # fmt: skip

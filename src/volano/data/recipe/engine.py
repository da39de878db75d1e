"""The engine: collect, then pass by pass over all shards, whoever does the work.

A pass begins at the first step and at each whole step: within it a shard is
read once and goes through all steps. Before a whole step's pass, each shard is
surveyed and the step decides. Every result lies in the cache under the key of
all that decides it; so a run that was killed, and a recipe that was changed,
go on from what is there, and the same input and recipe give the same rows on
any number of workers.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.core.plugins import load_plugins
from volano.data.recipe import task
from volano.data.recipe.cache import Cache, key_of
from volano.data.recipe.collect import Collected, Limits, collect, collect_more
from volano.data.recipe.errors import BadDecisionError, DamagedShardError
from volano.data.recipe.executor import Executor, Inline
from volano.data.recipe.identity import identity
from volano.data.recipe.pace import Pace
from volano.data.recipe.report import StepCount, of_collect, of_step
from volano.data.recipe.shard import Shard
from volano.data.recipe.task import Decided, Pass, Passed, Survey, Surveyed
from volano.data.sources.source import Source
from volano.data.step import Record
from volano.store import pack

REPAIRS = 20
"""So many damaged shards are made again in one run."""


@dataclass(frozen=True, slots=True)
class Input:
    """A source to collect: what names it in the cache, and how to open it.

    With `append` what was collected before stays, and `open` takes the state of the last time.
    """

    key: Any
    open: Callable[..., Source]
    append: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a recipe made: shards of rows and of rejected rows in order, and its report."""

    shards: tuple[Shard, ...]
    rejected: tuple[Shard, ...]
    steps: tuple[StepCount, ...]
    seconds: float
    states: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def rows(self) -> int:
        """How many rows are left."""
        return sum(one.rows for one in self.shards)

    @property
    def content(self) -> str:
        """The sha256 that names all rows and all rejected rows, in order."""
        names = [[one.sha256 for one in part if one.size] for part in (self.shards, self.rejected)]
        return hashlib.sha256(canonical(names)).hexdigest()

    def counts(self) -> dict[str, Any]:
        """Return the report's part that is the same each time."""
        return {
            "rows": self.rows, "rejected": sum(one.rows for one in self.rejected),
            "steps": [one.counts() for one in self.steps],
        }  # fmt: skip

    def times(self) -> dict[str, Any]:
        """Return the report's part that differs each time."""
        steps = [one.times() for one in self.steps]
        return {"seconds": round(self.seconds, 3), "steps": steps}


class Engine:
    """Runs steps over sources, with a cache and an executor."""

    def __init__(
        self,
        cache: Cache,
        executor: Executor | None = None,
        *,
        limits: Limits | None = None,
        kept: Path | None = None,
        tell: Callable[..., None] = lambda *_, **__: None,
    ):
        self._cache = cache
        self._executor = executor or Inline()
        self._limits = limits or Limits()
        self._kept = kept or cache.folder / "kept"
        self._tell = tell

    def run(
        self, inputs: Sequence[Input], steps: Sequence[Any], *, sample: int | None = None
    ) -> Prepared:
        """Collect the inputs and take the steps; damaged shards of the cache are made again.

        Raises:
            StepBrokeError: a step failed; what is done stays done.
            DamagedShardError: shards are damaged again and again.
            DiskFullError: no room; what is done stays done.
            The errors of the sources and of the steps.
        """
        load_plugins()
        with self._cache.in_use():
            for repair in range(REPAIRS + 1):
                try:
                    return self._run(inputs, steps, sample)
                except DamagedShardError as error:
                    if repair == REPAIRS:
                        raise
                    self._cache.shards.drop(str(error.facts["sha256"]))
        raise AssertionError("returned or raised above")

    def rows(self, prepared: Prepared) -> Iterator[Record]:
        """Yield all rows, in order."""
        for shard in prepared.shards:
            yield from self._cache.shards.read(shard)

    def rejected(self, prepared: Prepared) -> Iterator[Record]:
        """Yield all rejected rows, in the order of the steps."""
        for shard in prepared.rejected:
            yield from self._cache.shards.read(shard)

    def _run(self, inputs: Sequence[Input], steps: Sequence[Any], sample: int | None) -> Prepared:
        began = time.monotonic()
        pace = Pace(self._tell)
        collected = self._collect(inputs, sample, pace)
        shards = [chunk.kept for one in collected for chunk in one.chunks]
        rejected = [chunk.rejected for one in collected for chunk in one.chunks]
        counts = [of_collect(collected)]
        passes = passes_of(steps)
        pace.of = pace.done + len(shards) * sum(1 + one[0].whole for one in passes)
        for group in passes:
            done = self._pass(group, shards, pace)
            for at, step in enumerate(group):
                took = [one.took[at] for one in done]
                cached = sum(one.cached > at for one in done)
                counts.append(of_step(step, sum(one.rows for one in shards), took, cached))
                shards = [one.kept for one in took]
                rejected += [one.rejected for one in took]
        pace.say()
        states = tuple(one.state for one in collected)
        return Prepared(
            tuple(shards), tuple(rejected), tuple(counts), time.monotonic() - began, states
        )

    def _collect(self, inputs: Sequence[Input], sample: int | None, pace: Pace) -> list[Collected]:
        found, left = [], sample
        for one in inputs:

            def tell(rows: int) -> None:
                pace.piece(rows, cached=False)

            if one.append and sample is None:
                made = collect_more(
                    self._cache, one.key, one.open, limits=self._limits, tell=tell
                )  # fmt: skip
            else:
                made = collect(
                    self._cache, one.key, one.open(), limits=self._limits, sample=left, tell=tell
                )  # fmt: skip
            found.append(made)
            left = None if left is None else max(0, left - made.rows)
        return found

    def _pass(self, group: Sequence[Any], shards: Sequence[Shard], pace: Pace) -> list[Passed]:
        folder = self._cache.folder
        decided: Sequence[Decided | None] = [None] * len(shards)
        if group[0].whole:
            decided = self._decide(group[0], shards, pace)
        tasks = (
            Pass(folder, shard, tuple(group), told)
            for shard, told in zip(shards, decided, strict=True)
        )
        found: list[Passed] = []
        for shard, one in zip(shards, self._executor.map(task.take, tasks), strict=True):
            pace.piece(shard.rows, cached=one.cached == len(group))
            found.append(one)
        return found

    def _decide(self, step: Any, shards: Sequence[Shard], pace: Pace) -> list[Decided]:
        key = key_of(
            "decide", [one.sha256 for one in shards], identity(step), str(self._cache.folder)
        )
        entry = self._cache.get(key)
        if entry is None:
            key, items = self._decided(step, key, self._survey(step, shards, pace))
        else:
            items = entry["items"]
            for shard in shards:
                pace.piece(shard.rows, cached=True)
        return [Decided(key, at, item) for at, item in enumerate(items)]

    def _survey(self, step: Any, shards: Sequence[Shard], pace: Pace) -> list[Path]:
        tasks = (Survey(self._cache.folder, shard, step) for shard in shards)
        found: list[Surveyed] = []
        for shard, one in zip(shards, self._executor.map(task.survey, tasks), strict=True):
            pace.piece(shard.rows, cached=one.cached)
            found.append(one)
        return [one.folder for one in found]

    def _decided(self, step: Any, key: str, folders: Sequence[Path]) -> tuple[str, list[Any]]:
        """Return what a step decided, and the key of it: one of its own where it is not final."""
        folder = self._cache.new_folder(key)
        with task.guarded(step, task.Meter(step)), pack.room_for(folder):
            items = list(task.decide(step, folders, folder, self._kept))
        if len(items) != len(folders):
            raise BadDecisionError(step=step.name, got=len(items), want=len(folders))
        if callable(getattr(step, "final", None)) and not step.final(items):
            return key_of(key, os.urandom(16).hex()), items
        kept = self._cache.keep_folder(folder)
        self._cache.put(key, {"shards": [], "items": items, **kept})
        return key, items


def passes_of(steps: Sequence[Any]) -> list[list[Any]]:
    """Return the steps in passes: one begins at the first step, and at each whole step."""
    passes: list[list[Any]] = []
    for step in steps:
        if not passes or step.whole:
            passes.append([])
        passes[-1].append(step)
    return passes

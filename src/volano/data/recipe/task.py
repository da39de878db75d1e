"""Tasks: what a worker does with one shard. Functions of a module, with what they need as values.

A task looks into the cache first, does only what is not there, and puts it
there. So it may run twice, anywhere, and be killed at any instant.

The rows at the end of a pass are always kept. Between its steps they are kept
where making them again would cost more than writing them; elsewhere the entry
says how they are called and how many there are, but no file holds them
(`light`). Who needs them begins at the last rows before that are there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from volano.core.errors import VolanoError
from volano.data.recipe.cache import Cache, key_of
from volano.data.recipe.errors import StepBrokeError
from volano.data.recipe.identity import identity
from volano.data.recipe.shard import Shard, Unsayable, Writer, line_of, row_of
from volano.data.step import Notes, Record, Rejected
from volano.store import pack

UNSAYABLE = "cannot be written as JSON"
SMALL_BYTES = 2**18
KEEP_BYTES_PER_S = 20 * 2**20
"""Rows between two steps are kept when they are few bytes, or when the first so many bytes came
slower than this since the last rows that are kept."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a whole step decided: the key of the decision, and this shard's item of it."""

    key: str
    at: int
    item: Any


@dataclass(frozen=True, slots=True)
class Pass:
    """Steps to take one after the other on a shard; the first may be a whole one, decided."""

    folder: Path
    shard: Shard
    steps: tuple[Any, ...]
    decided: Decided | None = None


@dataclass(frozen=True, slots=True)
class Took:
    """What one step made of one shard."""

    kept: Shard
    rejected: Shard
    dropped: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    light: bool = False

    def to_entry(self) -> dict[str, Any]:
        """Return it as an entry of the cache."""
        shards = [self.rejected] if self.light else [self.kept, self.rejected]
        return {
            "shards": [one.to_list() for one in shards],
            "light": self.kept.to_list() if self.light else None,
            "dropped": self.dropped, "changed": self.changed, "seconds": self.seconds,
        }  # fmt: skip

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> "Took":
        """Read it back from the cache."""
        light = entry.get("light")
        kept, rejected = map(Shard.from_list, [*([light] if light else []), *entry["shards"]])
        return cls(
            kept, rejected, entry["dropped"], entry["changed"], entry["seconds"], bool(light)
        )


@dataclass(frozen=True, slots=True)
class Passed:
    """What each step of a pass made of a shard; the first `cached` of them were there already."""

    took: tuple[Took, ...]
    cached: int


@dataclass(frozen=True, slots=True)
class Survey:
    """A shard to be surveyed by a whole step."""

    folder: Path
    shard: Shard
    step: Any


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Where a step has written down what it needs of a shard."""

    folder: Path
    cached: bool


def take(task: Pass) -> Passed:
    """Take the steps on the shard, from the last rows that are in the cache.

    Raises:
        StepBrokeError: a step raised something else than an error of ours.
        DamagedShardError: the cached rows to begin from are damaged.
        DiskFullError: no room.
    """
    cache = Cache(task.folder)
    done = _known(cache, task)
    at = done[-1].kept if done else task.shard
    cached = len(done)
    if cached < len(task.steps):
        decided = task.decided if not cached else None
        done += _take(cache, at, task.steps[cached:], decided)
    return Passed(tuple(done), cached)


def _known(cache: Cache, task: Pass) -> list[Took]:
    """Return what the first steps made, up to the last rows that are there."""
    found: list[Took] = []
    at = task.shard
    for step in task.steps:
        entry = cache.get(_key(at, step, task.decided if not found else None))
        if entry is None:
            break
        found.append(Took.from_entry(entry))
        at = found[-1].kept
    while found and found[-1].light and not cache.shards.has(found[-1].kept):
        found.pop()
    return found


def survey(task: Survey) -> Surveyed:
    """Have a whole step write down what it needs of the shard.

    Raises:
        As `take`.
    """
    cache = Cache(task.folder)
    key = key_of("survey", task.shard.sha256, identity(task.step))
    entry = cache.get(key)
    if entry is not None:
        return Surveyed(cache.made(entry), cached=True)
    folder = cache.new_folder(key)
    meter = Meter(task.step)
    with guarded(task.step, meter), pack.room_for(folder):
        task.step.survey(meter.rows_in(cache.shards.read(task.shard)), folder)
    cache.put(key, {"shards": [], **cache.keep_folder(folder)})
    return Surveyed(folder, cached=False)


def decide(step: Any, folders: Sequence[Path], folder: Path, kept: Path) -> Any:
    """Have a whole step decide; one that keeps something of its own gets the folder for it."""
    if getattr(step, "keeps", False):
        return step.decide(folders, folder, kept)
    return step.decide(folders, folder)


def _key(shard: Shard, step: Any, decided: Decided | None) -> str:
    told = [decided.key, decided.at] if decided else None
    return key_of("take", shard.sha256, identity(step), told)


def _take(cache: Cache, at: Shard, steps: tuple[Any, ...], decided: Decided | None) -> list[Took]:
    """Run the rows of one shard through the steps in one go; keep what is worth it."""
    with ExitStack() as stack:
        rows: Iterable[Record] = cache.shards.read(at)
        meters: list[Meter] = []
        for step in steps:
            meter = Meter(step, meters[-1] if meters else None)
            meter.kept = stack.enter_context(cache.shards.writer())
            meter.rejected = stack.enter_context(cache.shards.writer())
            lines = meter.run(rows, decided.item if decided and not meters else None)
            rows = map(row_of, lines)
            meters.append(meter)
        meters[-1].kept.decided = True
        for _ in lines:
            pass
    found = [meter.took() for meter in meters]
    for step, one in zip(steps, found, strict=True):
        told, decided = decided, None
        cache.put(_key(at, step, told), one.to_entry())
        at = one.kept
    return found


class Meter:
    """Counts, times and writes what goes into one step and comes out of it."""

    kept: Writer
    rejected: Writer

    def __init__(self, step: Any, before: "Meter | None" = None):
        self._step = step
        self._before = before
        self._notes = Notes(str(step.name), self._reject)
        self.spent_s = 0.0
        self.origin: Any = "the beginning"

    def run(self, rows: Iterable[Record], decided: Any) -> Iterator[bytes]:
        """Write and yield the line of each row that the step lets through.

        What the next step gets is what the line says: thus it is the same,
        whether it comes from here or out of the cache, and is nobody else's.
        """
        kept, out = self.kept, self._rows_out(rows, decided)
        while True:
            began = perf_counter()
            row = next(out, None)
            self.spent_s += perf_counter() - began
            if row is None:
                return
            if kept.size > SMALL_BYTES and not kept.decided:
                kept.decided, kept.keep = True, self._worth_keeping()
            try:
                line = line_of(row)
            except Unsayable as error:
                self._notes.drop(row, UNSAYABLE, str(error))
                continue
            kept.write(line)
            yield line

    def _worth_keeping(self) -> bool:
        """Whether making the rows again takes longer than to keep them, so far as can be seen yet."""
        spent_s, before = self.spent_s, self._before
        while before is not None and not before.kept.keep:
            spent_s, before = spent_s + before.spent_s, before._before  # noqa: SLF001
        return spent_s * KEEP_BYTES_PER_S >= self.kept.size

    def _rows_out(self, rows: Iterable[Record], decided: Any) -> Iterator[Record]:
        with guarded(self._step, self):
            for row in self._step.apply(self.rows_in(rows), self._notes, decided):
                if not isinstance(row, dict):
                    raise TypeError(f"it yielded a {type(row).__name__}, which is no row")
                yield row

    def rows_in(self, rows: Iterable[Record]) -> Iterator[Record]:
        """Yield what goes in; the time that it takes to come is not the step's."""
        upstream = iter(rows)
        while True:
            began = perf_counter()
            row = next(upstream, None)
            self.spent_s -= perf_counter() - began
            if row is None:
                return
            self.origin = row.get("origin", "an unknown place")
            yield row

    def took(self) -> Took:
        """Return what the step made of the shard; the writers are closed."""
        return Took(
            self.kept.shard, self.rejected.shard, dict(sorted(self._notes.dropped.items())),
            dict(sorted(self._notes.changed.items())), round(max(0.0, self.spent_s), 6),
            not self.kept.keep,
        )  # fmt: skip

    def _reject(self, one: Rejected) -> None:
        self.rejected.write(rejected_line(one))


def rejected_line(one: Rejected) -> bytes:
    """Return the line of a rejected row; what JSON cannot say of it is said in words."""
    said = one.to_dict()
    try:
        return line_of(said)
    except Unsayable:
        words = ascii(one.row)[:10_000]
        return line_of({**said, "row": {"unsayable": words}, "of": None,
                        "detail": None if one.detail is None else ascii(one.detail)})  # fmt: skip


class guarded:  # noqa: N801 - reads as a word in `with guarded(step, meter):`
    """Turns whatever a step raises into an error that names the step and the row."""

    def __init__(self, step: Any, meter: Meter):
        self._step = step
        self._meter = meter

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, VolanoError):
            return
        why = f"{type(error).__name__}: {error}"[:500] if str(error) else type(error).__name__
        raise StepBrokeError(
            step=self._step.name, origin=_told(self._meter.origin), why=why
        ) from error


def _told(origin: Any) -> str:
    if isinstance(origin, dict):
        return ", ".join(f"{name} {value}" for name, value in origin.items())[:300]
    return str(origin)[:300]


def merged(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return counts of reasons added up, by name."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))

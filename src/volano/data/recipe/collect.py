"""Collect: a source's rows become shards of fixed size, on the disk, once.

A journal says after each shard how far the source was read, so that a run
which was killed goes on there: the source is read again, but what stands in
the journal is not written again. The key holds the source's fingerprint; a
source that has changed is collected anew.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from volano.data.recipe.cache import Cache, key_of
from volano.data.recipe.errors import SourceChangedMeanwhileError
from volano.data.recipe.shard import SHARD_BYTES, SHARD_ROWS, Shard, Unsayable, Writer, line_of
from volano.data.recipe.task import UNSAYABLE, merged, rejected_line
from volano.data.sources.source import Source
from volano.data.step import Record, Rejected
from volano.store import pack

COLLECT = "collect"
MORE = "more"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a shard is full. They decide where shards end, so they are part of every key."""

    rows: int = SHARD_ROWS
    size: int = SHARD_BYTES


@dataclass(frozen=True, slots=True)
class Chunk:
    """One shard of a source, and what of the source was set aside while it filled.

    `taken` counts the rows that the source gave for it; `ended` says that it gave no more.
    """

    kept: Shard
    rejected: Shard
    taken: int
    ended: bool
    dropped: dict[str, int] = field(default_factory=dict)

    def to_entry(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "shards": [self.kept.to_list(), self.rejected.to_list()],
            "taken": self.taken, "ended": self.ended, "dropped": self.dropped,
        }  # fmt: skip

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> "Chunk":
        """Read it back."""
        kept, rejected = map(Shard.from_list, entry["shards"])
        return cls(kept, rejected, entry["taken"], entry["ended"], dict(entry["dropped"]))


@dataclass(frozen=True, slots=True)
class Collected:
    """A source in shards. `state` is what a later reading of it needs."""

    chunks: tuple[Chunk, ...]
    state: Mapping[str, Any]
    cached: bool

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(one.kept.rows for one in self.chunks)

    @property
    def dropped(self) -> dict[str, int]:
        """How many rows were set aside, by reason."""
        return merged(one.dropped for one in self.chunks)


def collect(
    cache: Cache,
    key: Any,
    source: Source,
    *,
    limits: Limits,
    sample: int | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Return a source's rows in shards; `tell` hears how many rows each shard has.

    Args:
        cache: where the shards go.
        key: what names the source, besides its fingerprint.
        source: where rows come from.
        limits: when a shard is full.
        sample: take only the first so many rows.
        tell: called after each shard.

    Raises:
        SourceChangedMeanwhileError: its rows are others than those of the same fingerprint.
        DiskFullError: no room.
        The errors of the source.
    """
    name = key_of(COLLECT, key, source.fingerprint(), limits.rows, limits.size, sample)
    entry = cache.get(name)
    if entry is not None:
        chunks = tuple(Chunk.from_entry(one) for one in entry["chunks"])
        return Collected(chunks, entry["state"], cached=True)
    if callable(keep_in := getattr(source, "keep_in", None)):
        keep_in(cache.answers)
    with _journal(cache, name) as journal:
        found = tuple(_chunks(cache, journal, source, limits, sample, tell))
    made = Collected(found, dict(source.state()), cached=False)
    shards = [shard for one in found for shard in one.to_entry()["shards"]]
    told = [one.to_entry() for one in found]
    cache.put(name, {"shards": shards, "chunks": told, "state": made.state})
    with suppress(OSError):
        journal.path.unlink()
    return made


def collect_more(
    cache: Cache,
    key: Any,
    opened: Callable[[Mapping[str, Any] | None], Source],
    *,
    limits: Limits,
    tell: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Return what was collected before, and behind it what a source has given since.

    Rows and state stand in one entry of the cache: whoever is killed, or fails
    later, has neither lost rows nor doubled them. Without the entry the source
    is read from its beginning.

    Args:
        cache: where the shards go.
        key: what names the source.
        opened: opens the source with the state of the last time.
        limits: when a shard is full.
        tell: called after each shard.

    Raises:
        As `collect`.
    """
    name = key_of(MORE, key, limits.rows, limits.size)
    entry = cache.get(name) or {"chunks": [], "state": None}
    old = tuple(Chunk.from_entry(one) for one in entry["chunks"])
    for one in old:
        tell(one.kept.rows)
    state = entry["state"]
    new = collect(cache, [MORE, key, state], opened(state), limits=limits, tell=tell)
    found = tuple(one for one in new.chunks if one.kept.rows or one.rejected.rows)
    told = [one.to_entry() for one in (*old, *found) if one.kept.rows]
    shards = [shard for one in told for shard in one["shards"]]
    cache.put(name, {"shards": shards, "chunks": told, "state": dict(new.state)})
    return Collected((*old, *found), new.state, cached=not found)


def _chunks(
    cache: Cache,
    journal: "Journal",
    source: Source,
    limits: Limits,
    sample: int | None,
    tell: Callable[[int], None],
) -> Iterator[Chunk]:
    filling: list[Filling] = []

    def reject(one: Rejected) -> None:
        if filling:
            filling[-1].put_aside(one)

    rows = iter(source.rows(reject))
    rows = islice(rows, sample) if sample is not None else rows
    for known in journal.chunks(cache):
        if sum(1 for _ in islice(rows, known.taken)) < known.taken:
            journal.forget()
            raise SourceChangedMeanwhileError(source=str(source.fingerprint())[:12])
        tell(known.kept.rows)
        yield known
        if known.ended:
            return
    while True:
        with Filling(cache, limits) as now:
            filling[:] = [now]
            now.fill(rows)
        if not now.chunk.taken and not now.chunk.rejected.rows:
            return
        journal.add(now.chunk)
        tell(now.chunk.kept.rows)
        yield now.chunk
        if now.chunk.ended:
            return


class Filling:
    """A shard that is being filled; `chunk` says what it became when the block has ended."""

    chunk: Chunk

    def __init__(self, cache: Cache, limits: Limits):
        self._limits = limits
        self._kept = Writer(cache.shards)
        self._rejected = Writer(cache.shards)
        self._dropped: Counter[str] = Counter()
        self._taken = 0
        self._ended = False

    def __enter__(self) -> "Filling":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            self._kept.forget()
            self._rejected.forget()
            return
        self._kept.close()
        self._rejected.close()
        self.chunk = Chunk(
            self._kept.shard, self._rejected.shard, self._taken, self._ended,
            dict(sorted(self._dropped.items())),
        )  # fmt: skip

    def fill(self, rows: Iterator[Record]) -> None:
        """Take rows until the shard is full, or there are no more."""
        for row in rows:
            self._taken += 1
            try:
                self._kept.write(line_of(row))
            except Unsayable as error:
                self.put_aside(Rejected(row, COLLECT, UNSAYABLE, str(error)))
            if self._taken >= self._limits.rows or self._kept.size >= self._limits.size:
                return
        self._ended = True

    def put_aside(self, one: Rejected) -> None:
        """Keep what is no row, with its reason."""
        self._rejected.write(rejected_line(one))
        self._dropped[one.reason] += 1


class Journal:
    """Which shards of a source are written. Without a file (somebody else has it) it forgets."""

    def __init__(self, path: Path, fd: int | None):
        self.path = path
        self._fd = fd

    def chunks(self, cache: Cache) -> Iterator[Chunk]:
        """Yield the chunks whose shards are all there; from the first that is not, write anew."""
        if self._fd is None:
            return
        good = 0
        for line in self.path.read_bytes().splitlines(keepends=True):
            chunk = _read(line)
            if chunk is None or not all(map(cache.shards.has, (chunk.kept, chunk.rejected))):
                break
            good += len(line)
            yield chunk
        os.ftruncate(self._fd, good)

    def add(self, chunk: Chunk) -> None:
        """Note a chunk."""
        if self._fd is not None:
            with pack.room_for(self.path):
                os.write(self._fd, json.dumps(chunk.to_entry()).encode() + b"\n")

    def forget(self) -> None:
        """Begin anew next time."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)


@contextmanager
def _journal(cache: Cache, key: str) -> Iterator[Journal]:
    path = cache.folder / "journals" / f"{key}.jsonl"
    with pack.room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Journal(path, fd)
        except BlockingIOError:
            yield Journal(path, None)
    finally:
        os.close(fd)


def _read(line: bytes) -> Chunk | None:
    try:
        return Chunk.from_entry(json.loads(line)) if line.endswith(b"\n") else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None

"""Comparing two versions row by row: what was added, removed and changed.

Equal pages and equal chunks cancel out by name and are never read. What lies
in the other chunks is compared as bytes first, then by the rows' ids (a row
that only says another origin is the same row), and what is left by a key
column, if there is one: the same key with other content is a changed row.

Rows of chunks that differ are held in memory up to 128 MiB; beyond that they
are parted by id or key into files, and compared part by part.
"""

import tempfile
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.data.chunks import Entry
from volano.data.line import RESERVED, id_of, record_of
from volano.data.step import Record
from volano.data.tree import Tree, read_pages
from volano.store import Blobs

BUDGET_BYTES = 128 * 2**20
MOST_PARTS = 128


@dataclass(slots=True)
class Listing:
    """Which changes are wanted with their rows: `limit` of them behind the first `skip`."""

    limit: int = 0
    skip: int = 0
    seen: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self, split: str, change: str, tell: Callable[[], dict[str, Any]]) -> None:
        """Count a change, and write it down if it is one of those that are wanted."""
        if self.skip <= self.seen < self.skip + self.limit:
            self.rows.append({"split": split, "change": change, **tell()})
        self.seen += 1


@dataclass(slots=True)
class SplitDiff:
    """Counts of rows; `columns` says in how many changed rows a column differs."""

    split: str
    key: str | None
    listing: Listing
    added: int = 0
    removed: int = 0
    changed: int = 0
    kept: int = 0
    columns: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts; `changed` and `columns` only where rows have a key."""
        counts = {"added": self.added, "removed": self.removed, "kept": self.kept}
        if self.key is None:
            return counts
        columns = dict(sorted(self.columns.items()))
        return {**counts, "changed": self.changed, "columns": columns}

    def compare(self, old: Iterable[bytes], new: Iterable[bytes]) -> None:
        """Take the lines of both sides into account."""
        before, after = list(old), list(new)
        gone, come = unlike(before, after)
        self.kept += len(before) - len(gone)
        removed, added = self._other_ids(gone, come)
        if self.key is not None:
            removed, added = self._by_key(removed, added, self.key)
        for lines, change in ((removed, "removed"), (added, "added")):
            for line in lines:
                self.listing.take(self.split, change, lambda line=line: {"row": self._row(line)})  # type: ignore[misc]
        self.removed += len(removed)
        self.added += len(added)

    def _other_ids(self, old: list[bytes], new: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Take out the rows whose content is the same on both sides."""
        both = Counter(map(id_of, old)) & Counter(map(id_of, new))
        self.kept += sum(both.values())
        return _without(old, Counter(both)), _without(new, Counter(both))

    def _by_key(
        self, old: list[bytes], new: list[bytes], key: str
    ) -> tuple[list[bytes], list[bytes]]:
        """Pair rows of one key, in their order; return what found no partner."""
        waiting: dict[bytes, deque[bytes]] = defaultdict(deque)
        removed = []
        for line in old:
            name = key_of(line, key)
            if name is None:
                removed.append(line)
            else:
                waiting[name].append(line)
        added = []
        for line in new:
            name = key_of(line, key)
            if name is None or not waiting.get(name):
                added.append(line)
            else:
                self._change(waiting[name].popleft(), line)
        removed += [line for lines in waiting.values() for line in lines]
        return removed, added

    def _change(self, old: bytes, new: bytes) -> None:
        before, after = self._row(old), self._row(new)
        columns = _differing(before, after)
        self.changed += 1
        self.columns.update(columns)
        self.listing.take(
            self.split, "changed", lambda: {"columns": columns, "old": before, "row": after}
        )

    def _row(self, line: bytes) -> Record:
        return record_of(line, self.split)


def unlike(old: list[bytes], new: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the lines that have no twin on the other side, one for one, in order."""
    before, after = set(old), set(new)
    if len(before) == len(old) and len(after) == len(new):
        return [line for line in old if line not in after], [
            line for line in new if line not in before
        ]
    gone, come = Counter(old), Counter(new)
    return list((gone - come).elements()), list((come - gone).elements())


def apart(blobs: Blobs, old: Tree, new: Tree) -> tuple[list[Entry], list[Entry], int]:
    """Return the chunks that only one of two trees has, and how many rows lie in the others.

    Raises:
        BadPageError, MissingBlobError, CorruptBlobError: a page cannot be read.
    """
    before, after = list(old.page.items), list(new.page.items)
    level, other = old.page.level, new.page.level
    while True:
        if level == other:
            before, after = _only(before, after), _only(after, before)
            if level == 0:
                return before, after, new.rows - sum(entry.rows for entry in after)
        deepest = max(level, other)
        if level == deepest:
            before, level = _below(blobs, before), level - 1
        if other == deepest:
            after, other = _below(blobs, after), other - 1


def lines_of(blobs: Blobs, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the lines of these chunks."""
    for data in blobs.read_many(entry.digest for entry in entries):
        yield from data.splitlines(keepends=True)


def key_of(line: bytes, key: str) -> bytes | None:
    """Return what a line has in the key column; None when it has none."""
    value = record_of(line, "").get(key)
    return None if value is None else canonical(value)


def parted(
    old: Iterable[bytes], new: Iterable[bytes], total_bytes: int, key: str | None
) -> Iterator[tuple[Iterable[bytes], Iterable[bytes]]]:
    """Yield pairs that are compared one after the other: one pair where all fits in memory."""
    parts = min(total_bytes // BUDGET_BYTES + 1, MOST_PARTS)
    if parts == 1:
        yield old, new
        return
    with tempfile.TemporaryDirectory(prefix="volano-diff-") as name:
        folder = Path(name)
        for side, lines in (("old", old), ("new", new)):
            _spill(lines, [folder / f"{side}-{part}" for part in range(parts)], key)
        for part in range(parts):
            with (folder / f"old-{part}").open("rb") as a, (folder / f"new-{part}").open("rb") as b:
                yield a, b


def _spill(lines: Iterable[bytes], paths: list[Path], key: str | None) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for line in lines:
            name = id_of(line).encode() if key is None else key_of(line, key) or b""
            files[zlib.crc32(name) % len(files)].write(line)


def _without(lines: list[bytes], ids: Counter[str]) -> list[bytes]:
    kept = []
    for line in lines:
        if ids[id_of(line)] > 0:
            ids[id_of(line)] -= 1
        else:
            kept.append(line)
    return kept


def _differing(old: Record, new: Record) -> list[str]:
    names = [name for name in {**old, **new} if name not in RESERVED]
    return [
        name
        for name in names
        if (name in old) != (name in new) or canonical(old[name]) != canonical(new[name])
    ]


def _only(ours: list[Entry], theirs: list[Entry]) -> list[Entry]:
    """Return which of ours have no twin among theirs, one for one, in order."""
    left = Counter(entry.digest for entry in ours)
    left.subtract(entry.digest for entry in theirs)
    kept = []
    for entry in reversed(ours):
        if left[entry.digest] > 0:
            left[entry.digest] -= 1
            kept.append(entry)
    return kept[::-1]


def _below(blobs: Blobs, entries: list[Entry]) -> list[Entry]:
    pages = read_pages(blobs, [entry.digest for entry in entries])
    return [item for page in pages for item in page.items]

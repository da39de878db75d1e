"""Chunks: runs of rows, cut by content, so that an edit changes a chunk or two and no more.

A chunk ends behind a row whose draw (64 bits of the hash of its content) falls
below a bound that grows with the row's length. So chunks have about 16 KiB
whether rows are long or short, and where one ends depends on nothing before
it but the least size. Small chunks make scattered edits cheap: the new bytes
are the edited chunks (measured in `benchmarks/versions.py`).

Source of the idea: content-defined chunking, Muthitacharoen et al., "A
Low-bandwidth Network File System", SOSP 2001; here on rows, not on bytes.
"""

from dataclasses import dataclass

from volano.core.digest import Digest
from volano.data.line import Line

MIN_BYTES, MEAN_BYTES, MAX_BYTES = 4 * 1024, 16 * 1024, 64 * 1024
_SPAN = MEAN_BYTES - MIN_BYTES


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree says of a chunk, or of a page of the tree: its bytes' digest, and what is below.

    `bytes` counts the rows' own, uncompressed; `first` is the id of the first row.
    """

    digest: Digest
    rows: int
    bytes: int
    first: str


class Cutter:
    """Takes lines and gives chunks."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._bytes = 0
        self._first = ""

    def add(self, line: Line) -> tuple[Entry, bytes] | None:
        """Take a line; return the chunk that ends with it, if one does."""
        if not self._lines:
            self._first = line.id
        self._lines.append(line.data)
        self._bytes += len(line.data)
        if self._bytes < MIN_BYTES:
            return None
        ends = line.draw * _SPAN < len(line.data) << 64
        return self.end() if ends or self._bytes >= MAX_BYTES else None

    def end(self) -> tuple[Entry, bytes] | None:
        """Return what was taken since the last chunk, as the last one."""
        if not self._lines:
            return None
        data = b"".join(self._lines)
        entry = Entry(Digest.of(data), len(self._lines), len(data), self._first)
        self._lines, self._bytes = [], 0
        return entry, data

"""A Tree names the chunks of a split, in order: pages of entries, pages of pages, one root.

A page is cut as chunks are, by the digests in it, so that two versions share
all pages but those above a changed chunk (a prolly tree: Noms, Dolt). Two
levels hold some gigabytes, and each further one twenty times as much.

    {"format":"volano.rows/1","items":[[digest, rows, bytes, first id], …],"level":0}

Level 0 names chunks, a higher one names pages. The root's digest is the
version: who has it can check all rows.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from volano.core.canon import canonical
from volano.core.digest import BadDigestError, Digest
from volano.core.ports.follow import Named
from volano.data.chunks import Entry
from volano.data.errors import BadPageError
from volano.store import Blobs

FORMAT = "volano.rows/1"
MIN_ITEMS, MEAN_ITEMS, MAX_ITEMS = 4, 20, 256
_BOUND = (1 << 64) // (MEAN_ITEMS - MIN_ITEMS)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: entries of chunks (level 0), or of pages one level below."""

    level: int
    items: tuple[Entry, ...]

    @property
    def rows(self) -> int:
        """How many rows there are below."""
        return sum(item.rows for item in self.items)

    @property
    def size(self) -> int:
        """How many bytes these rows have, uncompressed."""
        return sum(item.bytes for item in self.items)

    def to_bytes(self) -> bytes:
        """Return the page as it is stored."""
        items = [[one.digest.hex, one.rows, one.bytes, one.first] for one in self.items]
        return canonical({"format": FORMAT, "level": self.level, "items": items})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Page":
        """Read a page back.

        Raises:
            BadPageError: these bytes are none.
        """
        try:
            raw = json.loads(data)
            if raw["format"] != FORMAT:
                raise BadPageError
            items = (Entry(Digest(f"sha256:{d}"), r, b, first) for d, r, b, first in raw["items"])
            return cls(raw["level"], tuple(items))
        except (ValueError, KeyError, TypeError, BadDigestError) as error:
            raise BadPageError from error


def named(data: bytes) -> Named:
    """Say which blobs a page names: the port by which the store finds a dataset's chunks."""
    page = Page.from_bytes(data)
    digests = [item.digest for item in page.items]
    return Named(pages=digests) if page.level else Named(ends=digests)


class Growing:
    """A tree while it is written: takes the chunks' entries, puts pages, ends in a root.

    In memory is one unfinished page a level.
    """

    def __init__(self, put: Callable[[bytes], Digest]):
        self._put = put
        self._levels: list[list[Entry]] = [[]]
        self._last: tuple[Digest, Page] | None = None

    def add(self, entry: Entry, level: int = 0) -> None:
        """Take the next entry."""
        if level == len(self._levels):
            self._levels.append([])
        items = self._levels[level]
        items.append(entry)
        ends = len(items) >= MIN_ITEMS and int(entry.digest.hex[:16], 16) < _BOUND
        if ends or len(items) >= MAX_ITEMS:
            self._turn(level)

    def end(self) -> tuple[Digest, Page]:
        """Put what is left, and return the root."""
        level = 0
        while level + 1 < len(self._levels):
            if self._levels[level]:
                self._turn(level)
            level += 1
        top = self._levels[level]
        if self._last and len(top) == 1:  # the only page below is the root itself
            return self._last
        page = Page(level, tuple(top))
        return self._put(page.to_bytes()), page

    def _turn(self, level: int) -> None:
        page = Page(level, tuple(self._levels[level]))
        self._levels[level] = []
        digest = self._put(page.to_bytes())
        self._last = (digest, page)
        self.add(Entry(digest, page.rows, page.size, page.items[0].first), level + 1)


class Tree:
    """A tree that is stored, under its root's digest."""

    def __init__(self, blobs: Blobs, root: str):
        self._blobs = blobs
        self.root = Digest(root)
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        """The root.

        Raises:
            BadPageError, MissingBlobError, CorruptBlobError: it cannot be read.
        """
        if self._page is None:
            self._page = Page.from_bytes(self._blobs.get(self.root))
        return self._page

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return self.page.rows

    def entries(self, start: int = 0) -> Iterator[tuple[int, Entry]]:
        """Yield (number of its first row, entry) of each chunk, from that with row `start` on."""
        yield from self._entries(self.page, 0, start)

    def lines(self, start: int = 0) -> Iterator[bytes]:
        """Yield the lines from row `start` on, each checked with its chunk."""
        skip: list[int] = []

        def digests() -> Iterator[Digest]:
            for number, entry in self.entries(start):
                if not skip:
                    skip.append(start - number)
                yield entry.digest

        for data in self._blobs.read_many(digests()):
            lines = data.splitlines(keepends=True)
            yield from lines[max(skip[0], 0) :] if skip[0] else lines
            skip[0] = 0

    def _entries(self, page: Page, number: int, start: int) -> Iterator[tuple[int, Entry]]:
        wanted = []
        for item in page.items:
            if number + item.rows > start:
                wanted.append((number, item))
            number += item.rows
        if page.level == 0:
            yield from wanted
            return
        pages = read_pages(self._blobs, [item.digest for _, item in wanted])
        for (first, _), below in zip(wanted, pages, strict=True):
            yield from self._entries(below, first, start)


def read_pages(blobs: Blobs, digests: Sequence[str]) -> Iterator[Page]:
    """Yield pages in order.

    Raises:
        BadPageError, MissingBlobError, CorruptBlobError: one cannot be read.
    """
    return map(Page.from_bytes, blobs.read_many(digests))

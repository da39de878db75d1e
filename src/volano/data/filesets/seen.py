"""Seen: what a folder held at the last look, so that the next one reads only what changed.

A file counts as unchanged when size, times, inode and mode are those of the last look,
as git does it. A file that was written so shortly before the look that a write after it could bear
the same time is not believed the next time (git calls such an entry racy).
What is lost with this file is time only: all is read again.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from volano.data.filesets.walk import Found
from volano.store import pack

VERSION = 1
TICK_NS = 20_000_000
"""Longer than the step of a kernel's clock of files (4 to 10 ms)."""
COARSE_NS = 2_000_000_000
"""The step of the coarsest file systems, whose times have no milliseconds."""


class Look(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One path, and the digest of what was in it. `doubt`: read it again."""

    found: Found
    digest: str
    doubt: bool


class _Book(msgspec.Struct, array_like=True):
    version: int
    folder: str
    ref: str
    base: dict[str, tuple[str, str]]
    looks: list[Look]


@dataclass(slots=True)
class Seen:
    """The last look at a folder. `base` is what the version has: path to (mode, digest)."""

    folder: str
    ref: str = ""
    base: dict[str, tuple[str, str]] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)

    def digest(self, found: Found) -> str | None:
        """Return the digest of a path where it need not be read again."""
        look = self.looks.get(found.path)
        return look.digest if look and not look.doubt and look.found == found else None


class Book:
    """The looks at all folders of a workspace, one file each, in a folder that may be lost."""

    def __init__(self, place: Path):
        self._place = place

    def read(self, folder: Path) -> Seen:
        """Return the last look at a folder; an empty one where there is none that can be read."""
        try:
            book = msgspec.msgpack.decode(self._path(folder).read_bytes(), type=_Book)
        except (OSError, msgspec.DecodeError):
            return Seen(str(folder))
        if book.version != VERSION or book.folder != str(folder):
            return Seen(str(folder))
        looks = {look.found.path: look for look in book.looks}
        return Seen(book.folder, book.ref, book.base, looks)

    def write(self, seen: Seen) -> None:
        """Keep a look."""
        book = _Book(VERSION, seen.folder, seen.ref, seen.base, list(seen.looks.values()))
        data = msgspec.msgpack.encode(book)
        with pack.new_file(self._path(Path(seen.folder))) as file:
            file.write(data)

    def _path(self, folder: Path) -> Path:
        return self._place / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:32]}.seen"


def looks(found: Iterable[tuple[Found, str]], began_ns: int) -> dict[str, Look]:
    """Return looks that began at this moment; what was written right before it is in doubt."""
    return {one.path: Look(one, digest, _racy(one, began_ns)) for one, digest in found}


def _racy(found: Found, began_ns: int) -> bool:
    newest = max(found.mtime_ns, found.ctime_ns)
    step = COARSE_NS if found.mtime_ns % 1_000_000 == 0 else TICK_NS
    return newest + step >= began_ns

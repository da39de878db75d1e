"""Writing: a version becomes a folder again, byte for byte.

Bundles are read one after the other, each once where files are small. A folder that is
not there yet appears complete or not at all; in one that is there, each file does. No link in
the way is followed.
"""

import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from volano.data.filesets.errors import UnwritableError
from volano.data.filesets.tree import Entry, Tree
from volano.data.filesets.walk import FOLDER, LINK, PROGRAM
from volano.store.blobs import Blobs

_OPEN_BUNDLES = 3
_MODES = {PROGRAM: 0o755}


class Reader:
    """The contents of a version's files."""

    def __init__(self, blobs: Blobs, tree: Tree):
        self._blobs = blobs
        self._bundles = tree.bundles
        self._open: OrderedDict[int, bytes] = OrderedDict()

    def parts(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of an entry.

        Raises:
            MissingBlobError, CorruptBlobError: the store has lost or damaged them.
        """
        whole = entry.pieces[0] if len(entry.pieces) == 1 else None
        if whole and self._bundles[whole.bundle] == entry.digest:
            yield from self._blobs.stream(f"sha256:{entry.digest}")
            return
        for piece in entry.pieces:
            yield self._bundle(piece.bundle)[piece.offset : piece.offset + piece.size]

    def ordered(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries in the order in which their bytes lie."""
        return sorted(
            entries,
            key=lambda e: (e.pieces[0].bundle, e.pieces[0].offset) if e.pieces else (-1, 0),
        )

    def _bundle(self, number: int) -> bytes:
        if number not in self._open:
            while len(self._open) >= _OPEN_BUNDLES:
                self._open.popitem(last=False)
            self._open[number] = self._blobs.get(f"sha256:{self._bundles[number]}")
        self._open.move_to_end(number)
        return self._open[number]


def write_new(reader: Reader, entries: Iterable[Entry], to: Path) -> None:
    """Write a folder that is not there yet, or is empty.

    Raises:
        UnwritableError: it cannot be written.
    """
    with said(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".new", dir=to.parent))
        try:
            made: set[str] = set()
            for entry in reader.ordered(entries):
                _folder_for(new, entry, made)
                _put(reader, entry, str(new / entry.path))
            new.chmod(0o755)
            if to.is_dir():
                to.rmdir()
            new.rename(to)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise


def write_over(reader: Reader, entries: Iterable[Entry], gone: Iterable[str], to: Path) -> None:
    """Write entries into a folder that is there, and take away what the version has no more.

    Raises:
        UnwritableError: something else is in the way.
    """
    with said(to):
        for path in sorted(gone, reverse=True):
            _take_away(to, path)
        made: set[str] = set()
        for entry in reader.ordered(entries):
            _folder_for(to, entry, made)
            place = to / entry.path
            if entry.mode == FOLDER:
                continue
            new = str(place.with_name(f".{os.urandom(8).hex()}.new"))
            try:
                _put(reader, entry, new)
                os.replace(new, place)  # noqa: PTH105 - a hundred thousand times
            except BaseException:
                with suppress(OSError):
                    Path(new).unlink()
                raise


@contextmanager
def said(to: Path) -> Iterator[None]:
    """Say what the system says of a folder in our words."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(path=error.filename or to, why=error.strerror or error) from error


def _put(reader: Reader, entry: Entry, place: str) -> None:
    if entry.mode == LINK:
        os.symlink(entry.target, place)  # noqa: PTH211 - a hundred thousand times
    elif entry.mode != FOLDER:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(place, flags, _MODES.get(entry.mode, 0o644))
        try:
            for part in reader.parts(entry):
                left = memoryview(part)
                while left:
                    left = left[os.write(fd, left) :]
        finally:
            os.close(fd)


def _folder_for(root: Path, entry: Entry, made: set[str]) -> None:
    """Make the folders above an entry. One that is a link is not ours to write through."""
    inner = entry.path if entry.mode == FOLDER else entry.path.rpartition("/")[0]
    if not inner or inner in made:
        return
    place = root
    for part in inner.split("/"):
        place /= part
        if place.is_symlink():
            raise UnwritableError(path=place, why="it is a link")
        place.mkdir(exist_ok=True)
    made.add(inner)


def _take_away(root: Path, path: str) -> None:
    place = root
    for part in path.split("/")[:-1]:
        place /= part
        if place.is_symlink():
            return
    place = root / path
    with suppress(FileNotFoundError, NotADirectoryError):
        if place.is_dir() and not place.is_symlink():
            with suppress(OSError):
                place.rmdir()
        else:
            place.unlink()
    for parent in place.parents:
        if parent == root:
            break
        try:
            parent.rmdir()
        except OSError:
            break

"""Bundles: many small files become one blob; large files are cut by content into pieces.

A hundred thousand files of a kilobyte are a handful of blobs, not a hundred thousand: they are
written, found and read together. A large file is cut by FastCDC into pieces of about
64 KB (with the extra `[data]`; without it the file is one blob), so that an edit
within it costs the pieces that changed. Bytes that the last version has, or
that came before in this one, are not kept again.
"""

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from typing import Any

from volano.data.filesets.errors import UnreadableFileError, UnsteadyFileError
from volano.data.filesets.tree import Entry, Piece, Tree
from volano.data.filesets.walk import FOLDER, LINK, Found
from volano.store.blobs import Blobs
from volano.store.session import Session

SMALL = 256 * 1024
"""Bytes up to which a file is one piece."""
PIECE = 64 * 1024
FULL = 16 * 1024 * 1024
"""Bytes at which a bundle is written."""


class Bundler:
    """Takes files and gives entries; `close` writes what is still held.

    The session is that of the recording: what is put stays until a version names it.
    """

    def __init__(self, blobs: Blobs, session: Session, base: Tree | None = None):
        self._session = session
        self.bundles: list[str] = list(base.bundles) if base else []
        self._known = base.known() if base else {}
        self._blobs = blobs
        self._parts: list[bytes] = []
        self._held = 0
        self._cuts = find_spec("pyfastcdc") is not None

    def take(self, place: Path | str, found: Found) -> Entry:
        """Keep what lies at this place.

        Raises:
            UnreadableFileError: it cannot be read.
            UnsteadyFileError: it changed meanwhile.
            DiskFullError: no room for it.
        """
        try:
            if found.mode == FOLDER:
                return Entry(found.path, FOLDER, 0, "")
            if found.mode == LINK:
                target = os.readlink(place)  # noqa: PTH115 - a Path would tidy it up
                digest = hashlib.sha256(target.encode()).hexdigest()
                return Entry(found.path, LINK, len(target.encode()), digest, (), target)
            if found.size <= SMALL:
                return self._small(place, found)
            return self._large(Path(place), found)
        except OSError as error:
            raise UnreadableFileError(path=place, why=error.strerror or error) from error
        except UnicodeEncodeError:
            raise UnreadableFileError(
                path=place, why="it points to a name that is no UTF-8"
            ) from None

    def close(self) -> list[str]:
        """Write what is held; return the digests of all bundles."""
        self._flush()
        return self.bundles

    def _small(self, place: Path | str, found: Found) -> Entry:
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            data = os.read(fd, found.size + 1)
            while 0 < len(data) < found.size and (more := os.read(fd, found.size + 1 - len(data))):
                data += more
            _check_steady(fd, found, place)
        finally:
            os.close(fd)
        digest = hashlib.sha256(data).hexdigest()
        if not data:
            return Entry(found.path, found.mode, 0, digest)
        kept = self._keep(data, digest)
        pieces = (Piece(kept.bundle, kept.offset, kept.size),)
        return Entry(found.path, found.mode, len(data), digest, pieces)

    def _large(self, place: Path, found: Found) -> Entry:
        if not self._cuts:
            return self._whole(place, found)
        sha, pieces = hashlib.sha256(), []
        with FileIO(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)) as file:
            for data in _cut(file):
                sha.update(data)
                digest = hashlib.sha256(data).hexdigest()
                kept = self._keep(data, digest)
                pieces.append(Piece(kept.bundle, kept.offset, kept.size, digest))
            _check_steady(file.fileno(), found, place)
        return Entry(found.path, found.mode, found.size, sha.hexdigest(), tuple(pieces))

    def _whole(self, place: Path, found: Found) -> Entry:
        """Keep a large file as one blob: a bundle with one piece."""
        digest = self._blobs.put_file(place, session=self._session).hex
        size = self._blobs.size(f"sha256:{digest}")
        if size != found.size:
            raise UnsteadyFileError(path=place)
        if digest not in self._known:
            self._flush()
            self._known[digest] = Piece(len(self.bundles), 0, size)
            self.bundles.append(digest)
        kept = self._known[digest]
        pieces = (Piece(kept.bundle, kept.offset, size),)
        return Entry(found.path, found.mode, size, digest, pieces)

    def _keep(self, data: bytes, digest: str) -> Piece:
        piece = self._known.get(digest)
        if piece is None:
            piece = Piece(len(self.bundles), self._held, len(data), digest)
            self._known[digest] = piece
            self._parts.append(data)
            self._held += len(data)
            if self._held >= FULL:
                self._flush()
        return piece

    def _flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self.bundles += [d.hex for d in self._blobs.put_many([data], session=self._session)]
            self._parts, self._held = [], 0


def digest_of(place: Path | str, found: Found) -> str:
    """Return the sha256 of what lies at this place, in hexadecimal.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    try:
        if found.mode == FOLDER:
            return ""
        if found.mode == LINK:
            target = os.readlink(place)  # noqa: PTH115 - a Path would tidy it up
            return hashlib.sha256(os.fsencode(target)).hexdigest()
        with FileIO(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFileError(path=place, why=error.strerror or error) from error


def _cut(file: FileIO) -> Iterator[bytes]:
    from pyfastcdc import FastCDC  # of the extra [data]

    chunker: Any = FastCDC(avg_size=PIECE, min_size=PIECE // 4, max_size=PIECE * 4)
    for chunk in chunker.cut_stream(file):
        yield bytes(chunk.data)


def _check_steady(fd: int, found: Found, place: Path | str) -> None:
    at = os.fstat(fd)
    if (at.st_size, at.st_mtime_ns, at.st_ino) != (found.size, found.mtime_ns, found.inode):
        raise UnsteadyFileError(path=place)

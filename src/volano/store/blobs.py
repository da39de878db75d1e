"""Blobs: bytes by digest, in packs on the local disk, found through an index table.

What is put twice is kept once. The bytes are durable before their index row
is; every read is checked against the digest. The packs describe themselves,
so the index can be rebuilt from them alone.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Connection, delete, func, insert, select

from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.store import pack
from volano.store.db import Database
from volano.store.errors import MissingBlobError, SourceChangedError, UnreadableSourceError
from volano.store.pack import Place
from volano.store.tables import blobs

SUFFIX = ".pack"
_BATCH = 400
"""Digests in one `IN (...)`: below SQLite's limit on variables."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found on the disk. `bad` are (digest or pack, why)."""

    blobs: int
    packs: int
    bad: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return not self.bad


class Blobs:
    """The bytes of one workspace, in `folder`."""

    def __init__(self, folder: Path | str, db: Database):
        self.folder = Path(folder)
        self._db = db
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pack.sweep(self.folder)

    def put(self, data: bytes) -> Digest:
        """Keep these bytes; return their digest. Durable on return."""
        return self.put_many([data])[0]

    def put_many(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep several blobs in one pack and one transaction; return their digests in order.

        Raises:
            DiskFullError: no room; none of them was kept.
        """
        named = [(Digest.of(data), data) for data in items]
        new = dict(named)
        for digest in self._known(new):
            del new[digest]
        if new:
            self._index(self._write_small(new))
        return [digest for digest, _ in named]

    def put_file(self, path: Path | str) -> Digest:
        """Keep a file's bytes without loading them whole; return their digest.

        Raises:
            DiskFullError: no room; nothing was kept.
            SourceChangedError: somebody wrote to the file meanwhile.
            UnreadableSourceError: there is no such file, or it may not be read.
        """
        path = Path(path)
        with _opened(path) as source:
            digest = Digest("sha256:" + hashlib.file_digest(source, "sha256").hexdigest())
            if not self.has(digest):
                source.seek(0)
                self._index([self._write_large(source, digest, path)])
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of this digest, checked.

        Raises:
            MissingBlobError: they are not in the store.
            CorruptBlobError: what is stored is damaged.
        """
        return b"".join(self.stream(digest))

    def stream(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes in frames of at most 4 MiB; the check ends with the last frame.

        Raises:
            MissingBlobError, CorruptBlobError: as in `get`.
        """
        return pack.frames(self.folder, self._place(Digest(digest)))

    def checkout(self, digest: str, path: Path | str) -> Path:
        """Put the bytes into a file, which appears complete or not at all; return its path.

        A file that is there already and has this content is left alone.

        Raises:
            MissingBlobError, CorruptBlobError: as in `get`.
            DiskFullError: no room for the file.
        """
        path = Path(path)
        if not _holds(path, Digest(digest)):
            with pack.new_file(path, mode=0o644) as file:
                for part in self.stream(digest):
                    file.write(part)
        return path

    def has(self, digest: str) -> bool:
        """Whether these bytes are in the index."""
        return bool(self._known([Digest(digest)]))

    def size(self, digest: str) -> int:
        """Return the count of the bytes, uncompressed.

        Raises:
            MissingBlobError: they are not in the store.
        """
        return self._place(Digest(digest)).size

    def verify(self, digests: Iterable[str] | None = None) -> Scan:
        """Read blobs (all, or these) and check each; report those that are bad."""
        wanted = self._all() if digests is None else [Digest(digest) for digest in digests]
        bad = []
        packs = set()
        for digest in wanted:
            try:
                place = self._place(digest)
                packs.add(place.pack)
                _exhaust(pack.frames(self.folder, place))
            except VolanoError as error:
                bad.append((str(digest), error.message))
        return Scan(len(wanted), len(packs), tuple(bad))

    def some(self, max_bytes: int) -> tuple[list[Digest], int]:
        """Return digests to check, and how many there are: all when they are small, else by chance.

        By chance are as many as `max_bytes` hold together, and one at least.
        """
        with self._db.read() as conn:
            rows = conn.execute(select(blobs.c.digest, blobs.c.size).order_by(func.random())).all()
        chosen: list[Digest] = []
        room = max_bytes
        for row in rows:
            if row.size <= room or not chosen:
                chosen.append(Digest(row.digest))
                room -= row.size
        return chosen, len(rows)

    def lacking(self, digests: Iterable[str]) -> list[Digest]:
        """Return which of these are not in the index."""
        wanted = [Digest(digest) for digest in digests]
        known = self._known(wanted)
        return [digest for digest in wanted if digest not in known]

    def rebuild_index(self) -> Scan:
        """Make the index anew from the packs; report torn packs and damaged blobs.

        Others may put meanwhile: rows of packs that came after the look into
        the folder stay as they are.
        """
        found: dict[Digest, Place] = {}
        bad: list[tuple[str, str]] = []
        paths = sorted(self.folder.glob(f"*{SUFFIX}"))
        for path in paths:
            places = list(pack.scan(path))
            if pack.end_of(places) != path.stat().st_size:
                bad.append((path.name, "its tail is torn or damaged"))
            for place in places:
                self._sort_in(place, found, bad)
        with self._db.write() as conn:
            _forget(conn, {path.name for path in paths}, self.folder)
            known = _stored(conn, list(found))
            _insert(conn, (place for place in found.values() if place.digest not in known))
        return Scan(len(found), len(paths), tuple(bad))

    def _sort_in(self, place: Place, found: dict[Digest, Place], bad: list[Any]) -> None:
        if place.digest in found:
            return
        try:
            _exhaust(pack.frames(self.folder, place))
            found[place.digest] = place
        except VolanoError as error:
            bad.append((str(place.digest), error.message))

    def _place(self, digest: Digest) -> Place:
        with self._db.read() as conn:
            row = conn.execute(select(blobs).where(blobs.c.digest == digest)).first()
        if row is None:
            raise MissingBlobError(digest=digest, why="")
        return Place(digest, row.pack, row.offset, row.stored, row.size, row.codec)

    def _all(self) -> list[Digest]:
        with self._db.read() as conn:
            query = select(blobs.c.digest).order_by(blobs.c.pack, blobs.c.offset)
            return [Digest(digest) for digest in conn.scalars(query)]

    def _known(self, digests: Iterable[Digest]) -> set[Digest]:
        with self._db.read() as conn:
            return _stored(conn, list(digests))

    def _index(self, places: list[Place]) -> None:
        """Write the rows of blobs that nobody else has put meanwhile."""
        with self._db.write() as conn:
            known = _stored(conn, [place.digest for place in places])
            _insert(conn, (place for place in places if place.digest not in known))

    def _write_small(self, items: dict[Digest, bytes]) -> list[Place]:
        name, places, offset = _new_name(), [], len(pack.MAGIC)
        with pack.new_file(self.folder / name) as file:
            file.write(pack.MAGIC)
            for digest, data in items.items():
                codec, payload = pack.compress(data)
                place = Place(digest, name, offset, len(payload), len(data), codec)
                file.write(pack.header(place) + payload)
                offset += pack.HEADER_BYTES + len(payload)
                places.append(place)
        return places

    def _write_large(self, source: BufferedReader, digest: Digest, path: Path) -> Place:
        """Stream one file into a pack of its own; its header is filled in at the end."""
        name, sha = _new_name(), hashlib.sha256()
        start = len(pack.MAGIC)
        with pack.new_file(self.folder / name) as file:
            file.write(pack.MAGIC + bytes(pack.HEADER_BYTES))
            size, codec, press = 0, pack.RAW, None
            for part in pack.copy_frames(source.read):
                if not size and pack.compress(part)[0] == pack.ZSTD:
                    codec, press = pack.ZSTD, zstandard.ZstdCompressor(level=3).compressobj()
                sha.update(part)
                size += len(part)
                file.write(press.compress(part) if press else part)
            file.write(press.flush() if press else b"")
            if sha.hexdigest() != digest.hex:
                raise SourceChangedError(path=path)
            stored = file.tell() - start - pack.HEADER_BYTES
            place = Place(digest, name, start, stored, size, codec)
            file.seek(start)
            file.write(pack.header(place))
        return place


def _forget(conn: Connection, seen: set[str], folder: Path) -> None:
    """Delete the rows of packs that were read, or are gone; not of those that came meanwhile."""
    for name in conn.scalars(select(blobs.c.pack).distinct()).all():
        if name in seen or not (folder / name).exists():
            conn.execute(delete(blobs).where(blobs.c.pack == name))


def _new_name() -> str:
    """A random name: two writers must never rename onto each other's pack."""
    return os.urandom(16).hex() + SUFFIX


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableSourceError(path=path, why=error.strerror) from error


def _stored(conn: Connection, digests: list[Digest]) -> set[Digest]:
    known: set[Digest] = set()
    for start in range(0, len(digests), _BATCH):
        some = digests[start : start + _BATCH]
        query = select(blobs.c.digest).where(blobs.c.digest.in_(some))
        known.update(map(Digest, conn.scalars(query)))
    return known


def _insert(conn: Connection, places: Iterable[Place]) -> None:
    rows = [
        {
            name: getattr(place, name)
            for name in ("digest", "pack", "offset", "stored", "size", "codec")
        }
        for place in places
    ]
    if rows:
        conn.execute(insert(blobs), rows)


def _holds(path: Path, digest: Digest) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest.hex
    except FileNotFoundError:
        return False


def _exhaust(parts: Iterator[bytes]) -> None:
    for _ in parts:
        pass

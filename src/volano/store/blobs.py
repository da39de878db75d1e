"""Blobs: bytes by digest, in packs on the local disk, found through an index table.

What is put twice is kept once. The bytes are durable before their index row
is; every read is checked against the digest. The packs describe themselves,
so the index can be rebuilt from them alone.

Every put happens in a session (`session.py`): its own, or one that spans many
puts and the recording of what names them.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Connection, delete, func, insert, select, update

from volano.core.clock import Clock, SystemClock
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.store import pack
from volano.store.db import Database
from volano.store.errors import MissingBlobError, SourceChangedError, UnreadableSourceError
from volano.store.pack import Place
from volano.store.reader import PackReader
from volano.store.session import Session, alone, living, open_session
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

    def __init__(self, folder: Path | str, db: Database, clock: Clock | None = None):
        self.folder = Path(folder)
        self._db = db
        self._clock = clock or SystemClock()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pack.sweep(self.folder)
        living(self.folder)

    def session(self) -> AbstractContextManager[Session]:
        """Open a session: what is put in it stays until it ends, whoever collects garbage."""
        return open_session(self.folder, self._clock)

    def put(self, data: bytes) -> Digest:
        """Keep these bytes; return their digest. Durable on return."""
        return self.put_many([data])[0]

    def put_many(self, items: Iterable[bytes], *, session: Session | None = None) -> list[Digest]:
        """Keep several blobs in one pack and one transaction; return their digests in order.

        Raises:
            DiskFullError: no room; none of them was kept.
        """
        named = [(Digest.of(data), data) for data in items]
        with self._within(session) as mine:
            wanted = dict(named)
            while wanted:  # again, where a collector took some between the look and the lock
                known = self._known(wanted)
                new = {digest: data for digest, data in wanted.items() if digest not in known}
                places = self._write_small(new, mine) if new else []
                gone = self._index(places, known, mine)
                wanted = {digest: wanted[digest] for digest in gone}
        return [digest for digest, _ in named]

    def rely_on(self, digests: Iterable[str], *, session: Session) -> None:
        """Let what is in the store already stay until the session ends, as if it was put again.

        Raises:
            MissingBlobError: some of it is in the store no longer.
        """
        wanted = list(dict.fromkeys(map(Digest, digests)))
        if wanted and (gone := self._index([], wanted, session)):
            raise MissingBlobError(digest=gone[0], why="")

    def put_file(self, path: Path | str, *, session: Session | None = None) -> Digest:
        """Keep a file's bytes without loading them whole; return their digest.

        Raises:
            DiskFullError: no room; nothing was kept.
            SourceChangedError: somebody wrote to the file meanwhile.
            UnreadableSourceError: there is no such file, or it may not be read.
        """
        path = Path(path)
        with _opened(path) as source, self._within(session) as mine:
            digest = Digest("sha256:" + hashlib.file_digest(source, "sha256").hexdigest())
            known = self._known([digest])
            if not known or self._index([], known, mine):
                source.seek(0)
                self._index([self._write_large(source, digest, path, mine)], (), mine)
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
        place = self._place(Digest(digest))
        try:
            yield from pack.frames(self.folder, place)
        except MissingBlobError:
            moved = self._place(place.digest)
            if moved == place:
                raise
            yield from pack.frames(self.folder, moved)

    def read_many(self, digests: Iterable[str]) -> Iterator[bytes]:
        """Yield the bytes of each of these, in order, checked; for many small blobs.

        Raises:
            MissingBlobError, CorruptBlobError: as in `get`.
        """
        for _, data in self.read_each(digests):
            if isinstance(data, VolanoError):
                raise data
            yield data

    def read_each(self, digests: Iterable[str]) -> Iterator[tuple[Digest, bytes | VolanoError]]:
        """Yield each digest with its bytes, or with what is wrong with them."""
        reader = PackReader(self.folder)
        try:
            for some in _batches(digests):
                places = self._places(some)
                for digest in some:
                    yield digest, self._read(reader, digest, places)
        finally:
            reader.close()

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
        wanted = self._all() if digests is None else digests
        bad: list[tuple[str, str]] = []
        packs: set[str] = set()
        count = 0
        reader = PackReader(self.folder)
        for some in _batches(wanted):
            places = self._places(some)
            packs.update(place.pack for place in places.values())
            count += len(some)
            checked = [(digest, self._check(reader, digest, places)) for digest in some]
            bad += [(str(digest), error.message) for digest, error in checked if error]
        reader.close()
        return Scan(count, len(packs), tuple(bad))

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
        found = []
        for some in _batches(digests):
            known = self._known(some)
            found += [digest for digest in some if digest not in known]
        return found

    def rebuild_index(self) -> Scan:
        """Make the index anew from the packs; report torn packs and damaged blobs.

        Others may put meanwhile: rows of packs that came after the look into
        the folder stay as they are.

        Raises:
            BusyFolderError: somebody collects garbage, or does this, now.
        """
        with alone(self.folder):
            return self._rebuild()

    def _rebuild(self) -> Scan:
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
            new = (place for place in found.values() if place.digest not in known)
            _insert(conn, new, self._clock.now_us())
        return Scan(len(found), len(paths), tuple(bad))

    def _sort_in(self, place: Place, found: dict[Digest, Place], bad: list[Any]) -> None:
        if place.digest in found:
            return
        try:
            _exhaust(pack.frames(self.folder, place))
            found[place.digest] = place
        except VolanoError as error:
            bad.append((str(place.digest), error.message))

    def _within(self, session: Session | None) -> AbstractContextManager[Session]:
        if session is not None:
            return nullcontext(session)
        return self.session()

    def _read(
        self, reader: PackReader, digest: Digest, places: Mapping[Digest, Place]
    ) -> bytes | VolanoError:
        try:
            place = places.get(digest) or self._place(digest)
            try:
                return reader.read(place)
            except MissingBlobError:
                moved = self._place(digest)
                if moved == place:
                    raise
                return reader.read(moved)
        except VolanoError as error:
            return error

    def _check(
        self, reader: PackReader, digest: Digest, places: Mapping[Digest, Place]
    ) -> VolanoError | None:
        """Read a blob, a large one frame by frame; return what is wrong with it."""
        place = places.get(digest)
        if place is None or place.size <= pack.FRAME_BYTES:
            found = self._read(reader, digest, places)
            return found if isinstance(found, VolanoError) else None
        try:
            _exhaust(self.stream(digest))
        except VolanoError as error:
            return error
        return None

    def _place(self, digest: Digest) -> Place:
        place = self._places([digest]).get(digest)
        if place is None:
            raise MissingBlobError(digest=digest, why="")
        return place

    def _places(self, digests: Sequence[Digest]) -> dict[Digest, Place]:
        with self._db.read() as conn:
            rows = conn.execute(select(blobs).where(blobs.c.digest.in_(digests))).all()
        return {place.digest: place for place in map(_as_place, rows)}

    def _all(self) -> list[Digest]:
        with self._db.read() as conn:
            query = select(blobs.c.digest).order_by(blobs.c.pack, blobs.c.offset)
            return [Digest(digest) for digest in conn.scalars(query)]

    def _known(self, digests: Iterable[Digest]) -> set[Digest]:
        with self._db.read() as conn:
            return set(_stored(conn, list(digests)))

    def _index(
        self, places: list[Place], used: Iterable[Digest] = (), session: Session | None = None
    ) -> list[Digest]:
        """Write the rows of blobs that nobody else has put meanwhile, and say that all are used.

        Return which of `used` are in the index no longer.
        """
        used = list(used)
        with self._db.write() as conn:
            known = _stored(conn, [*(place.digest for place in places), *used])
            now_us = max(self._clock.now_us(), session.began_us if session else 0)
            since_us = session.began_us if session else now_us
            _insert(conn, (place for place in places if place.digest not in known), now_us)
            _use(conn, [d for d, used_us in known.items() if used_us < since_us], now_us)
        return [digest for digest in used if digest not in known]

    def _write_small(
        self, items: Mapping[Digest, bytes], session: Session | None = None
    ) -> list[Place]:
        name, places, offset = new_name(session), [], len(pack.MAGIC)
        with pack.new_file(self.folder / name) as file:
            file.write(pack.MAGIC)
            for digest, data in items.items():
                codec, payload = pack.compress(data)
                place = Place(digest, name, offset, len(payload), len(data), codec)
                file.write(pack.header(place) + payload)
                offset += pack.HEADER_BYTES + len(payload)
                places.append(place)
        return places

    def _write_large(
        self, source: BufferedReader, digest: Digest, path: Path, session: Session | None = None
    ) -> Place:
        """Stream one file into a pack of its own; its header is filled in at the end."""
        name, sha = new_name(session), hashlib.sha256()
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


def new_name(session: Session | None = None) -> str:
    """A random name: two writers must never rename onto each other's pack.

    Its first half says in which session it was written.
    """
    return (session.id if session else os.urandom(8).hex()) + os.urandom(8).hex() + SUFFIX


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableSourceError(path=path, why=error.strerror) from error


def _as_place(row: Any) -> Place:
    return Place(Digest(row.digest), row.pack, row.offset, row.stored, row.size, row.codec)


def _batches(digests: Iterable[str]) -> Iterator[list[Digest]]:
    wanted = iter(digests)
    while some := [Digest(digest) for digest in islice(wanted, _BATCH)]:
        yield some


def _stored(conn: Connection, digests: list[Digest]) -> dict[Digest, int]:
    """Return which of these are in the index, and when they were last put."""
    known: dict[Digest, int] = {}
    for some in _batches(digests):
        query = select(blobs.c.digest, blobs.c.used_us).where(blobs.c.digest.in_(some))
        known.update((Digest(digest), used_us) for digest, used_us in conn.execute(query))
    return known


def _use(conn: Connection, digests: list[Digest], now_us: int) -> None:
    for some in _batches(digests):
        query = update(blobs).where(blobs.c.digest.in_(some))
        conn.execute(query.values(used_us=now_us))


def _insert(conn: Connection, places: Iterable[Place], now_us: int) -> None:
    names = ("digest", "pack", "offset", "stored", "size", "codec")
    rows = [
        {**{name: getattr(place, name) for name in names}, "used_us": now_us} for place in places
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

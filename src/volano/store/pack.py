"""The pack file: many blobs one after the other, each telling what it is.

    file    := b"VPACK" u8 version, 2 zero bytes, then records
    record  := header, `stored` payload bytes
    header  := b"VB" u8 codec u8 zero, digest (32 bytes), u64 size, u64 stored, u32 crc32
               (big-endian; the checksum covers the header before it)

`codec` says how the payload is kept: 0 as it is, 1 zstd. So the index in the
database can be lost and made again from the packs alone. A pack is written
under a temporary name, fsynced, renamed, and its folder fsynced: whoever is
killed meanwhile leaves nothing that looks like a pack.
"""

import errno
import fcntl
import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from volano.core.digest import Digest
from volano.store.errors import CorruptBlobError, DiskFullError, MissingBlobError

MAGIC = b"VPACK\x01\x00\x00"
RAW, ZSTD = 0, 1
FRAME_BYTES = 4 * 1024 * 1024
_HEADER = struct.Struct(">2sBB32sQQ")
_CRC = struct.Struct(">I")
HEADER_BYTES = _HEADER.size + _CRC.size
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a blob lies: `offset` is that of its header, `stored` the payload's bytes."""

    digest: Digest
    pack: str
    offset: int
    stored: int
    size: int
    codec: int


def header(place: Place) -> bytes:
    """Return the record header for this blob."""
    raw = bytes.fromhex(place.digest.hex)
    head = _HEADER.pack(b"VB", place.codec, 0, raw, place.size, place.stored)
    return head + _CRC.pack(zlib.crc32(head))


def read_header(data: bytes, pack: str, offset: int) -> Place | None:
    """Read a record header; None when these bytes are none."""
    if len(data) != HEADER_BYTES:
        return None
    head, (crc,) = data[: _HEADER.size], _CRC.unpack(data[_HEADER.size :])
    magic, codec, zero, digest, size, stored = _HEADER.unpack(head)
    if magic != b"VB" or zero or crc != zlib.crc32(head):
        return None
    return Place(Digest(f"sha256:{digest.hex()}"), pack, offset, stored, size, codec)


def scan(path: Path) -> Iterator[Place]:
    """Yield the complete records of a pack, and stop quietly at a torn tail."""
    end = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        offset = len(MAGIC)
        while place := read_header(file.read(HEADER_BYTES), path.name, offset):
            offset += HEADER_BYTES + place.stored
            if offset > end:
                return
            yield place
            file.seek(offset)


def end_of(places: list[Place]) -> int:
    """Return where the last of these records ends: beyond it lies a torn tail."""
    return places[-1].offset + HEADER_BYTES + places[-1].stored if places else len(MAGIC)


def frames(folder: Path, place: Place) -> Iterator[bytes]:
    """Yield a blob's bytes in frames of at most 4 MiB, and check them on the way.

    The last check comes after the last frame: use what was read only when the
    iterator ended without an error.

    Raises:
        MissingBlobError: the pack file is gone.
        CorruptBlobError: the bytes are not those that were put.
    """
    try:
        with (folder / place.pack).open("rb") as file:
            file.seek(place.offset)
            if read_header(file.read(HEADER_BYTES), place.pack, place.offset) != place:
                raise _corrupt(place, "its header does not match the index")
            yield from _checked(_payload(file, place), place)
    except FileNotFoundError as error:
        raise MissingBlobError(digest=place.digest, why=f": pack {place.pack} is gone") from error


def _checked(parts: Iterator[bytes], place: Place) -> Iterator[bytes]:
    sha, size = hashlib.sha256(), 0
    try:
        for part in parts:
            sha.update(part)
            size += len(part)
            if size > place.size:
                raise _corrupt(place, "more bytes than were put")
            yield part
    except (zstandard.ZstdError, OSError) as error:
        raise _corrupt(place, str(error)) from error
    if size != place.size or sha.hexdigest() != place.digest.hex:
        raise _corrupt(place, "the checksum differs")


def _payload(file: BinaryIO, place: Place) -> Iterator[bytes]:
    if place.codec == RAW:
        left = place.stored
        while left and (part := file.read(min(left, FRAME_BYTES))):
            left -= len(part)
            yield part
    elif place.codec == ZSTD:
        with zstandard.ZstdDecompressor().stream_reader(
            cast(BinaryIO, _Window(file, place.stored)), read_across_frames=True, closefd=False
        ) as reader:
            while part := reader.read(FRAME_BYTES):
                yield part
    else:
        raise _corrupt(place, f"codec {place.codec} is unknown to this version of volano")


class _Window:
    """The next `left` bytes of a file, as a file of their own."""

    def __init__(self, file: BinaryIO, left: int):
        self._file = file
        self._left = left

    def read(self, size: int) -> bytes:
        part = self._file.read(min(size, self._left))
        self._left -= len(part)
        return part


def _corrupt(place: Place, why: str) -> CorruptBlobError:
    return CorruptBlobError(digest=place.digest, pack=place.pack, why=why)


def compress(data: bytes) -> tuple[int, bytes]:
    """Return (codec, payload): zstd, or the bytes as they are where that is smaller."""
    packed = zstandard.ZstdCompressor(level=3).compress(data)
    return (ZSTD, packed) if len(packed) < len(data) else (RAW, data)


@contextmanager
def new_file(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Write a file that appears under its name complete and durable, or not at all.

    Raises:
        DiskFullError: no room; nothing is left behind.
    """
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, file = _temporary(path.parent, mode)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                temporary.rename(path)
            _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn the kernel's words for a full disk into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(where=path, why=error.strerror) from error
        raise


def _temporary(folder: Path, mode: int) -> tuple[Path, BinaryIO]:
    """Make and lock a temporary file. The lock tells `sweep` that its writer lives."""
    while True:
        path = folder / f".tmp-{os.urandom(8).hex()}"
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode), "w+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return path, file
        file.close()  # a sweeper was quicker than our lock


def sweep(folder: Path) -> int:
    """Delete the temporary files of writers that died; return how many."""
    swept = 0
    for path in folder.glob(".tmp-*"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            swept += 1
    return swept


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def copy_frames(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what `read` gives, frame by frame, until it gives nothing."""
    while part := read(FRAME_BYTES):
        yield part

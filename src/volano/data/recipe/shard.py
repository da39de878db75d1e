"""Shards: runs of rows on the disk, each named by the sha256 of its lines.

A shard is JSON Lines in zstd. The name is that of the uncompressed lines, so
that a step which changes nothing makes no second file, and a reader finds out
about every damaged byte before it hands on a row. A shard appears under its
name complete and durable, or not at all.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import zstandard

from volano.data.recipe.errors import DamagedShardError
from volano.data.step import Record
from volano.store import pack

SHARD_ROWS = 5_000
SHARD_BYTES = 8 * 2**20
"""A shard is full at so many rows, or so many bytes of lines."""

SPILL_BYTES = 4 * SHARD_BYTES
"""A shard that grows beyond this (a step made many rows of few) goes to the disk piece by piece."""

LEVEL = 1
_PIECE = 2**20
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of rows: the sha256 of its lines, how many, and their bytes uncompressed."""

    sha256: str
    rows: int
    size: int

    def to_list(self) -> list[Any]:
        """Return it as JSON."""
        return [self.sha256, self.rows, self.size]

    @classmethod
    def from_list(cls, raw: Any) -> "Shard":
        """Read it back. Raises ValueError or TypeError: it is none."""
        sha256, rows, size = raw
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError(sha256)
        return cls(str(sha256), int(rows), int(size))


class Unsayable(Exception):
    """A row that JSON cannot say."""


def line_of(row: Any) -> bytes:
    """Return a row as a line. NaN becomes null, for JSON has no word for it.

    Raises:
        Unsayable: JSON cannot say it.
    """
    try:
        return _encode(row) + b"\n"
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError) as error:
        raise Unsayable(str(error)[:200]) from error


def row_of(line: bytes) -> Record:
    """Return the row that a line says."""
    row: Record = _decode(line)
    return row


class Shards:
    """A folder of shards."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the shard of this name lies."""
        return self.folder / sha256[:2] / f"{sha256}.jsonl.zst"

    def has(self, shard: Shard) -> bool:
        """Whether the shard is there; an empty one always is."""
        return not shard.size or self.path(shard.sha256).exists()

    def drop(self, sha256: str) -> None:
        """Take a damaged shard away, so that it is made again."""
        with suppress(FileNotFoundError):
            self.path(sha256).unlink()

    def read(self, shard: Shard) -> Iterator[Record]:
        """Yield the rows. All bytes are checked before the first row.

        Raises:
            DamagedShardError: they are not what was written.
        """
        return read_file(self.path(shard.sha256), shard)

    @contextmanager
    def writer(self) -> Iterator["Writer"]:
        """Give a writer; `shard` of it says what was written when the block has ended."""
        with _forgetting(Writer(self)) as writer:
            yield writer
            writer.close()


def read_file(path: Path, shard: Shard) -> Iterator[Record]:
    """Yield the rows of a shard that lies somewhere (see `Shards.read`)."""
    if not shard.size:
        return
    if shard.size <= SPILL_BYTES:
        data = b"".join(_checked(path, shard))
        yield from map(row_of, data.removesuffix(b"\n").split(b"\n"))
        return
    for _ in _checked(path, shard):
        pass
    rest = b""
    for piece in _checked(path, shard):
        *lines, rest = (rest + piece).split(b"\n")
        yield from map(row_of, lines)


def _checked(path: Path, shard: Shard) -> Iterator[bytes]:
    """Yield the lines' bytes in pieces; the check ends with the last."""
    sha, left = hashlib.sha256(), shard.size
    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
            while piece := reader.read(_PIECE):
                left -= len(piece)
                if left < 0:
                    raise DamagedShardError(sha256=shard.sha256, why="they are too long")
                sha.update(piece)
                yield piece
    except (OSError, zstandard.ZstdError) as error:
        raise DamagedShardError(sha256=shard.sha256, why=str(error)[:200]) from error
    if left or sha.hexdigest() != shard.sha256:
        raise DamagedShardError(sha256=shard.sha256, why="the bytes are not those written")


class Writer:
    """Takes lines; makes a shard of them.

    Without `keep` it only says how the shard is called; it may be taken away before the first
    `SPILL_BYTES` (`decided` is for who does so).
    """

    def __init__(self, shards: Shards):
        self._shards = shards
        self._sha = hashlib.sha256()
        self._held = bytearray()
        self._spill: Any = None
        self._file: BinaryIO | None = None
        self._pieces: Any = None
        self.keep = True
        self.decided = False
        self.rows = 0
        self.size = 0
        self.shard = Shard(self._sha.hexdigest(), 0, 0)

    def write(self, line: bytes) -> None:
        """Add a row's line.

        Raises:
            DiskFullError: no room.
        """
        self._held += line
        self.rows += 1
        self.size += len(line)
        if len(self._held) > (SPILL_BYTES if self.keep else _PIECE):
            self._sha.update(self._held)
            if self.keep:
                self._pour()
            self._held.clear()

    def close(self) -> None:
        """Put the shard under its name, unless there is one already."""
        self._sha.update(self._held)
        self.shard = Shard(self._sha.hexdigest(), self.rows, self.size)
        path = self._shards.path(self.shard.sha256)
        if not self.keep:
            self._held.clear()
        elif self._spill is not None:
            self._pour(last=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._spilled.replace(path)
        elif self.size and not path.exists():
            with pack.new_file(path) as file:
                file.write(zstandard.ZstdCompressor(level=LEVEL).compress(self._held))
        self._held = bytearray()

    def forget(self) -> None:
        """Let go of what was written so far."""
        if self._spill is not None:
            error = InterruptedError()
            with suppress(InterruptedError):
                self._spill.__exit__(type(error), error, None)

    def _pour(self, *, last: bool = False) -> None:
        if self._spill is None:
            self._spilled = self._shards.folder / f"spilled-{os.urandom(8).hex()}"
            self._spill = pack.new_file(self._spilled)
            self._file = self._spill.__enter__()
            self._pieces = zstandard.ZstdCompressor(level=LEVEL).compressobj()
        assert self._file is not None, "opened above"
        with pack.room_for(self._spilled):
            self._file.write(self._pieces.compress(self._held))
            if last:
                self._file.write(self._pieces.flush())
        if last:
            self._spill.__exit__(None, None, None)


@contextmanager
def _forgetting(writer: Writer) -> Iterator[Writer]:
    """Let a writer forget what it holds when its block fails."""
    try:
        yield writer
    except BaseException:
        writer.forget()
        raise

"""Unpacking: gzip and zstd as a stream of bytes, told by how they begin, stopped when they swell.

A file that unpacks to a thousand times its size is a bomb; what it gave before
the limit is kept by whoever reads lines, and the rest is set aside.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import zstandard

from volano.data.sources import reasons
from volano.data.sources.limits import MIB, Limits

Packing = Literal["", "gzip", "zstd"]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BUFFER = 256 << 10
_ZSTD_WINDOW = 128 * MIB
_ZSTD_STEP = 1 << 10
"""Bytes taken in at once: four of them can stand for 128 KiB."""
_FREE = 16 * MIB
"""So far anything may unpack: small files of equal lines do, by far."""


class BrokenFileError(OSError):
    """A file cannot be read on; `reason` is one of few."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def packing(path: Path) -> Packing:
    """Return how a file is packed, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_GZIP):
        return "gzip"
    return "zstd" if head == _ZSTD else ""


@contextmanager
def unpacked(path: Path, limits: Limits) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked.

    Reading raises `BrokenFileError` where the file is damaged, cut off, or a bomb.
    """
    how = packing(path)
    with path.open("rb") as file:
        if not how:
            yield file
            return
        stream: Any
        if how == "gzip":
            stream = gzip.GzipFile(fileobj=file)
        else:
            stream = _Zstd(file)
        with io.BufferedReader(_Measured(stream, file, limits), _BUFFER) as reader:
            yield reader


class _Zstd:
    """Frames of zstd, one after the other; unlike the library's own reader it sees a cut file."""

    def __init__(self, file: BinaryIO):
        self._file, self._left, self._packed = file, b"", b""
        self._tool = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame: Any = None

    def read1(self, size: int) -> bytes:
        """Return some bytes, none at the end. Raises: EOFError: the file is cut off."""
        while not self._left:
            packed = self._packed or self._file.read(_ZSTD_STEP)
            self._packed = b""
            if not packed:
                if self._frame is not None:
                    raise EOFError
                return b""
            self._frame = self._frame or self._tool.decompressobj()
            self._left = self._frame.decompress(packed)
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        piece, self._left = self._left[:size], self._left[size:]
        return piece


class _Measured(io.RawIOBase):
    """Counts what comes out against what went in."""

    def __init__(self, stream: Any, packed: BinaryIO, limits: Limits):
        self._stream, self._packed, self._limits = stream, packed, limits
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._stream.read1(min(len(buffer), _BUFFER))
        except EOFError:
            raise BrokenFileError(reasons.BROKEN, "the compressed file is cut off") from None
        except (OSError, zlib.error, zstandard.ZstdError) as error:
            raise BrokenFileError(reasons.BROKEN, f"it does not unpack: {error}"[:200]) from None
        buffer[: len(piece)] = piece
        self._out += len(piece)
        self._check()
        return len(piece)

    def _check(self) -> None:
        most = self._limits.unpacked
        if self._out > most:
            raise BrokenFileError(reasons.BOMB, f"more than {most} bytes")
        if self._out > _FREE and self._out > self._limits.ratio * max(1, self._packed.tell()):
            raise BrokenFileError(reasons.BOMB, f"more than {self._limits.ratio} times its size")

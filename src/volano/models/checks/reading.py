"""Bytes: a file read piece by piece, where every length is compared with what is left."""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from volano.models.errors import RefusedFileError

AGAIN = "Get the file again from where it comes from, and compare its checksum."


class Bytes:
    """The bytes of one file, from `start` to `end`, and a place in them."""

    def __init__(self, data: "mmap.mmap | bytes", name: str, start: int = 0, end: int = -1):
        self._data = data
        self.name = name
        self.at = start
        self.end = len(data) if end < 0 else end

    @property
    def left(self) -> int:
        """How many bytes follow."""
        return self.end - self.at

    def refuse(self, reason: str, way: str = AGAIN) -> NoReturn:
        """Say no to this file."""
        raise RefusedFileError(file=self.name, reason=reason, way=way)

    def skip(self, count: int, what: str) -> int:
        """Pass over so many bytes; return where they begin."""
        if count < 0 or count > self.left:
            self.refuse(f"it ends within {what}: {count} bytes are told, {self.left} are there")
        begin, self.at = self.at, self.at + count
        return begin

    def take(self, count: int, what: str, *, most: int) -> bytes:
        """Return the next bytes, at most `most` of them."""
        if count > most:
            self.refuse(f"{what} has {count} bytes, more than {most}")
        begin = self.skip(count, what)
        return bytes(self._data[begin : begin + count])

    def peek(self, begin: int, end: int) -> bytes:
        """Return bytes anywhere in the file, between places that were checked."""
        return bytes(self._data[begin:end])

    def number(self, form: str, what: str) -> int:
        """Return the next number; `form` is one letter of `struct`, little-endian."""
        size = struct.calcsize(f"<{form}")
        begin = self.skip(size, what)
        [found] = struct.unpack_from(f"<{form}", self._data, begin)
        return int(found)

    def real(self, form: str, what: str) -> float:
        """Return the next float; `form` is `f` or `d`, little-endian."""
        begin = self.skip(struct.calcsize(f"<{form}"), what)
        [found] = struct.unpack_from(f"<{form}", self._data, begin)
        return float(found)

    def text(self, count: int, what: str, *, most: int) -> str:
        """Return the next bytes as text."""
        raw = self.take(count, what, most=most)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.refuse(f"{what} is not UTF-8")

    def part(self, count: int, what: str) -> "Bytes":
        """Return the next bytes as a reader of their own, and pass over them."""
        begin = self.skip(count, what)
        return Bytes(self._data, self.name, begin, begin + count)


@contextmanager
def opened(path: Path, name: str = "") -> Iterator[Bytes]:
    """Yield the bytes of a file, mapped: what is not looked at takes no memory.

    Raises:
        RefusedFileError: it is empty, or cannot be read.
    """
    name = name or path.name
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield Bytes(data, name)
    except ValueError as error:
        raise RefusedFileError(file=name, reason="it is empty", way=AGAIN) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise RefusedFileError(file=name, reason=reason, way="Check its permissions.") from error

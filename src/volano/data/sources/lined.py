"""Lines of any file: bounded, in the encoding that they really have, told by number when not.

Each line is decoded on its own: UTF-8 first, then the encodings that were
stated. So a file of mixed encodings gives what can be read, and nothing is
guessed. A line beyond the limit is skipped without being held.
"""

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from volano.data.sources import reasons
from volano.data.sources.unpack import BrokenFileError

_SKIP = 64 << 10
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
"""Encodings whose line ends are no single bytes; the longer mark first."""
_WIDE = ("utf-16", "utf-32")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `text` lacks where it cannot be read: `reason` says why, `raw` how it begins."""

    number: int
    byte: int
    raw: bytes
    text: str | None
    encoding: str = ""
    reason: str = ""
    detail: str = ""


def lines(stream: BinaryIO, *, limit: int, encodings: Sequence[str] = ()) -> Iterator[Line]:
    """Yield each line, with its end. `byte` counts from 0 in the unpacked file.

    Raises:
        BrokenFileError: the file cannot be read on; the lines before it were given.
    """
    source, wide = _wide(stream, encodings)
    number = byte = 0
    while raw := _read(source, limit):
        number += 1
        size = len(raw)
        if size > limit:
            size += _skip(source) if not raw.endswith(b"\n") else 0
            why = f"{size} bytes; the limit is {limit}"
            yield Line(number, byte, raw[:4000], None, wide, reasons.TOO_LONG, why)
        else:
            if number == 1 and raw.startswith(codecs.BOM_UTF8):
                raw = raw[len(codecs.BOM_UTF8) :]
            yield _decoded(raw, number, byte, encodings, wide)
        byte += size


def decode(raw: bytes, encodings: Sequence[str] = ()) -> tuple[str, str]:
    """Return a text and its encoding: empty for UTF-8.

    Raises:
        UnicodeDecodeError: it is neither UTF-8 nor any of the stated encodings.
    """
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw.decode(name), name
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode(), ""
    except UnicodeDecodeError:
        for name in encodings:
            try:
                return raw.decode(name), name
            except UnicodeDecodeError:
                continue
        raise


def known_encoding(name: str) -> bool:
    """Whether Python decodes this encoding to text."""
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001
    except (LookupError, ValueError):
        return False


def _decoded(raw: bytes, number: int, byte: int, encodings: Sequence[str], wide: str) -> Line:
    if (at := raw.find(0)) >= 0:
        return Line(number, byte, raw, None, wide, reasons.NUL, f"byte {byte + at}")
    try:
        text, encoding = decode(raw, encodings)
    except UnicodeDecodeError as error:
        tried = ", ".join(["UTF-8", *encodings])
        why = f"byte {byte + error.start} is 0x{raw[error.start]:02x}; tried {tried}"
        return Line(number, byte, raw, None, "", reasons.NOT_ENCODED, why)
    return Line(number, byte, raw, text, wide or encoding)


def _read(source: Any, limit: int) -> bytes:
    try:
        return source.readline(limit + 1)
    except BrokenFileError:
        raise
    except OSError as error:
        raise BrokenFileError(reasons.UNREADABLE, error.strerror or str(error)) from error


def _skip(source: Any) -> int:
    """Read to the end of the line, holding little of it; return how far that was."""
    far = 0
    while piece := _read(source, _SKIP):
        far += len(piece)
        if piece.endswith(b"\n"):
            break
    return far


def _wide(stream: BinaryIO, encodings: Sequence[str]) -> tuple[Any, str]:
    """Return UTF-16 and UTF-32 as UTF-8; other encodings as they are."""
    buffered: Any = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
    try:
        head = buffered.peek(4)[:4]
    except BrokenFileError:
        raise
    except OSError as error:
        raise BrokenFileError(reasons.UNREADABLE, error.strerror or str(error)) from error
    for mark, name in _MARKS:
        if head.startswith(mark):
            return io.BufferedReader(_Recoded(buffered, name)), name
    stated = [codecs.lookup(name).name for name in encodings]
    if stated and stated[0].startswith(_WIDE):
        return io.BufferedReader(_Recoded(buffered, stated[0])), stated[0]
    return buffered, ""


class _Recoded(io.RawIOBase):
    """A stream in a wide encoding, as UTF-8. What is no text ends the file."""

    def __init__(self, stream: Any, encoding: str):
        self._stream, self._encoding, self._left = stream, encoding, b""
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            raw = self._stream.read(_SKIP)
            try:
                self._left = self._decoder.decode(raw, final=not raw).encode()
            except UnicodeDecodeError as error:
                why = f"it is not {self._encoding}: {error.reason}"
                raise BrokenFileError(reasons.NOT_ENCODED, why) from None
            if not raw:
                break
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

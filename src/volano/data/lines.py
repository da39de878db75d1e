"""Lines of a file that somebody else wrote: bounded, UTF-8, named by number when they are not."""

import codecs
import stat
from collections.abc import Iterator
from pathlib import Path

from volano.data.errors import (
    LineTooLongError,
    NotUtf8Error,
    NulByteError,
    SourceNotFoundError,
    SourceTooLargeError,
    SourceUnreadableError,
)

MAX_FILE = 2 * 1024**3
MAX_LINE = 1024**2
"""Bytes. A file is read row by row but its rows are held in memory until all are good."""


def read_lines(
    path: Path, *, max_file: int = MAX_FILE, max_line: int = MAX_LINE
) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of each line; a byte-order mark is dropped, line ends are kept.

    Raises:
        SourceNotFoundError, SourceUnreadableError: no such file; a folder, a pipe, no permission.
        SourceTooLargeError, LineTooLongError: over a limit in bytes; nothing beyond it is read.
        NotUtf8Error, NulByteError: not UTF-8 text; they name line and byte.
    """
    _check(path, max_file)
    offset = 0
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(max_line + 1):
                number += 1
                if len(raw) > max_line:
                    raise LineTooLongError(line=number, path=path.name, limit=max_line)
                yield number, _decode(raw, number, offset, path)
                offset += len(raw)
    except OSError as error:
        raise SourceUnreadableError(path=path, reason=error.strerror or error) from error


def _check(path: Path, limit: int) -> None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFoundError(path=path) from None
    except (OSError, ValueError) as error:
        raise SourceUnreadableError(path=path, reason=error) from error
    if not stat.S_ISREG(found.st_mode):
        raise SourceUnreadableError(path=path, reason="it is not a regular file")
    if found.st_size > limit:
        raise SourceTooLargeError(path=path, size=found.st_size, limit=limit)


def _decode(raw: bytes, number: int, offset: int, path: Path) -> str:
    if number == 1:
        mark = len(codecs.BOM_UTF8) if raw.startswith(codecs.BOM_UTF8) else 0
        raw, offset = raw[mark:], offset + mark
    if (at := raw.find(0)) >= 0:
        raise NulByteError(line=number, path=path.name, byte=offset + at + 1)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8Error(
            line=number, path=path.name,
            byte=offset + error.start + 1, value=f"{raw[error.start]:02x}",
        ) from error  # fmt: skip

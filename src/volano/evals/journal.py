"""A journal of answers: append-only, on the disk before it counts, taken up after a crash.

The first line says which evaluation it belongs to; every further line is one
answered row. Each line carries a CRC-32 of its JSON. A torn last line, which
is what a kill leaves, is cut off; damage before it is an error.
"""

import fcntl
import json
import os
import stat
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

from volano.evals.answered import Answered
from volano.evals.errors import (
    CorruptJournalError,
    JournalBusyError,
    JournalMismatchError,
    JournalWriteError,
)
from volano.evals.lines import exact

Entry: TypeAlias = Mapping[str, Any] | Answered


class Journal:
    """One file, one writer. Use it as a context: leaving closes it."""

    def __init__(self, path: Path, about: Mapping[str, str]):
        """Open or make the journal of the evaluation that `about` describes.

        Raises:
            JournalBusyError: another process writes it.
            JournalMismatchError: it is the journal of another evaluation.
            CorruptJournalError: a line before the last is damaged.
            JournalWriteError: it cannot be opened or written.
        """
        self.path = path
        self._dirty = False
        self.done: list[dict[str, Any]] = []
        """The answers that were there already, in the order they came."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalWriteError(path=path, reason=error.strerror) from error
        try:
            self._take_up(dict(about))
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def append(self, answers: Iterable[Entry]) -> None:
        """Write answers; when this returns they are on the disk.

        Raises:
            JournalWriteError: no room or no disk.
        """
        self.write(answers)
        self.sync()

    def write(self, answers: Iterable[Entry]) -> None:
        """Write answers; they outlive this process now, and a power failure after `sync`.

        Raises:
            JournalWriteError: no room or no disk.
        """
        self._write(b"".join(map(_line, answers)))
        self._dirty = True

    def sync(self) -> None:
        """Bring what was written to the disk: many answers by one call.

        Raises:
            JournalWriteError: the disk fails.
        """
        if not self._dirty:
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise JournalWriteError(path=self.path, reason=error.strerror) from error
        self._dirty = False

    def _take_up(self, about: dict[str, Any]) -> None:
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise JournalWriteError(path=self.path, reason="it is not a regular file")
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalBusyError(path=self.path) from error
        lines = self._read()
        if not lines:
            self._write(_line(about))
            self._dirty = True
            self.sync()
            return
        for what in about:
            if lines[0].get(what) != about[what]:
                raise JournalMismatchError(path=self.path, what=what)
        self.done = lines[1:]

    def _read(self) -> list[dict[str, Any]]:
        """Return the whole lines, and cut off what a crash left behind the last of them."""
        found: list[dict[str, Any]] = []
        data = self.path.read_bytes()
        at = 0
        while at < len(data):
            end = data.find(b"\n", at) + 1
            value = _value(data[at : end - 1]) if end else None
            if value is None:
                if 0 < end < len(data):
                    raise CorruptJournalError(line=len(found) + 1, path=self.path)
                os.ftruncate(self._fd, at)
                break
            found.append(value)
            at = end
        return found

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise JournalWriteError(path=self.path, reason=error.strerror) from error


def _line(value: Entry) -> bytes:
    body = exact(value)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _value(line: bytes) -> dict[str, Any] | None:
    """Return what a line says; None when its bytes are not those that were written."""
    checksum, _, body = line.partition(b" ")
    return dict(json.loads(body)) if checksum == b"%08x" % zlib.crc32(body) else None

"""A Session: somebody is putting blobs that no artifact names yet.

It is a file beside the packs, locked for as long as its writer lives: the
kernel lets go of the lock of whoever is killed. The garbage collector deletes
nothing that was put or used since the oldest living session began, so that a
writer may take hours, and may rely on blobs that lay there already.

The file holds when the session began; packs bear its name in theirs.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from volano.core.clock import Clock
from volano.store.errors import BusyFolderError
from volano.store.pack import room_for

PREFIX = ".session-"
_ONE = ".collecting"


@dataclass(frozen=True, slots=True)
class Session:
    """One writer's session; `began_us` is microseconds UTC."""

    id: str
    began_us: int


@contextmanager
def open_session(folder: Path, clock: Clock) -> Iterator[Session]:
    """Mark that somebody writes, until the block ends or the process does.

    Raises:
        DiskFullError: no room for the mark.
    """
    path, fd = _locked(folder)
    try:
        now_us = clock.now_us()  # only now: who looked before saw a file that holds everything
        with room_for(path):
            os.write(fd, f"{now_us:020d}".encode())
        yield Session(path.name.removeprefix(PREFIX), now_us)
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(fd)


def _locked(folder: Path) -> tuple[Path, int]:
    """Make and lock a session's file."""
    while True:
        path = folder / f"{PREFIX}{os.urandom(8).hex()}"
        with room_for(path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return path, fd
        os.close(fd)  # a sweeper was quicker than our lock


def living(folder: Path) -> list[Session]:
    """Return the sessions whose writers live; the files of the others are deleted."""
    found = []
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            if not _swept(path):
                text = path.read_bytes()
                # one that has not said when is just beginning: nothing may go meanwhile
                began_us = int(text) if len(text) == 20 else 0
                found.append(Session(path.name.removeprefix(PREFIX), began_us))
    return found


def _swept(path: Path) -> bool:
    """Delete the session's file if nobody holds its lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        path.unlink()
        return True


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who deletes or moves blobs here.

    Raises:
        BusyFolderError: another process does it now.
    """
    fd = os.open(folder / _ONE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyFolderError(folder=folder) from error
        yield
    finally:
        os.close(fd)

"""The folder lock: one supervisor, or one command, owns a state folder at a time.

`flock` on `.volano/lock`; the kernel lets go when the holder dies, however it
dies. The file tells people who holds it.
"""

import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from volano.core.errors import ConflictError

UP = "volano up"
"""What the supervisor says that it is: the one holder that others can ask."""


class FolderHeldError(ConflictError):
    """{what} (process {pid}) holds {folder}{where}."""

    hint = "Use that one, stop it with Ctrl-C there, or work elsewhere with --home."


class FolderLock:
    """Holds the folder from `__enter__` to `__exit__`."""

    def __init__(self, path: Path, about: dict[str, Any]):
        self._path = path
        self._about = about
        self._fd = -1

    def __enter__(self) -> "FolderLock":
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not self._taken():
            os.close(self._fd)
            raise held_by(self._path)
        self.tell(**self._about)
        return self

    def tell(self, **about: Any) -> None:
        """Write who holds the folder, for people; it is held also where there is no room to say so."""
        self._about = {"pid": os.getpid(), "since_us": time.time_ns() // 1000, **about}
        text = json.dumps(self._about).encode()
        with suppress(OSError):
            os.truncate(self._fd, 0)
            os.pwrite(self._fd, text, 0)

    def _taken(self) -> bool:
        """Try for a moment: a supervisor that was just killed lets go at once."""
        for _ in range(20):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                time.sleep(0.02)
        return False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._about.get("pid") == os.getpid():  # not in a child that was forked meanwhile
            with suppress(OSError):
                os.truncate(self._fd, 0)
        os.close(self._fd)


def holder(path: Path) -> dict[str, Any] | None:
    """Return what the holder told about itself, or None when nobody holds the lock."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _told(path)
    finally:
        os.close(fd)


def _told(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text())
        return told if isinstance(told, dict) else {}
    except (OSError, ValueError):
        return {}


def held_by(path: Path) -> FolderHeldError:
    """Return what to raise where somebody holds the lock."""
    told = _told(path)
    where = f", at {told['url']}" if told.get("url") else ""
    return FolderHeldError(
        what=f"`{told['what']}`" if "what" in told else "Another process",
        pid=told.get("pid", "?"),
        folder=path.parent,
        where=where,
    )

"""The Shelf: prompts that were read, in one file, for a start while the server is away.

Several processes may share the file: each writes what is there with one change, one at a time,
by a lock on a file beside it; who holds it for long is not waited for. What must not be kept and cannot be written away takes the whole
file with it: it is a help, and what was removed must not come back from it.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not a Unix: then threads of one process only are kept apart
    fcntl = None  # type: ignore[assignment]


WAIT_S, LOOK_S = 1.0, 0.002
"""How long others are waited for at most, and how often is looked whether they are done."""


class Shelf:
    """Keeps the last good prompt of each ref. A file that cannot be read or written is none."""

    def __init__(self, path: str):
        self._path, self._lock = Path(path), threading.Lock()

    def forget(self) -> None:
        """The process was forked: who held the lock is not here."""
        self._lock = threading.Lock()

    def content(self, ref: str) -> dict[str, Any] | None:
        """Return what is kept of a ref."""
        found = self._all().get(ref)
        return found if isinstance(found, dict) else None

    def put(self, ref: str, content: dict[str, Any] | None) -> None:
        """Keep this one from now on; None: keep none."""
        with self._lock, self._alone():
            kept = self._all()
            if kept.get(ref) == content:
                return
            rest = {name: one for name, one in kept.items() if name != ref}
            if not self._write({**rest, ref: content} if content else rest) and not content:
                with suppress(OSError):
                    self._path.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing; where there is no lock to be had, go on without."""
        beside, held = self._path.with_name(f"{self._path.name}.lock"), None
        with suppress(OSError):
            held = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
            _lock(held)
        try:
            yield
        finally:
            if held is not None:
                with suppress(OSError):
                    _unlock(held)  # a process forked meanwhile has it open, too
                os.close(held)

    def _all(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, kept: dict[str, Any]) -> bool:
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            with os.fdopen(
                os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
            ) as file:
                json.dump(kept, file)
            part.replace(self._path)
        except (OSError, TypeError, ValueError):
            with suppress(OSError):
                part.unlink(missing_ok=True)
            return False
        return True


def _lock(held: int) -> None:
    """Take the lock.

    Raises:
        OSError: there can be none, or another holds it for longer than WAIT_S.
    """
    until_s = time.monotonic() + WAIT_S
    while fcntl is not None:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise
            time.sleep(LOOK_S)


def _unlock(held: int) -> None:
    if fcntl is not None:
        fcntl.flock(held, fcntl.LOCK_UN)

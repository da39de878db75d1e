"""Answers: what a model said, kept by the digest of what it was asked.

One SQLite file for a workspace, beside the cache and not in it: an answer was
paid for. Each is on the disk before the next is looked at, so that a process
that is killed asks only those again that were still on their way.
"""

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from volano.data.made.asker import Answer
from volano.data.made.errors import AnswersBusyError
from volano.store import pack
from volano.store.errors import DiskFullError

FILE = "answers.db"
_BUSY_S = 60.0


class Answers:
    """The answers of a workspace. May be used by several threads."""

    def __init__(self, folder: Path):
        self._lock = threading.Lock()
        with pack.room_for(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(
            folder / FILE, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT)")

    def get(self, key: str) -> Answer | None:
        """Return what was answered; None when it was never asked."""
        with self._lock:
            found = self._db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return None if found is None else Answer(**json.loads(found[0]))

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; the first one stays.

        Raises:
            DiskFullError: no room.
        """
        said = json.dumps(asdict(answer), ensure_ascii=False)
        with self._lock:
            try:
                self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (key, said))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                    raise DiskFullError(where=FILE, why=str(error)) from error
                raise

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._db.close()


@contextmanager
def alone(folder: Path, name: str, channel: str) -> Iterator[None]:
    """Hold what nobody else asks meanwhile.

    Raises:
        AnswersBusyError: somebody does.
    """
    path = folder / f"{name[:32]}.lock"
    with pack.room_for(path):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnswersBusyError(channel=channel) from None
        yield
    finally:
        os.close(fd)

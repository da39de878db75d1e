"""Remembered: answers of former suites, so that the same question is not paid for twice.

A question is the same when who answers, the messages, the settings and the repetition are. What
is kept here is a cache: it may be deleted at any time. Errors are never kept, and nothing for
longer than 30 days.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from volano.evals.answered import Answered

DAY_S = 24 * 3600
KEEP_S = 30 * DAY_S
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, at INTEGER NOT NULL, answer BLOB NOT NULL)
WITHOUT ROWID
"""
_MANY = 500
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


class Remembered:
    """One file of answers; several processes may use it."""

    def __init__(self, path: Path):
        self._path = path

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Answered]:
        """Return the answers that are there, by key."""
        if not self._path.exists():
            return {}
        found: dict[bytes, Answered] = {}
        least = int(time.time()) - KEEP_S
        with self._open() as db:
            for at in range(0, len(keys), _MANY):
                some = keys[at : at + _MANY]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, answer FROM answers WHERE at >= ? AND key IN ({marks})"  # noqa: S608 - marks only
                rows = db.execute(query, (least, *some))
                found.update((bytes(key), Answered.from_dict(_decode(one))) for key, one in rows)
        return found

    def put(self, answers: Mapping[bytes, Answered]) -> None:
        """Keep answers; errors are left out, and what has grown old goes."""
        now = int(time.time())
        rows = [(key, now, _encode(one)) for key, one in answers.items() if one.error is None]
        rows.sort()  # as they lie in the table: keys are hashes, and each would touch a page of its own
        with self._open() as db, db:
            db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
            _forget(db, now)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(self._path, timeout=30)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_TABLE)
            yield db


def _forget(db: sqlite3.Connection, now: int) -> None:
    """Take out what has grown old, once a day: it has to look at every answer."""
    today = now // DAY_S
    if db.execute("PRAGMA user_version").fetchone()[0] != today:
        db.execute("DELETE FROM answers WHERE at < ?", (now - KEEP_S,))
        db.execute(f"PRAGMA user_version = {today}")


class Keys:
    """Names questions to one that answers, with one set of settings."""

    def __init__(self, who: str, settings: Mapping[str, Any]):
        self._begun = hashlib.sha256(_encode([who, sorted(settings.items())]))

    def of(self, messages: Any, repetition: int) -> bytes:
        """Return the key of one question."""
        one = self._begun.copy()
        one.update(_encode([messages, repetition]))
        return one.digest()

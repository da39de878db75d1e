"""Indexer: fills the index of words behind the recorder, never in its way.

The index is a SQLite file of its own, so that a commit of records never waits for
it, and nothing but a copy: where it is missing, damaged or was folded by an older rule, it
is built anew from the records. How far it is stands in the same transaction as
the words (`covered`); what is newer is found by looking at the rows themselves.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from volano.core.errors import VolanoError
from volano.traces.sealed.records import OLDEST, Records
from volano.traces.sealed.within import Within
from volano.traces.search.fold import VERSION, for_index

log = logging.getLogger(__name__)

_TEXTS = ("input_text", "output_text", "error")
TABLES = {"calls": _TEXTS, "spans": (*_TEXTS, "name")}
_ROWS = 4_000
_AT_ONCE = 128
_JOINED = 8
"""So many parts of a level become one: a word is written anew less often than with FTS5's own 4."""
_PAUSE_S = 0.5
_TROUBLE_S = 5.0
_REBUILD_EVERY_S = 3600.0
_GONE = "deletions"

Read = Callable[[str, int, int], Sequence[tuple[Any, ...]]]
"""Rows `(seq, input, output, error, name)` of a table after a seq, in order, at most so many."""

_SCHEMA = (
    "CREATE TABLE covered (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT",
    *(f"CREATE VIRTUAL TABLE {name}_words USING fts5"
      "(input, output, rest, content='', columnsize=0, tokenize='ascii')" for name in TABLES),
    *(f"INSERT INTO {name}_words ({name}_words, rank) VALUES ('automerge', {_JOINED})"  # noqa: S608
      for name in TABLES),
    *(f"INSERT INTO covered VALUES ('{name}', 0)" for name in TABLES),  # noqa: S608 - constants
    f"PRAGMA user_version = {VERSION}",
)  # fmt: skip


def read_records(records: Records) -> Read:
    """Return the reader of the records, hot and sealed, for an indexer."""

    def read(table: str, after: int, most: int) -> Sequence[tuple[Any, ...]]:
        rows = records.select(
            table, ("seq", *TABLES[table]), order=OLDEST, limit=most, within=Within(after=after)
        )
        return rows if table == "spans" else [(*row, "") for row in rows]

    return read


class Indexer:
    """The only writer of the index: lives in the recorder's process."""

    def __init__(self, path: Path, read: Read, gone: Callable[[], int] = lambda: 0):
        """`gone` grows when rows are deleted: then their words have to go too."""
        self.path, self._read, self._gone = path, read, gone
        self._built_s = -_REBUILD_EVERY_S
        self._conn: sqlite3.Connection | None = None

    def step(self) -> int:
        """Index what is new, up to a batch of each table; return how many rows.

        Raises:
            sqlite3.OperationalError, OSError, VolanoError: not now; nothing is lost, call again.
        """
        if rebuild_mark(self.path).exists():
            self._drop("it was asked for")
            rebuild_mark(self.path).unlink(missing_ok=True)
        try:
            conn = self._open()
            if self._is_stale(conn):
                self._drop("rows were deleted, and their words go with them")
                conn = self._open()
            return sum(self._take(conn, table) for table in TABLES)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._drop(str(error))
            return 1

    def try_step(self) -> int | None:
        """Index what is new; None, and a warning, where that cannot be done now."""
        try:
            return self.step()
        except (sqlite3.Error, OSError, VolanoError) as error:
            log.warning("Texts cannot be indexed now (%s); it is tried again.", error)
            return None

    def run(self, stop: threading.Event) -> None:
        """Index until told to stop."""
        while not stop.is_set():
            rows = self.try_step()
            stop.wait(_TROUBLE_S if rows is None else 0.0 if rows >= _ROWS else _PAUSE_S)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def _is_stale(self, conn: sqlite3.Connection) -> bool:
        """Whether rows were deleted since it was built; said once an hour at most."""
        gone = self._gone()
        known = conn.execute("SELECT seq FROM covered WHERE name = ?", [_GONE]).fetchone()
        now_s = time.monotonic()
        if known is None:
            conn.execute("INSERT INTO covered VALUES (?, ?)", [_GONE, gone])
            self._built_s = now_s
            return False
        return gone > known[0] and now_s - self._built_s >= _REBUILD_EVERY_S

    def _take(self, conn: sqlite3.Connection, table: str) -> int:
        at = conn.execute("SELECT seq FROM covered WHERE name = ?", [table]).fetchone()[0]
        rows = self._read(table, at, _ROWS)
        if not rows:
            return 0
        words = [
            (
                seq,
                for_index(asked or ""),
                for_index(answered or ""),
                for_index(f"{error or ''}\n{name}"),
            )
            for seq, asked, answered, error, name in rows
        ]
        conn.execute("BEGIN IMMEDIATE")
        try:
            _insert(conn, table, words)
            conn.execute("UPDATE covered SET seq = ? WHERE name = ?", [rows[-1][0], table])
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise
        return len(rows)

    def _open(self) -> sqlite3.Connection:
        if self._conn is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            conn = sqlite3.connect(
                self.path, isolation_level=None, timeout=5, check_same_thread=False
            )
            try:
                self.path.chmod(0o600)
                self._prepare(conn)
            except BaseException:
                conn.close()
                raise
            self._conn = conn
        return self._conn

    def _prepare(self, conn: sqlite3.Connection) -> None:
        conn.execute("PRAGMA journal_mode = WAL").fetchall()
        conn.execute("PRAGMA synchronous = NORMAL")
        conn.execute("PRAGMA cache_size = -16000")
        found = conn.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, VERSION):
            raise sqlite3.DatabaseError(f"its words were folded by rule {found}, now {VERSION}")
        if found == 0:
            conn.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                conn.execute(statement)
            conn.execute("COMMIT")

    def _drop(self, why: str) -> None:
        """Begin anew. Readers that have the old file open finish with it."""
        log.warning("The index of texts is built anew: %s.", why)
        self.close()
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)


def _insert(conn: sqlite3.Connection, table: str, words: Sequence[tuple[Any, ...]]) -> None:
    """Many by one statement: so it waits for its turn among Python's threads now and then only."""
    sql, one = f"INSERT INTO {table}_words (rowid, input, output, rest) VALUES", "(?, ?, ?, ?)"
    end = len(words) - len(words) % _AT_ONCE
    many = f"{sql} {', '.join([one] * _AT_ONCE)}"
    for at in range(0, end, _AT_ONCE):
        conn.execute(many, list(chain.from_iterable(words[at : at + _AT_ONCE])))
    conn.executemany(f"{sql} {one}", words[end:])


def rebuild_mark(path: Path) -> Path:
    """Return the file whose being there says: build the index anew."""
    return path.with_name(path.name + ".rebuild")


@contextlib.contextmanager
def running(indexer: Indexer) -> Any:
    """Index in a thread of its own while the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=indexer.run, args=[stop], name="indexer", daemon=True)
    thread.start()
    try:
        yield indexer
    finally:
        stop.set()
        thread.join(10)
        indexer.close()


def catch_up(indexer: Indexer, limit_s: float) -> None:
    """Index for at most so long, and close; what is left is found by looking at the rows."""
    end_s = time.monotonic() + limit_s
    while indexer.try_step() and time.monotonic() < end_s:
        pass
    indexer.close()

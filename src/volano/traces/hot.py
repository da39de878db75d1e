"""The hot store: the SQLite file that the recorder writes and everyone reads.

One writer at a time, made sure by a lock on `<file>.lock`. A commit is on the
disk when it returns (`synchronous=FULL`), because the recorder deletes spool
segments on the strength of it. Readers open, ask, and close: a long reader
would keep the write-ahead log from being folded in.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volano.traces.errors import (
    RecorderBusyError,
    RecordsBrokenError,
    RecordsTooNewError,
    RecordsUnavailableError,
)
from volano.traces.tables import MIGRATIONS

_BUSY_MS = 5_000
_PAGE_BYTES = 8192
"""Of a new file. A span's row of 2 KB wastes less of such a page, and fewer are written; larger
ones cost more where ids fall anywhere in their index."""
_FOLD_BYTES = 32 << 20
"""The log is folded in when it is so long: a page of several batches is then written once, not often."""
_MAX_WAL_BYTES = 2 * _FOLD_BYTES
"""A longer one is cut when it was folded in: to write over what is there costs less than to grow."""
_CACHE_BYTES = 64 << 20
"""The writer's: ids are random, so that their index is touched all over."""


class HotStore:
    """The writing end. `conn` is in autocommit mode; write inside `transaction()`."""

    def __init__(self, path: Path):
        """Open or make the file, and bring its tables up to date.

        Raises:
            RecorderBusyError: another process writes it.
            RecordsTooNewError: a newer volano made it.
            RecordsBrokenError: the file is no SQLite database any more.
            RecordsUnavailableError: the disk is full, or does not let it be opened.
        """
        self.path = path
        self._turn = threading.RLock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_fd = _lock(path)
        try:
            with _told(path):
                self.conn = _connect(path)
                self._migrate()
        except BaseException:
            os.close(self._lock_fd)
            self._lock_fd = -1
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; on the disk when the block has ended well. Threads take turns."""
        with self._turn:
            self.conn.execute("BEGIN IMMEDIATE")
            try:
                yield self.conn
                self.conn.execute("COMMIT")
            except BaseException:
                if self.conn.in_transaction:
                    self.conn.execute("ROLLBACK")
                raise

    def wal_bytes(self) -> int:
        """Size of the write-ahead log now: what readers keep from being folded in."""
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def tidy(self) -> None:
        """Fold a grown write-ahead log into the file, unless a reader is in the way."""
        if self.wal_bytes() > _MAX_WAL_BYTES:
            with self._turn:
                self.conn.execute("PRAGMA busy_timeout = 200")
                self.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self.conn.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")

    def close(self) -> None:
        """Close the file and let the next writer in. Idempotent."""
        if self._lock_fd >= 0:
            self.conn.close()
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _migrate(self) -> None:
        """All steps in one transaction: readers see the tables as they were, or as they shall be."""
        found = _version(self.conn, self.path)
        if found == len(MIGRATIONS):
            return
        with self.transaction() as conn:
            for statements in MIGRATIONS[found:]:
                for statement in statements:
                    conn.execute(statement)
            conn.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def reading(path: Path, *, least: int = 1) -> Iterator[sqlite3.Connection | None]:
    """Open for a short look; None where nothing has been recorded yet.

    `least` is the number of the migration that made the tables asked for: until the
    recorder of this version has opened the file, there is nothing in them. Each statement is a read transaction of its own.

    Raises:
        RecordsTooNewError: a newer volano made the file.
        RecordsBrokenError: the file is damaged.
        RecordsUnavailableError: it cannot be read now.
    """
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        conn = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_MS / 1000)
    except sqlite3.OperationalError as error:
        if path.exists():
            raise RecordsUnavailableError(path=path, why=error) from error
        yield None
        return
    try:
        with _told(path):
            conn.execute("PRAGMA query_only = ON")
            yield conn if _version(conn, path) >= least else None
    finally:
        conn.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in our own words what SQLite found."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise RecordsUnavailableError(path=path, why=error) from error
    except sqlite3.DatabaseError as error:
        raise RecordsBrokenError(path=path, why=error) from error


def _connect(path: Path) -> sqlite3.Connection:
    new = not path.exists()
    conn = sqlite3.connect(
        path, isolation_level=None, timeout=_BUSY_MS / 1000, check_same_thread=False
    )
    try:
        if new:
            path.chmod(0o600)
            conn.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            conn.execute("PRAGMA auto_vacuum = INCREMENTAL")
        conn.execute("PRAGMA journal_mode = WAL").fetchall()
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute(f"PRAGMA cache_size = -{_CACHE_BYTES >> 10}")
        page_bytes = conn.execute("PRAGMA page_size").fetchone()[0]
        conn.execute(f"PRAGMA wal_autocheckpoint = {_FOLD_BYTES // page_bytes}").fetchall()
        conn.execute(f"PRAGMA journal_size_limit = {_MAX_WAL_BYTES}").fetchall()
    except BaseException:
        conn.close()
        raise
    return conn


def _version(conn: sqlite3.Connection, path: Path) -> int:
    found: int = conn.execute("PRAGMA user_version").fetchone()[0]
    if found > len(MIGRATIONS):
        raise RecordsTooNewError(path=path, found=found, known=len(MIGRATIONS))
    return found


def _lock(path: Path) -> int:
    fd = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise RecorderBusyError(path=path) from error
    return fd

"""The database: one schema on SQLite or Postgres, many readers, one writer at a time.

Every writing transaction takes the one write lock when it begins: `BEGIN
IMMEDIATE` on SQLite (a deferred transaction that turns into a writer ignores
`busy_timeout` and fails at once), an advisory lock on Postgres. So numbers
drawn as `max + 1` have no gaps and no twins, on both. Readers see one snapshot
for the whole of their block and cannot write.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from volano.core.errors import VolanoError
from volano.store.errors import (
    CorruptDatabaseError,
    DatabaseDownError,
    DiskFullError,
    StoreBusyError,
)
from volano.store.migrations import upgrade

BUSY_TIMEOUT_S = 10
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(coalesce(current_schema(), ''), 7070))")

_SQLITE_WORDS: dict[str, type[VolanoError]] = {
    "is locked": StoreBusyError,
    "disk is full": DiskFullError,
    "malformed": CorruptDatabaseError,
    "not a database": CorruptDatabaseError,
    "unable to open": DatabaseDownError,
    "disk I/O error": DatabaseDownError,
    "readonly database": DatabaseDownError,
}
_POSTGRES_STATES: dict[str, type[VolanoError]] = {
    "55P03": StoreBusyError,
    "40": StoreBusyError,
    "53100": DiskFullError,
    "53": DatabaseDownError,
    "08": DatabaseDownError,
    "28": DatabaseDownError,
    "3D": DatabaseDownError,
    "57P": DatabaseDownError,
    "25006": DatabaseDownError,
    "XX": CorruptDatabaseError,
}


class Database:
    """A SQLite file (`sqlite:///path`) or a Postgres database (`postgresql+psycopg://...`)."""

    def __init__(self, url: str | URL):
        self.url = make_url(url)
        self.where = self.url.render_as_string(hide_password=True)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        engine = _sqlite(self.url) if self.is_sqlite else _postgres(self.url)
        self._writer = engine.execution_options(volano_writes=True)
        self._reader = engine if self.is_sqlite else _snapshots(engine)

    def write(self) -> AbstractContextManager[Connection]:
        """Open the writing transaction: committed at the end, rolled back on any error.

        Raises:
            StoreBusyError: another writer held the lock for longer than 10 s.
            DiskFullError, DatabaseDownError, CorruptDatabaseError: as they say.
        """
        return self._transaction(self._writer)

    def read(self) -> AbstractContextManager[Connection]:
        """Open a reading transaction: one snapshot, which never waits for the writer.

        Raises:
            DatabaseDownError, CorruptDatabaseError: as they say.
        """
        return self._transaction(self._reader)

    def migrate(self) -> None:
        """Bring the schema to the newest version; tables are made where there are none.

        Raises:
            NewerSchemaError: a newer volano wrote this database.
        """
        with self.write() as conn:
            upgrade(conn, where=self.where)

    def scrub(self) -> None:
        """Leave no trace of deleted rows in the files (SQLite; Postgres does it in VACUUM)."""
        if self.is_sqlite:
            with self._told(), self._writer.connect() as conn:
                conn.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with self._told(), engine.begin() as conn:
            if engine is self._writer and not self.is_sqlite:
                conn.execute(text(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_S}s'"))
                conn.execute(_LOCK)
            yield conn

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what a driver's error means, where it is not the caller's own mistake."""
        try:
            yield
        except DBAPIError as error:
            told = _meaning(error, self.where)
            if told is None:
                raise
            raise told from error


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",  # what is erased is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(conn: Connection) -> None:
    writes = conn.get_execution_options().get("volano_writes", False)
    conn.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": BUSY_TIMEOUT_S})


def _snapshots(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _meaning(error: DBAPIError, where: str) -> VolanoError | None:
    """Return our error for a driver's, or None where it is the caller's own mistake."""
    why = str(error.orig).strip().partition("\n")[0]
    of_sqlite = isinstance(error.orig, sqlite3.Error)
    kind = _sqlite_kind(why) if of_sqlite else _postgres_kind(error)
    return None if kind is None else kind(where=where, why=why)


def _sqlite_kind(why: str) -> type[VolanoError] | None:
    for words, kind in _SQLITE_WORDS.items():
        if words in why:
            return kind
    return None


def _postgres_kind(error: DBAPIError) -> type[VolanoError] | None:
    """Read the SQLSTATE (Postgres, appendix A); a connection that is lost has none."""
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        lost = isinstance(error, OperationalError) or error.connection_invalidated
        return DatabaseDownError if lost else None
    for prefix, kind in _POSTGRES_STATES.items():
        if state.startswith(prefix):
            return kind
    return None

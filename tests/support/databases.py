"""Fresh databases for tests: a SQLite file, or a schema of its own on a Postgres server.

The migrations run once in a process: `Migrated` hands out what they made, a copied
file or a Postgres schema that is emptied after each test.

The server is `VOLANO_TEST_PG`, by default the local one. Where nothing answers
the Postgres tests are skipped and say so; where `VOLANO_TEST_PG` is set they
fail instead, because then somebody counts on them.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, MetaData, create_engine, delete, make_url, text
from sqlalchemy.exc import OperationalError

from volano.store.db import Database

SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/test"


def sqlite_url(folder: Path) -> URL:
    return URL.create("sqlite", database=str(folder / "catalog.db"))


@contextmanager
def postgres_url() -> Iterator[URL]:
    """Make a schema, give the address that sees only it, and drop it afterwards."""
    pytest.importorskip("psycopg", reason="psycopg is missing: the tests on Postgres are skipped")
    server = make_url(os.environ.get("VOLANO_TEST_PG", SERVER))
    schema = f"volano_{os.urandom(6).hex()}"
    engine = create_engine(server, connect_args={"connect_timeout": 5})
    try:
        with engine.begin() as conn:
            conn.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError as error:
        _give_up(f"no Postgres at {server.render_as_string()}: {error.orig}")
    try:
        # What a server that loses power may lose is no matter here, and need not be waited for.
        options = f"-csearch_path={schema} -csynchronous_commit=off"
        yield server.update_query_dict({"options": options})
    finally:
        with engine.begin() as conn:
            conn.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[URL]:
    """Give the address of a fresh empty database: kind is `sqlite` or `postgres`."""
    if kind == "sqlite":
        yield sqlite_url(folder)
    else:
        with postgres_url() as url:
            yield url


@contextmanager
def opened(url: URL) -> Iterator[Database]:
    """Give a migrated Database, and close it afterwards."""
    db = Database(url)
    try:
        db.migrate()
        yield db
    finally:
        db.close()


class Migrated:
    """Databases as the migrations leave them, without running these for each test."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._file: Path | None = None
        self._jobs: Path | None = None
        self._schema: _Schema | None = None

    def database(self, kind: str, folder: Path) -> AbstractContextManager[Database]:
        """Give a database for one test: kind is `sqlite` or `postgres`."""
        return self._copied(folder) if kind == "sqlite" else self._emptied()

    def put(self, folder: Path) -> None:
        """Put `catalog.db` there; who migrates it afterwards finds nothing to do."""
        if self._file is None:
            with opened(sqlite_url(self.folder)) as db:
                self._file = Path(db.url.database or "")
        shutil.copyfile(self._file, folder / "catalog.db")

    def put_jobs(self, folder: Path) -> None:
        """Put `jobs.db` there, as a first launch leaves it: the engine looks for a new queue once a second."""
        if self._jobs is None:
            self._jobs = _launched_once(self.folder / "jobs.db")
        shutil.copyfile(self._jobs, folder / "jobs.db")

    @contextmanager
    def _copied(self, folder: Path) -> Iterator[Database]:
        self.put(folder)
        db = Database(sqlite_url(folder))
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def _emptied(self) -> Iterator[Database]:
        schema = self._schema or _Schema()
        self._schema = None  # whoever comes meanwhile, or after a failure here, gets another
        db = Database(schema.url)
        try:
            yield db
        finally:
            db.close()
            if not schema.empty():
                schema.close()
                schema = None
        self._schema = schema

    def close(self) -> None:
        if self._schema is not None:
            self._schema.close()


def _launched_once(path: Path) -> Path:
    from volano.jobs.engine import Engine  # half a second, for tests with jobs alone

    engine = Engine(f"sqlite:///{path}", concurrency=1, poll_s=0.02, schema="volano_jobs")
    engine.launch(lambda _run, _attempt: None)
    engine.close()
    with closing(sqlite3.connect(path)) as left:
        left.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


class _Schema:
    """A migrated Postgres schema whose rows can be taken out again."""

    def __init__(self) -> None:
        with ExitStack() as stack:
            self.url = stack.enter_context(postgres_url())
            self._db = stack.enter_context(opened(self.url))
            tables = MetaData()
            with self._db.write() as conn:
                tables.reflect(conn)
                self._kept = _kept(conn)
                self._shape = _shape(conn)
            emptied = [t for t in reversed(tables.sorted_tables) if t.name != VERSION]
            self._empty = "; ".join(str(delete(table)) for table in emptied)
            self.close = stack.pop_all().close

    def empty(self) -> bool:
        """Take all rows out; False where the schema is no longer the one that was migrated."""
        with self._db.write() as conn:
            conn.exec_driver_sql(self._empty)  # all tables in one trip to the server
            return (_kept(conn), _shape(conn)) == (self._kept, self._shape)


VERSION = "alembic_version"
_SHAPE = text(
    "WITH ours AS (SELECT oid, xmin FROM pg_class"
    " WHERE relnamespace = current_schema()::regnamespace)"
    " SELECT oid::text, xmin::text FROM ours UNION ALL"
    " SELECT attname, a.xmin::text FROM pg_attribute a JOIN ours ON attrelid = ours.oid UNION ALL"
    " SELECT conname, c.xmin::text FROM pg_constraint c JOIN ours ON conrelid = ours.oid UNION ALL"
    " SELECT tgname, t.xmin::text FROM pg_trigger t JOIN ours ON tgrelid = ours.oid ORDER BY 1, 2"
)


def _kept(conn: Connection) -> list:
    """What the migrations leave behind as rows: the step they came to, and nothing else."""
    return list(conn.execute(text(f"SELECT * FROM {VERSION}")))


def _shape(conn: Connection) -> list:
    """Each part of the schema with the transaction that last touched it."""
    return list(conn.execute(_SHAPE))


def _give_up(why: str) -> None:
    if "VOLANO_TEST_PG" in os.environ:
        pytest.fail(why)
    pytest.skip(f"{why}; the tests on Postgres are skipped")

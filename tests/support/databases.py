"""Fresh databases for tests: a SQLite file, or a schema of its own on a Postgres server.

The server is `VOLANO_TEST_PG`, by default the local one. Where nothing answers
the Postgres tests are skipped and say so; where `VOLANO_TEST_PG` is set they
fail instead, because then somebody counts on them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text
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
        yield server.update_query_dict({"options": f"-csearch_path={schema}"})
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


def _give_up(why: str) -> None:
    if "VOLANO_TEST_PG" in os.environ:
        pytest.fail(why)
    pytest.skip(f"{why}; the tests on Postgres are skipped")

"""Fixtures for all rooms."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import URL

from support import databases, memory
from support.workspace import Workspace
from volano.store.db import Database

# Where a change is judged, the same examples every time, and fewer: more of the same find nothing new.
# Whoever hunts for others is at a desk.
CI = "CI" in os.environ
settings.register_profile("steady", deadline=None, derandomize=CI, max_examples=40 if CI else 100)
settings.register_profile("quick", settings.get_profile("steady"), max_examples=20)
settings.load_profile("steady")

# Read by pytest where it makes the folders of the tests.
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and (folder := memory.folder()):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = folder


LONGEST = (
    "test_the_loop.py", "test_a_rollout_goes_on.py", "test_a_rollout_in_git.py",
    "test_blue_green.py", "test_an_experiment.py", "test_docs.py", "test_prompt_pages.py",
    "test_bad_places.py", "test_console.py",
)  # fmt: skip
"""Where files are handed out whole, these begin, so that nobody waits for the last of them alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and leave the order as it is otherwise."""
    rank = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Migrated]:
    """What the migrations make, made once."""
    made = databases.Migrated(tmp_path_factory.mktemp("migrated"))
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The address of a fresh, empty database; the test runs once on each kind."""
    with databases.database_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, migrated: databases.Migrated, tmp_path: Path
) -> Iterator[Database]:
    """A fresh, migrated database; the test runs on SQLite and on Postgres."""
    with migrated.database(request.param, tmp_path) as db:
        yield db


@pytest.fixture
def sqlite(migrated: databases.Migrated, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database, for tests where the kind does not matter."""
    with migrated.database("sqlite", tmp_path) as db:
        yield db


@pytest.fixture
def workspace(database: Database, tmp_path: Path) -> Workspace:
    """A small workspace of real keepers; the test runs on SQLite and on Postgres."""
    return Workspace(tmp_path, database)


@pytest.fixture
def desk(sqlite: Database, tmp_path: Path) -> Workspace:
    """The same on SQLite alone, for tests where the kind of database does not matter."""
    return Workspace(tmp_path, sqlite)

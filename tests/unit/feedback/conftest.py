import pytest

from support.feedback_room import Office


@pytest.fixture
def office(sqlite, tmp_path):
    office = Office(tmp_path, sqlite)
    yield office
    office.close()


@pytest.fixture
def offices(database, tmp_path):
    """The same on SQLite and on Postgres."""
    office = Office(tmp_path, database)
    yield office
    office.close()

import pytest

from support.workspace import Street


@pytest.fixture
def street(desk):
    street = Street(desk)
    yield street
    street.close()

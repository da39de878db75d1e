import pytest

from volano.access.keeper import Keys
from volano.core.clock import ManualClock
from volano.store import Database, Ledger


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(database: Database, clock: ManualClock) -> Ledger:
    return Ledger(database, clock)


@pytest.fixture
def published() -> list[int]:
    """One entry for each snapshot that was asked for."""
    return []


@pytest.fixture
def keys(database: Database, ledger: Ledger, clock: ManualClock, published: list[int]) -> Keys:
    def publish() -> int:
        published.append(len(published) + 1)
        return len(published)

    return Keys(database, ledger, b"s" * 32, clock, publish)

from pathlib import Path

import pytest

from volano.core.clock import ManualClock
from volano.store import Blobs, Catalog, Database, Ledger


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(database: Database, clock: ManualClock) -> Ledger:
    return Ledger(database, clock)


@pytest.fixture
def blobs(sqlite: Database, tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs", sqlite)


@pytest.fixture
def catalog(database: Database, ledger: Ledger, clock: ManualClock, tmp_path: Path) -> Catalog:
    return Catalog(database, Blobs(tmp_path / "blobs", database), ledger, clock)

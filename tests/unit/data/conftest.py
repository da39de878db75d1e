import sys
from pathlib import Path

import pytest

from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data import Datasets
from volano.data.tree import named
from volano.data.versions import Versions
from volano.data.writer import ROWS
from volano.store import Blobs, Catalog, Ledger
from volano.store.garbage import Garbage

sys.path.insert(0, str(Path(__file__).parent / "toys"))

ANNA = Principal("person", "anna")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def catalog(sqlite, tmp_path, clock):
    blobs = Blobs(tmp_path / "blobs", sqlite, clock)
    return Catalog(sqlite, blobs, Ledger(sqlite, clock), clock, {ROWS: named})


@pytest.fixture
def garbage(sqlite, catalog, clock):
    return Garbage(
        db=sqlite, catalog=catalog, blobs=catalog.blobs, ledger=catalog.ledger, clock=clock
    )


@pytest.fixture
def versions(catalog, datasets, garbage):
    return Versions(catalog, datasets, garbage)


@pytest.fixture
def datasets(catalog):
    return Datasets(catalog)


@pytest.fixture
def anna():
    return ANNA

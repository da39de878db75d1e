import sys
from pathlib import Path

import pytest

from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data import Datasets
from volano.store import Blobs, Catalog, Ledger

sys.path.insert(0, str(Path(__file__).parent / "toys"))

ANNA = Principal("person", "anna")


@pytest.fixture
def catalog(sqlite, tmp_path):
    clock = ManualClock()
    return Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), Ledger(sqlite, clock), clock)


@pytest.fixture
def datasets(catalog):
    return Datasets(catalog)


@pytest.fixture
def anna():
    return ANNA

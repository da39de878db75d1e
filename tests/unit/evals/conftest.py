import pytest

from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data import Datasets
from volano.evals import Evals
from volano.store import Blobs, Catalog, Ledger

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


@pytest.fixture
def evals(catalog, datasets):
    return Evals(catalog, datasets)


@pytest.fixture
def model(catalog):
    return catalog.record("model", "router", files={"model.gguf": b"weights"}, by=ANNA)

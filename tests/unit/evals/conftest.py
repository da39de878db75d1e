import pytest

from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data import Datasets
from volano.evals import Evals
from volano.store import Blobs, Catalog, Database, Ledger

ANNA = Principal("person", "anna")


@pytest.fixture
def catalog(tmp_path):
    clock = ManualClock()
    db = Database(f"sqlite:///{tmp_path}/catalog.db")
    db.migrate()
    return Catalog(db, Blobs(tmp_path / "blobs", db), Ledger(db, clock), clock)


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

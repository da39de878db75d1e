import pytest

from volano.core.clock import SystemClock
from volano.data.contracts import Contracts
from volano.data.exchange import Cards, Exchange
from volano.data.filesets import Filesets
from volano.data.keeper import Datasets


class Room:
    """Imports and exports, and what they stand on."""

    def __init__(self, catalog, tmp_path):
        self.catalog = catalog
        self.rows = Datasets(catalog)
        self.contracts = Contracts(catalog, self.rows)
        self.filesets = Filesets(catalog, tmp_path / "cache", SystemClock())
        self.cards = Cards(catalog, self.rows, self.contracts)
        self.exchange = Exchange(catalog, self.rows, self.filesets, self.cards)


@pytest.fixture
def room(catalog, tmp_path):
    return Room(catalog, tmp_path)

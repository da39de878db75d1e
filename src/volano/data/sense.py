"""A dataset as a trigger: has it got new versions since a mark (port `Sense`)?"""

from typing import Any

from volano.core.ports.sensed import Sensed
from volano.data.keeper import Datasets


class SenseDataset:
    """Counts new versions of a dataset; it need not be there yet."""

    def __init__(self, datasets: Datasets):
        self._datasets = datasets

    def __call__(self, what: str, mark: Any) -> Sensed:
        """Look now; the mark is a version's number."""
        newest = self._datasets.list(what, limit=1)
        number = newest[0].number if newest else 0
        new = 0 if mark is None else max(0, number - mark)
        return Sensed(number, new, {"ref": newest[0].ref} if newest else {})

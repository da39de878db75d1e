"""A new version of a dataset is seen, also of one that was not there before."""

from volano.core.principal import SYSTEM
from volano.data.keeper import Datasets
from volano.data.sense import SenseDataset


def test_new_versions_are_counted_from_the_mark(desk):
    datasets = Datasets(desk.catalog)
    sense = SenseDataset(datasets)
    assert (sense("jegyek", None).mark, sense("jegyek", 0).new) == (0, 0)
    for n in range(2):
        datasets.add("jegyek", [{"text": f"{n} {m}", "label": "x"} for m in range(9)], by=SYSTEM)
    found = sense("jegyek", 0)
    assert (found.new, found.mark, found.told) == (2, 2, {"ref": "jegyek@2"})
    assert sense("jegyek", 2).new == 0

import pytest

from volano.stats.baseline import majority_class
from volano.stats.errors import StatsInputError


def test_majority_class_counts_the_commonest():
    m = majority_class(["szállítás", "账单", "szállítás", "Rückgabe"])
    assert (m.label, m.count, m.n, m.share) == ("szállítás", 2, 4, 0.5)
    assert m.to_dict()["share"] == 0.5


def test_ties_fall_to_the_first_by_text_in_any_order():
    assert majority_class(["b", "a"]) == majority_class(["a", "b"])
    assert majority_class(["b", "a"]).label == "a"


def test_no_labels_is_an_error():
    with pytest.raises(StatsInputError, match="no labels"):
        majority_class([])

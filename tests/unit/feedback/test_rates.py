"""Where a sample was judged, each voice stands for as many calls as its probability says."""

import pytest

from volano.feedback.join import Joined
from volano.feedback.rates import rates
from volano.feedback.record import Feedback


def voices(groups):
    """Return voices of groups (count, probability, given)."""
    return [
        Joined(Feedback(f"{at}-{n}", "t", 0, "e", "", "quality", probability=probability, **given), None)
        for at, (count, probability, given) in enumerate(groups)
        for n in range(count)
    ]  # fmt: skip


def test_a_change_of_the_sample_does_not_move_the_mean():
    """900 calls, all of 1.0, a tenth drawn; then 100 calls, all of 0.0, all of them drawn."""
    [found] = rates(voices([(90, 0.1, {"value": 1.0}), (100, 1.0, {"value": 0.0})]))
    assert (found.what, found.n, found.method) == ("rate", 190, "weighted by sampling")
    assert found.value == pytest.approx(0.9)
    assert 0 <= found.low < 0.9 < found.high <= 1


def test_numbers_and_categories_are_weighed_too():
    [found] = rates(voices([(30, 0.1, {"number": 4.0}), (30, 0.5, {"number": 1.0})]))
    assert found.what == "mean"
    assert found.value == pytest.approx((300 * 4 + 60 * 1) / 360)
    shares = rates(voices([(30, 0.1, {"category": "jó"}), (30, 0.5, {"category": "rossz"})]))
    assert {one.what: round(one.value, 6) for one in shares} == {
        "share of jó": round(300 / 360, 6), "share of rossz": round(60 / 360, 6),
    }  # fmt: skip


@pytest.mark.parametrize("second", [0.1, None])
def test_of_one_probability_or_beside_people_each_counts_once(second):
    [found] = rates(voices([(30, 0.1, {"value": 1.0}), (90, second, {"value": 0.0})]))
    assert (found.value, found.method) == (0.25, "wilson")

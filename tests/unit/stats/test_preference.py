import random

import pytest

from volano.stats.errors import StatsInputError
from volano.stats.preference import Comparison, bradley_terry, win_rate
from volano.stats.slope import slope_within


def test_a_tie_is_half_a_win():
    found = win_rate([1.0, 0.5, 0.5, 0.0, 1.0, 1.0])
    assert found.value == pytest.approx(4 / 6)
    assert found.low < found.value < found.high


def test_one_word_from_all_is_no_certainty():
    found = win_rate([1.0] * 20)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.8 < found.low < 0.9


def test_rows_of_one_cluster_say_it_once():
    draw = random.Random(4)
    shares = [float(draw.random() < 0.6) for _ in range(60)]
    alone = win_rate(shares)
    thrice = [share for share in shares for _ in range(3)]
    known = win_rate(thrice, [at // 3 for at in range(180)])
    blind = win_rate(thrice)
    assert known.high - known.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert blind.high - blind.low < 0.75 * (known.high - known.low)


def test_bradley_and_terry_find_planted_strengths():
    """Wins as they are expected: then the fit is exact but for its half win and loss."""
    strength = {"a": 4.0, "b": 2.0, "c": 1.0}
    rows = [
        Comparison(one, other, strength[one] / (strength[one] + strength[other]), at)
        for at in range(400)
        for one, other in (("a", "b"), ("b", "c"), ("a", "c"))
    ]
    found = bradley_terry(rows)
    assert list(found) == ["a", "b", "c"]
    odds = {name: one.value / (1 - one.value) for name, one in found.items()}
    assert odds["a"] / odds["b"] == pytest.approx(2, rel=0.02)
    assert odds["b"] / odds["c"] == pytest.approx(2, rel=0.02)


def test_who_won_everything_is_strong_and_not_infinitely_so():
    found = bradley_terry([Comparison("sí", "нет", 1.0, at) for at in range(10)])
    assert 0.5 < found["sí"].value < 1
    assert found["нет"].high < found["sí"].low


def test_who_never_met_can_still_be_compared():
    rows = [Comparison("a", "b", 0.8, at) for at in range(50)]
    rows += [Comparison("b", "c", 0.8, 50 + at) for at in range(50)]
    found = bradley_terry(rows)
    assert list(found) == ["a", "b", "c"]


def test_nobody_is_compared_with_himself():
    with pytest.raises(StatsInputError):
        bradley_terry([Comparison("a", "a", 1.0, 0)])
    with pytest.raises(StatsInputError):
        win_rate([])


def test_a_slope_inside_groups_is_that_of_least_squares():
    """y = 3 + 2 x inside one group, 10 + 2 x in the other; across groups it would be 5."""
    draw = random.Random(1)
    groups = ["a", "b"] * 40
    x = [draw.random() + (2 if group == "b" else 0) for group in groups]
    y = [
        (10 if g == "b" else 3) + 2 * v + draw.gauss(0, 0.05)
        for g, v in zip(groups, x, strict=True)
    ]
    found = slope_within(groups, x, y)
    assert found.low < 2 < found.high
    assert found.value == pytest.approx(2, abs=0.1)


def test_where_nothing_varies_there_is_no_slope():
    assert slope_within(["a"] * 9, [1.0] * 9, [float(at) for at in range(9)]) is None
    assert slope_within(["a", "b"], [1.0, 2.0], [0.0, 1.0]) is None


def test_a_slope_covers_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(300):
        draw = random.Random(seed)
        groups = [draw.random() < 0.6 for _ in range(80)]
        x = [draw.gauss(0, 1) for _ in groups]
        y = [
            g + 0.3 * v + draw.gauss(0, 0.3 + 0.3 * abs(v)) for g, v in zip(groups, x, strict=True)
        ]
        found = slope_within(groups, x, y)
        held += found.low <= 0.3 <= found.high
    assert 0.91 <= held / 300 <= 0.985

"""The aimed test: no more false alarms than promised, however often one looks, and soon right."""

import math
import random

import pytest

from volano.stats.aimed import AimedTest
from volano.stats.betting import BettingTest
from volano.stats.errors import StatsInputError


def looks(test, values):
    """Return after how many values it rejects; one more than there are when never."""
    for n, value in enumerate(values, 1):
        test.observe(value)
        if test.rejected:
            return n
    return len(values) + 1


def spread(draw, mean, part):
    """Values around a mean: a part of them far away, the others at it."""
    return mean if draw.random() > part else draw.choice((0.0, 2 * mean))


def test_it_begins_with_capital_one():
    test = AimedTest(0.5, 0.025)
    assert test.e_value == pytest.approx(1)
    assert (test.n, test.rejected, test.peak) == (0, False, 1.0)


@pytest.mark.parametrize("part", [0.02, 0.3, 1.0])
def test_a_mean_at_the_null_is_seldom_rejected_though_looked_at_after_each_value(part):
    draw = random.Random(int(part * 100))
    runs, n = 400, 300
    false = sum(
        looks(AimedTest(0.5, 0.025, 0.05), [spread(draw, 0.5, part) for _ in range(n)]) <= n
        for _ in range(runs)
    )
    assert false <= runs * 0.05 + 3 * math.sqrt(runs * 0.05 * 0.95)


def test_capital_is_fair_on_average_where_the_mean_is_the_null():
    draw = random.Random(5)
    ends = []
    for _ in range(2_000):
        test = AimedTest(0.5, 0.025)
        for _ in range(40):
            test.observe(spread(draw, 0.5, 0.4))
        ends.append(test.e_value)
    mean = sum(ends) / len(ends)
    error = (sum((e - mean) ** 2 for e in ends) / len(ends) / len(ends)) ** 0.5
    assert mean <= 1 + 4 * error


def test_a_mean_as_far_away_as_it_is_aimed_is_found_sooner_than_by_stakes_for_any_mean():
    draw = random.Random(2)
    ours, theirs = [], []
    for _ in range(60):
        values = [min(1.0, max(0.0, draw.gauss(0.525, 0.1))) for _ in range(600)]
        ours.append(looks(AimedTest(0.5, 0.025), values))
        theirs.append(looks(BettingTest(0.5), values))
    assert sorted(ours)[30] < 0.85 * sorted(theirs)[30]


def test_what_was_proven_stays_proven():
    test = AimedTest(0.5, 0.025)
    for _ in range(100):
        test.observe(1.0)
    assert test.rejected
    for _ in range(500):
        test.observe(0.0)
    assert test.rejected
    assert test.e_value < 1
    assert test.to_dict()["rejected"]


@pytest.mark.parametrize(("mean", "aim", "alpha"), [(0, 0.1, 0.05), (0.5, 0, 0.05), (0.5, 0.1, 1)])
def test_what_cannot_be_tested_is_refused(mean, aim, alpha):
    with pytest.raises(StatsInputError):
        AimedTest(mean, aim, alpha)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan])
def test_values_lie_between_0_and_1(value):
    with pytest.raises(StatsInputError):
        AimedTest(0.5, 0.1).observe(value)

"""Means and totals from samples of known probability: bounds by simulation, and by hand."""

import math
import random

import pytest

from volano.stats.errors import StatsInputError
from volano.stats.sampled import apart, mean, thinned, total

TIMES = 600


def crowd(draw, clusters, rate, icc, most):
    """Answers of users; each has a rate of its own where answers of one user are alike."""
    a, b = (rate * (1 - icc) / icc, (1 - rate) * (1 - icc) / icc) if icc else (0, 0)
    for user in range(clusters):
        own = draw.betavariate(a, b) if icc else rate
        for _ in range(draw.randint(1, most)):
            yield user, float(draw.random() < own)


@pytest.mark.parametrize(
    ("clusters", "rate", "icc", "most", "drawn"),
    [
        (150, 0.8, 0, 1, (0.2,)), (60, 0.8, 0.3, 6, (0.5,)), (200, 0.6, 0.3, 8, (0.05, 0.3)),
        (1000, 0.95, 0, 1, (0.1, 0.5)), (240, 0.97, 0, 1, (0.5,)), (200, 0.9, 0.3, 6, (0.1, 0.4)),
    ],
)  # fmt: skip
def test_the_interval_of_a_mean_covers_95_of_100_times(clusters, rate, icc, most, drawn):
    draw, covered = random.Random(11), 0
    for _ in range(TIMES):
        kept = [
            (user, y, p)
            for user, y in crowd(draw, clusters, rate, icc, most)
            for p in [draw.choice(drawn)]
            if draw.random() < p
        ]
        users, values, probabilities = zip(*kept, strict=True)
        found = mean(values, probabilities, clusters=users)
        covered += found.low <= rate <= found.high
    assert 0.93 <= covered / TIMES <= 0.985  # coverage of shares goes in steps


@pytest.mark.parametrize(("n", "rate", "drawn"), [(1000, 0.1, (0.2,)), (3000, 0.05, (0.1, 0.5))])
def test_the_interval_of_a_total_covers_95_of_100_times(n, rate, drawn):
    draw, covered = random.Random(12), 0
    for _ in range(TIMES):
        every = [float(draw.random() < rate) for _ in range(n)]
        kept = [(y, p) for y in every for p in [draw.choice(drawn)] if draw.random() < p]
        found = total(*zip(*kept, strict=True))
        covered += found.low <= sum(every) <= found.high
    assert 0.92 <= covered / TIMES <= 0.98


def test_rarely_drawn_units_weigh_more():
    draw = random.Random(13)
    values, probabilities = [], []
    for _ in range(20_000):
        bad = draw.random() < 0.3
        p = 0.5 if bad else 0.1  # bad ones are drawn more often
        if draw.random() < p:
            values.append(float(not bad))
            probabilities.append(p)
    assert abs(math.fsum(values) / len(values) - 0.7) > 0.3
    assert mean(values, probabilities).value == pytest.approx(0.7, abs=0.03)


def test_numbers_without_bounds_have_an_interval_too_and_equal_ones_have_width():
    found = mean([100.0, 300.0, 200.0], [0.5] * 3, share=False)
    assert found.low < 100 < found.value == 200 < 300 < found.high
    equal = mean([1.0] * 40, [0.1] * 40)
    assert equal.value == equal.high == 1
    assert 0.88 < equal.low < 0.95
    assert mean([], []) is None
    assert not mean([1.0], [1.0]).enough


def test_two_means_are_apart_or_not():
    same = mean([1.0, 0.0] * 100, [1.0] * 200)
    worse = mean([1.0, 0.0, 0.0, 0.0] * 50, [1.0] * 200)
    assert apart(same, same)[1] == 1
    moved, p = apart(same, worse)
    assert (moved, p < 1e-4) == (-0.25, True)


def test_where_none_was_found_some_may_hide():
    found = total([0.0] * 100, [0.1] * 100)
    assert (found.value, found.low) == (0, 0)
    assert 20 < found.high < 50
    assert total([0.0] * 9, [1.0] * 9).high == 0


def test_what_was_not_looked_at_is_stood_for_or_dark():
    shares, dark = thinned({"9": 10, "10": 10, "11": 20}, {"9": 10, "10": 4})
    assert shares == {"9": 1.0, "10": 0.4}
    assert dark == 0.5


@pytest.mark.parametrize(
    ("values", "probabilities"), [([1.0], []), ([1.0], [0.0]), ([1.0], [1.5]), ([2.0], [1.0])]
)
def test_what_makes_no_sense_is_refused(values, probabilities):
    with pytest.raises(StatsInputError):
        mean(values, probabilities)

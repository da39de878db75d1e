import math
import random

import pytest

from volano.stats.difference import LEAST
from volano.stats.errors import StatsInputError
from volano.stats.ratio import MeanRatio, Spread

STREAMS = 500
BAR = 0.05 + 3 * math.sqrt(0.05 * 0.95 / STREAMS)
CAP = math.exp(-6 + 2 * 2.576)
"""The 99.5 % quantile of the baseline, known beforehand."""


def compared(n, *, logged, factor=1.0, sigma=2.0, share=0.5, seed=0, tolerated=0.0, alpha=0.05):
    rng, test = (
        random.Random(seed),
        MeanRatio(logged=logged, margin=0.15, tolerated=tolerated, alpha=alpha),
    )
    for _ in range(n):
        mine = rng.random() < share
        value = rng.lognormvariate(-6, sigma) * (factor if mine else 1.0)
        test.observe(mine, value if logged else min(value, CAP))
    return test


def test_its_width_is_that_of_the_formula():
    """Waudby-Smith et al., theorem 2.2, with rho^2 n = tau^2 / se^2 (here by its own words)."""
    test = compared(1000, logged=True)
    others, mine = test.arms
    error = sum(one.variance(math.log1p(0.15)) / one.n for one in (others, mine))
    alpha, wanted = 0.05, math.log1p(0.15)
    best = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
    at_best = math.sqrt(2 * (1 + 1 / best) * math.log(math.sqrt(1 + best) / alpha))
    grown = best * (wanted / at_best) ** 2 / error
    half = math.sqrt(error * 2 * (1 + 1 / grown) * math.log(math.sqrt(1 + grown) / alpha))
    found = test.interval()
    assert math.log(found.high / found.value) == pytest.approx(half)
    assert math.log(found.value / found.low) == pytest.approx(half)


@pytest.mark.slow
@pytest.mark.parametrize(("logged", "share"), [(True, 0.5), (False, 0.5), (True, 0.1)])
def test_no_difference_is_seldom_called_one(logged, share):
    """Heavy tails (sigma 2), looked at after every unit."""
    n = 500 if share == 0.5 else 1500
    wrong = sum(
        compared(n, logged=logged, share=share, seed=seed).rejected for seed in range(STREAMS)
    )
    assert wrong / STREAMS <= BAR


@pytest.mark.slow
def test_at_the_edge_of_the_margin_it_seldom_passes():
    wrong = 0
    for seed in range(STREAMS):
        rng, test, passed = random.Random(seed), MeanRatio(logged=True, margin=0.15), False
        for n in range(500):
            mine = n % 2 == 0
            test.observe(mine, rng.lognormvariate(-6, 0.5) * (1.15 if mine else 1.0))
            found = test.interval()
            passed |= found is not None and found.high <= 1.15
        wrong += passed
    assert wrong / STREAMS <= BAR


def test_the_harness_can_fail_raw_means_of_a_small_arm_are_wrong_often():
    """What the caps and logs are for: a one-sided z-test of raw means, watched, at 5 % share."""
    wrong = 0
    for seed in range(60):
        rng, arms, found = random.Random(seed), (Spread(), Spread()), False
        for n in range(1500):
            arms[rng.random() < 0.05].add(rng.lognormvariate(-6, 2))
            if n > 300 and n % 10 == 0:
                others, mine = arms
                error = sum(one.variance(0) / one.n for one in arms)
                found |= abs(mine.mean - others.mean) > 1.96 * math.sqrt(error)
        wrong += found
    assert wrong / 60 > 0.2


def test_it_is_silent_until_the_smaller_arm_is_large_enough():
    test = MeanRatio(logged=True, margin=0.15)
    for n in range(LEAST - 1):
        test.observe(True, 1.0 + n % 3)
    for n in range(5000):
        test.observe(False, 1.0 + n % 3)
    assert test.interval() is None
    test.observe(True, 1.0)
    assert test.interval() is not None


def test_a_sum_that_few_carry_is_not_taken_for_many():
    test = MeanRatio(logged=False, margin=0.15)
    for n in range(400):
        test.observe(n % 2 == 0, 1.0 if n < 4 else 0.0)
    assert test.interval() is None


def test_a_dearer_candidate_is_found_and_stays_found():
    test = compared(1500, logged=True, factor=1.6, sigma=0.5, tolerated=0.15, seed=2)
    assert test.rejected
    for _ in range(500):
        test.observe(True, 1e-6)
    assert test.rejected


@pytest.mark.parametrize("logged", [True, False])
def test_an_equal_candidate_comes_inside_the_margin(logged):
    found = compared(6000, logged=logged, sigma=0.5, seed=1).interval()
    assert 0.87 < found.low < 1 < found.high < 1.15


def test_free_calls_and_equal_prices_are_no_trouble():
    test = MeanRatio(logged=True, margin=0.15)
    for n in range(400):
        test.observe(n % 2 == 0, 0.0)
    assert test.interval().value == 1
    assert not test.rejected


@pytest.mark.parametrize("value", [-1e-9, math.inf, math.nan])
def test_what_is_no_amount_is_refused(value):
    with pytest.raises(StatsInputError):
        MeanRatio(logged=True, margin=0.15).observe(True, value)

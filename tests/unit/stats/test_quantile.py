import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.errors import StatsInputError
from volano.stats.quantile import Histogram, QuantileRatio, rank_bounds
from volano.stats.special import log_beta

STREAMS = 150
BAR = 0.05 + 3 * math.sqrt(0.05 * 0.95 / STREAMS)
times = st.lists(st.floats(0, 1e9), min_size=1, max_size=80)


def compared(draw, n, *, p=0.5, margin=0.1, share=0.5, seed=0, **given):
    """A test of two arms; `draw(rng, is_candidate)` makes a value."""
    rng, test = random.Random(seed), QuantileRatio(p, margin=margin, **given)
    for _ in range(n):
        mine = rng.random() < share
        test.observe(mine, draw(rng, mine))
    return test


def lognormal(factor=1.0, sigma=1.0):
    return lambda rng, mine: rng.lognormvariate(12, sigma) * (factor if mine else 1.0)


@pytest.mark.parametrize(("n", "low", "high"), [(500, 0.918, 0.976), (2000, 0.935, 0.964)])
def test_ranks_of_p95_are_as_wide_as_the_formula_says(n, low, high):
    found = rank_bounds(n, 0.95, 0.05)
    assert (found[0] / n, found[1] / n) == pytest.approx((low, high), abs=0.003)


@given(st.integers(1, 300), st.sampled_from([0.5, 0.9, 0.99]))
def test_ranks_are_those_that_the_mixture_does_not_exclude(n, p):
    a, b = 100 * p, 100 * (1 - p)
    inside = [
        k for k in range(n + 1)
        if log_beta(a + k, b + n - k) - log_beta(a, b) - k * math.log(p) - (n - k) * math.log1p(-p)
        < math.log(20)
    ]  # fmt: skip
    assert rank_bounds(n, p, 0.05) == (inside[0], inside[-1])


@given(times)
def test_a_quantile_is_within_half_a_percent_and_inside_its_bounds(values):
    seen = Histogram()
    for value in values:
        seen.add(value)
    exact = sorted(values)[max(0, math.ceil(0.5 * len(values)) - 1)]
    found = seen.quantile(0.5)
    assert found is not None
    assert max(exact, 1) <= found * 1.0001
    assert found <= max(exact, 1) * 1.0051
    low, high = seen.bounds(0.5, 0.05)
    assert low <= exact <= max(high, 1)


def test_bounds_of_one_arm_miss_seldom_at_any_look():
    missed = 0
    for seed in range(STREAMS):
        rng, seen, truth = random.Random(seed), Histogram(), math.exp(12)
        wrong = False
        for n in range(1, 201):
            seen.add(rng.lognormvariate(12, 1.5))
            low, high = seen.bounds(0.5, 0.05) if n % 20 == 0 else (0, math.inf)
            wrong |= not low <= truth <= high
        missed += wrong
    assert missed / STREAMS <= BAR


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_no_difference_is_seldom_called_one(share):
    wrong = sum(
        compared(lognormal(), 300, margin=0.1, tolerated=0.0, share=share, seed=seed).rejected
        for seed in range(STREAMS)
    )
    assert wrong / STREAMS <= BAR


@pytest.mark.slow
def test_at_the_edge_of_the_margin_it_seldom_passes():
    """Looked at every twenty units; the candidate's median is 10 % higher, as much as is allowed."""
    wrong = 0
    for seed in range(STREAMS):
        rng, test, passed = random.Random(seed), QuantileRatio(0.5, margin=0.1), False
        for n in range(400):
            mine = n % 2 == 0
            test.observe(mine, rng.lognormvariate(12, 0.3) * (1.1 if mine else 1.0))
            passed |= n % 20 == 0 and test.stays_below(0.1)
        wrong += passed
    assert wrong / STREAMS <= BAR


def test_atoms_and_ties_do_not_fool_it():
    wrong = sum(
        compared(lambda rng, _: rng.choice([1e6, 1e6, 2e6]), 400, tolerated=0.0, seed=seed).rejected
        for seed in range(100)
    )
    assert wrong <= 10


def test_what_drifts_in_both_arms_is_no_difference():
    wrong = 0
    for seed in range(100):
        rng, test = random.Random(seed), QuantileRatio(0.5, margin=0.1, tolerated=0.0)
        for n in range(600):
            hour = 1 + 0.8 * math.sin(n / 60)
            test.observe(rng.random() < 0.5, rng.lognormvariate(12, 0.5) * hour)
        wrong += test.rejected
    assert wrong <= 10


def test_a_slower_candidate_is_found_and_stays_found():
    test = compared(lognormal(2.0, 0.5), 1500, p=0.95, margin=0.1, seed=3)
    assert test.rejected
    assert test.exceeds(0.1)
    for _ in range(500):
        test.observe(True, 1.0)
    assert test.rejected


def test_an_equal_candidate_passes_in_time():
    test = compared(lognormal(1.0, 0.3), 6000, margin=0.1, seed=1)
    assert test.stays_below(0.1)
    low, high = test.interval()
    assert low < 1 < high <= 1.11
    assert high == pytest.approx(1.1, abs=0.1)


def test_its_answer_is_the_least_proof_over_all_limits():
    """The quick look at three places may say no, and never yes where the whole says no."""
    for seed in range(30):
        test = compared(lognormal(1.5, 0.6), 60 + 40 * seed, p=0.9, margin=0.1, seed=seed)
        assert test.exceeds(0.1) is (test.log_e_above(20) >= math.log(20))
        assert test.stays_below(0.1) is (test.log_e_below(19) >= math.log(20))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e8)), max_size=60))
def test_one_arm_or_none_proves_nothing(stream):
    test = QuantileRatio(0.5, margin=0.1)
    for _, value in stream:
        test.observe(True, value)
    assert not test.rejected
    assert not test.stays_below(0.1)


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(StatsInputError):
        QuantileRatio(0.5, margin=0.1).observe(True, value)


@pytest.mark.parametrize("given", [{"p": 0}, {"p": 1}, {"alpha": 0}, {"margin": -0.1}])
def test_settings_outside_their_range_are_refused(given):
    with pytest.raises(StatsInputError):
        QuantileRatio(**{"p": 0.5, "margin": 0.1, **given})

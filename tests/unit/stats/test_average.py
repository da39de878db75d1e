import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.average import LADDER, NEVER, WEIGHTS, RunningMean, log_evidence
from volano.stats.errors import StatsInputError

values = st.lists(st.floats(0, 1), min_size=1, max_size=60)
alphas = st.sampled_from([0.01, 0.04, 0.2])


def fed(stream):
    mean = RunningMean()
    for value in stream:
        mean.observe(value)
    return mean


def test_the_weights_of_the_mixture_sum_to_one():
    assert NEVER + sum(WEIGHTS) == pytest.approx(1)


@given(values, st.floats(0.01, 0.99))
def test_the_evidence_is_the_formula(stream, p):
    s, n = sum(stream), len(stream)
    mixed = sum(
        v * math.exp(-lam * s - n * math.log(1 - p + p * math.exp(-lam)))
        for v, lam in zip(WEIGHTS, LADDER, strict=True)
    )
    mixed += NEVER * (1 - p) ** -n if s == 0 else 0
    assert log_evidence(s, n, p) == pytest.approx(math.log(mixed), abs=1e-6)


@given(values, alphas)
def test_bounds_hold_the_mean_and_are_mirror_images(stream, alpha):
    mean, mirrored = fed(stream), fed([1 - x for x in stream])
    assert -1e-9 <= mean.lower(alpha) <= mean.mean + 1e-9
    assert mean.mean - 1e-9 <= mean.upper(alpha) <= 1
    assert mean.lower(alpha) == pytest.approx(1 - mirrored.upper(alpha), abs=1e-6)


@given(values, alphas)
def test_the_bound_is_where_the_evidence_crosses(stream, alpha):
    mean = fed(stream)
    bound = mean.upper(alpha)
    if bound < 1:
        assert log_evidence(mean.total, mean.n, bound) >= -math.log(alpha)
        assert log_evidence(mean.total, mean.n, bound - 1e-6) < -math.log(alpha)


def test_seventy_five_without_a_failure_bound_the_rate_below_five_percent():
    assert fed([0.0] * 75).upper(0.04) <= 0.05 < fed([0.0] * 74).upper(0.04)


def test_one_fair_step_never_gains_on_average():
    """E[M_1(p)] <= 1 for a coin and for values between 0 and 1 of the same mean."""
    for p in (0.02, 0.3, 0.9):
        coin = p * math.exp(log_evidence(1, 1, p)) + (1 - p) * math.exp(log_evidence(0, 1, p))
        assert coin == pytest.approx(1)
        assert math.exp(log_evidence(p, 1, p)) <= 1


def test_before_the_first_value_everything_is_possible():
    empty = RunningMean()
    assert (empty.mean, empty.lower(0.05), empty.upper(0.05)) == (None, 0, 1)
    assert empty.to_dict()["n"] == 0


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_values_outside_are_refused(value):
    with pytest.raises(StatsInputError):
        RunningMean().observe(value)

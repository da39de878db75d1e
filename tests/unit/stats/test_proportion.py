import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.errors import StatsInputError
from volano.stats.proportion import Proportion

outcomes = st.lists(st.booleans(), min_size=1, max_size=80)


def fed(stream, a=0.5, b=0.5):
    proportion = Proportion(a, b)
    for success in stream:
        proportion.observe(success)
    return proportion


@given(outcomes, st.sampled_from([(0.5, 0.5), (1, 1), (0.25, 5)]))
def test_bounds_agree_with_an_independent_package(stream, prior):
    np, ville = pytest.importorskip("numpy"), pytest.importorskip("ville.proportions")
    theirs = ville.BernoulliCS(0.05, prior, intersect=False).update(np.array(stream, float))
    low, high = fed(stream, *prior).interval(0.05)
    assert low == pytest.approx(theirs.lower_[-1], abs=1e-6)
    assert high == pytest.approx(theirs.upper_[-1], abs=1e-6)


@given(outcomes)
def test_failures_and_successes_mirror_each_other(stream):
    low, high = fed(stream).interval(0.05)
    other = fed([not x for x in stream]).interval(0.05)
    assert (1 - high, 1 - low) == pytest.approx(other, abs=1e-6)


@given(st.floats(0.01, 0.99))
def test_one_trial_is_a_fair_bet(p):
    success, failure = fed([True]).e_value(p), fed([False]).e_value(p)
    assert p * success + (1 - p) * failure == pytest.approx(1)


def test_impossible_proportions_are_refuted_at_once():
    assert fed([True]).e_value(0) > 1e300
    assert fed([False]).e_value(1) > 1e300
    assert Proportion().interval(0.05) == pytest.approx((0, 1), abs=1e-6)


def test_a_prior_for_small_proportions_is_tight_there():
    assert fed([False] * 80, 0.25, 5).upper(0.04) < 0.05 < fed([False] * 80).upper(0.04)
    assert fed([False] * 80).to_dict()["low"] == 0


@pytest.mark.parametrize(("a", "b"), [(0, 1), (1, -1)])
def test_an_impossible_prior_is_refused(a, b):
    with pytest.raises(StatsInputError):
        Proportion(a, b)

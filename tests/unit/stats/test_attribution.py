import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.attribution import BETS, Attribution
from volano.stats.errors import StatsInputError

failure = st.tuples(st.booleans(), st.floats(0.001, 0.999))
failures = st.lists(failure, max_size=60)


def fed(stream, ratio=1.0, alpha=0.05):
    test = Attribution(ratio, alpha)
    for is_candidate, weight in stream:
        test.observe(is_candidate, weight)
    return test


def by_the_book(stream, r0):
    """The formula as it stands in the module's docstring, product by product."""
    total = 0.0
    stakes = sum(weight for _, weight in BETS)
    for multiple, weight in BETS:
        ratio, product = r0 * multiple, 1.0
        for y, w in stream:
            q0, q1 = w * r0 / (w * r0 + 1 - w), w * ratio / (w * ratio + 1 - w)
            product *= q1 / q0 if y else (1 - q1) / (1 - q0)
        total += product * weight / stakes
    return total


@given(failures, st.sampled_from([0.8, 1.0, 1.2, 2.0]))
def test_the_increments_multiply_to_the_formula(stream, r0):
    assert fed(stream, r0).e_value == pytest.approx(by_the_book(stream, r0), rel=1e-9)


@given(st.floats(0.001, 0.999), st.sampled_from([1.0, 1.2]))
def test_one_failure_is_a_fair_bet_at_the_tolerated_ratio(w, r0):
    q = w * r0 / (w * r0 + 1 - w)
    win, lose = fed([(True, w)], r0).e_value, fed([(False, w)], r0).e_value
    assert q * win + (1 - q) * lose == pytest.approx(1)


@given(failures)
def test_the_order_of_failures_does_not_matter_for_the_evidence(stream):
    assert fed(stream).log_e == pytest.approx(fed(stream[::-1]).log_e, abs=1e-9)


@given(st.lists(st.booleans(), max_size=80))
def test_the_arms_cannot_both_be_the_worse_one(stream):
    """Swap the arms' names: what speaks against one speaks for the other."""
    there = fed([(y, 0.5) for y in stream])
    back = fed([(not y, 0.5) for y in stream])
    assert min(there.log_e, back.log_e) <= 1e-9


@given(failures, failures)
def test_data_after_proof_never_takes_it_back(stream, later):
    test = fed(stream)
    for _ in range(200):
        test.observe(True, 0.1)
    assert test.rejected
    for is_candidate, weight in later:
        test.observe(is_candidate, weight)
    assert test.rejected


def test_a_few_candidate_failures_at_five_percent_are_proof():
    test = fed([(True, 0.05)] * 4, ratio=1.2, alpha=0.025)
    assert test.rejected


def test_evidence_without_end_stays_a_number():
    test = fed([(True, 0.001)] * 3000)
    assert math.isfinite(test.e_value)
    json.dumps(test.to_dict(), allow_nan=False)
    gone = fed([(False, 0.9)] * 5000)
    assert gone.e_value < 1e-100
    json.dumps(gone.to_dict(), allow_nan=False)


@pytest.mark.parametrize("weight", [0, 1, -0.1, 1.1, float("nan")])
def test_without_chance_there_is_no_evidence(weight):
    with pytest.raises(StatsInputError):
        Attribution().observe(True, weight)


@pytest.mark.parametrize(("ratio", "alpha"), [(0, 0.05), (math.inf, 0.05), (1, 0), (1, 1)])
def test_impossible_settings_are_refused(ratio, alpha):
    with pytest.raises(StatsInputError):
        Attribution(ratio, alpha)

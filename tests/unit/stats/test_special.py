import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.special import bisect, incomplete_beta, log_beta, log_sum_exp, student_quantile

special = pytest.importorskip("scipy.special")
stats = pytest.importorskip("scipy.stats")

positive = st.floats(0.05, 2000)


@given(positive, positive, st.floats(0, 1))
def test_incomplete_beta_agrees_with_scipy(a, b, x):
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), abs=1e-9)


@given(positive, positive)
def test_log_beta_agrees_with_scipy(a, b):
    assert log_beta(a, b) == pytest.approx(special.betaln(a, b), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("df", [1, 2, 5, 30, 199, 5000])
@pytest.mark.parametrize("probability", [0.9, 0.975, 0.995])
def test_student_quantile_agrees_with_scipy(df, probability):
    assert student_quantile(probability, df) == pytest.approx(
        stats.t.ppf(probability, df), rel=1e-6
    )


def test_log_sum_exp_of_tiny_and_of_no_mass():
    assert log_sum_exp([-2000.0, -2000.0]) == pytest.approx(-2000 + math.log(2))
    assert log_sum_exp([-math.inf, -math.inf]) == -math.inf


def test_bisect_answers_from_the_side_where_the_test_holds():
    x = bisect(lambda x: x * x >= 2, 0.0, 2.0)
    assert x * x >= 2
    assert x == pytest.approx(math.sqrt(2), abs=1e-6)

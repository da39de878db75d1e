import random

import pytest

from volano.stats.errors import StatsInputError
from volano.stats.forecast import LEAST_DAYS, forecast

WEEK = (1.0, 1.1, 1.1, 1.0, 0.9, 0.4, 0.3)


def test_nine_of_ten_intervals_hold_what_came():
    """A seasonal series with a level that drifts and noise of 30 %: 90 % intervals, 60 series."""
    held = 0
    for seed in range(60):
        draw, level, days = random.Random(seed), 1e9, []
        for day in range(42 + 30):
            level *= draw.lognormvariate(0, 0.01)
            days.append(level * WEEK[day % 7] * draw.lognormvariate(0, 0.3))
        [found] = forecast(days[:42], (30,), paths=100, seed=seed)
        assert found.low < found.expected < found.high < 3 * found.low
        held += found.low <= sum(days[42:]) <= found.high
    assert held >= 48  # fewer has a chance below 1 % at 90 %


def test_a_perfect_week_goes_on_as_it_was():
    near, far = forecast([100 * share for share in WEEK] * 5, (7, 14))
    assert near.low == pytest.approx(580)
    assert near.high == pytest.approx(580)
    assert far.expected == pytest.approx(1160)
    [begun] = forecast([100 * share for share in WEEK] * 5, (7,), begun=500)
    assert begun.low == pytest.approx(980)  # the first day, of 100, has cost 500 already


def test_short_history_is_no_forecast_and_nothing_costs_nothing():
    assert forecast([5.0] * (LEAST_DAYS - 1), (30,)) is None
    assert forecast([0.0] * LEAST_DAYS, (30,)) == ((0, 0, 0),)
    with pytest.raises(StatsInputError):
        forecast([-1.0] * 30, (30,))

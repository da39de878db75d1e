import math
import random

import pytest

from volano.stats.anomalies import WEEK, odd_hours
from volano.stats.errors import StatsInputError

HOURS = 6 * WEEK + 24


def series(seed: int) -> dict[str, list[float]]:
    """Five series of a day's rhythm: busy and steady ones, and two of rare bursts."""
    draw = random.Random(seed)

    def one(size: float, share: float) -> list[float]:
        return [
            size * (1 + 0.8 * math.sin(math.tau * hour / 24)) * draw.lognormvariate(0, 0.4)
            if draw.random() < share else 0.0
            for hour in range(HOURS)
        ]  # fmt: skip

    shapes = {"a": (100, 1), "b": (10, 1), "c": (5, 0.2), "d": (50, 1), "e": (1, 0.05)}
    return {name: one(size, share) for name, (size, share) in shapes.items()}


def test_what_is_as_ever_is_rarely_odd_and_what_moved_is_named():
    alarms = found = 0
    for seed in range(40):
        rows = series(seed)
        alarms += bool(odd_hours(rows, 24))
        rows["b"][-3:-1] = [each * 8 for each in rows["b"][-3:-1]]
        odd = odd_hours(rows, 24)
        found += any(one.name == "b" and one.at in (21, 22) for one in odd)
    assert alarms <= 6  # 5 % of 40 are 2; more than 6 has a chance of 0.3 %
    assert found >= 30


def test_short_history_is_no_answer():
    assert odd_hours({"a": [1.0] * (3 * WEEK + 23)}, 24) is None
    assert odd_hours({}, 24) is None
    steady = [1.0] * (4 * WEEK) + [1.0] * 23 + [9.0]
    assert [(one.at, one.value, one.expected) for one in odd_hours({"a": steady}, 24)] == [
        (23, 9.0, pytest.approx(1.0))
    ]
    with pytest.raises(StatsInputError):
        odd_hours({"a": [1.0] * HOURS, "b": [1.0]}, 24)

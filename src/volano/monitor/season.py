"""Season: is this hour like the same hour of other weeks?

Robust: the median of the hours of the same hour of the week and its two neighbours
in past weeks, and the median absolute deviation, times 1.4826 an estimate of the
standard deviation of normal values (Rousseeuw, Croux: "Alternatives to the Median
Absolute Deviation", JASA 88, 1993): one holiday among the weeks moves neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

HOUR_US = 3_600_000_000
WEEK_H = 168
LEAST_WEEKS = 3
MOST_WEEKS = 8
_SIGMA = 1.4826
_FLOOR = 0.05
"""A deviation below 5 % of the median is none: of values that never changed any change would be one."""


@dataclass(frozen=True, slots=True)
class Season:
    """What is usual at this hour, and how far a value may be away in deviations of 1."""

    middle: float
    deviation: float
    weeks: int

    def score(self, value: float) -> float:
        """Return by how many deviations the value is above or below what is usual."""
        return (value - self.middle) / self.deviation


def season(hours: Mapping[int, float], at_us: int) -> Season | None:
    """Return what is usual at this moment, from values by hour since 1970; None: too little history."""
    now_h = at_us // HOUR_US
    weeks = [
        [
            hours[h]
            for h in range(now_h - week * WEEK_H - 1, now_h - week * WEEK_H + 2)
            if h in hours
        ]
        for week in range(1, MOST_WEEKS + 1)
    ]
    seen = [values for values in weeks if values]
    if len(seen) < LEAST_WEEKS:
        return None
    values = [value for week in seen for value in week]
    middle = median(values)
    spread = _SIGMA * median(abs(value - middle) for value in values)
    return Season(middle, max(spread, _FLOOR * abs(middle), 1e-9), len(seen))

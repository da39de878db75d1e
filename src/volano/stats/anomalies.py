"""Anomalies: which hours of which series are not like the same hours of the weeks before.

Square roots of the amounts are compared with the median of the same hour of the week in the
weeks before, in units of the series' own median absolute deviation (Hampel 1974, JASA
69:383-393): neither is moved by an anomaly of old. How large a deviation is by chance is not
read from a normal table, as spend has heavy tails: each hour of the past is compared with the
*other* weeks in the same way, and an hour's p-value is its rank among these (conformal p-values).
Over all hours and series the false discovery rate is held by Benjamini & Hochberg (1995, JRSS B
57:289-300), which conformal p-values of one past allow (Bates, Candès, Lei, Romano & Sesia
2023, Annals of Statistics 51:149-178). What the past had now and then is therefore no anomaly.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from volano.stats.errors import need

WEEK = 168
LEAST_WEEKS = 3
"""With fewer no p-value is small enough to survive a day's twenty-four tests."""
MOST_WEEKS = 8
_MAD = 1.4826  # makes the MAD of a normal distribution its standard deviation
_Z99 = 2.576  # 99 % of a normal distribution is nearer than this many standard deviations


class Odd(NamedTuple):
    """An hour that is not like those before: `at` counts from the first recent one."""

    name: str
    at: int
    value: float
    expected: float
    p: float


def odd_hours(
    series: Mapping[str, Sequence[float]], recent: int, *, rate: float = 0.05, week: int = WEEK
) -> list[Odd] | None:
    """Return the recent hours that are odd, oldest first; None: not enough history.

    Every series is hours without gaps up to the same moment, the last `recent` of them to be
    judged. `rate` is the part of false ones among those returned, at most on average. For longer
    stretches than hours, such as sums over six of them, say how many a `week` has.

    Raises:
        StatsInputError: series of unequal length, or an amount below zero.
    """
    lengths = {len(values) for values in series.values()}
    need(len(lengths) <= 1, "series of the same length")
    need(all(x >= 0 for values in series.values() for x in values), "amounts of zero or more")
    weeks = min(MOST_WEEKS, (min(lengths, default=0) - recent) // week)
    if weeks < LEAST_WEEKS or recent < 1:
        return None
    past: list[float] = []
    judged: list[tuple[float, Odd]] = []
    for name, values in series.items():
        before, found = _deviations(name, values, recent, weeks, week)
        past += before
        judged += found
    return _discoveries(past, judged, rate)


def _deviations(
    name: str, values: Sequence[float], recent: int, weeks: int, week: int
) -> tuple[list[float], list[tuple[float, Odd]]]:
    """Return how far the hours of the past were off, and the recent ones with how far they are."""
    roots = [math.sqrt(x) for x in values[len(values) - recent - weeks * week :]]
    n = weeks * week
    off = []
    for hour in range(week):
        same = roots[hour:n:week]
        off += [x - median(same[:i] + same[i + 1 :]) for i, x in enumerate(same)]
    scale = _scale([abs(x) for x in off])
    judged = []
    for at in range(recent):
        expected = median(roots[(n + at) % week : n : week])
        value = values[len(values) - recent + at]
        far = abs(roots[n + at] - expected) / scale
        judged.append((far, Odd(name, at, value, expected * expected, 1.0)))
    return [abs(x) / scale for x in off], judged


def _scale(sizes: Sequence[float]) -> float:
    """Return the unit of a series: its MAD, or more where it is quiet but for now and then.

    A series of rare bursts has a MAD of zero; its unit is then such that its hundredth largest
    deviation, or at least its largest, is no wonder.
    """
    ordered = sorted(sizes)
    return max(
        _MAD * median(ordered), ordered[len(ordered) * 99 // 100] / _Z99, ordered[-1] / 8, 1e-9
    )


def _discoveries(
    past: Sequence[float], judged: Sequence[tuple[float, Odd]], rate: float
) -> list[Odd]:
    ordered = sorted(past)
    told = []
    for far, odd in judged:
        as_far = len(ordered) - _first_at_least(ordered, far)
        told.append(odd._replace(p=(1 + as_far) / (1 + len(ordered))))
    told.sort(key=lambda odd: odd.p)
    passed = [k for k, odd in enumerate(told, 1) if odd.p <= k * rate / len(told)]
    return sorted(told[: max(passed, default=0)], key=lambda odd: (odd.at, odd.name))


def _first_at_least(ordered: Sequence[float], value: float) -> int:
    """Return where the first number of at least this size stands, rounding errors aside."""
    low, high = 0, len(ordered)
    limit = value * (1 - 1e-12)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < limit:
            low = middle + 1
        else:
            high = middle
    return low

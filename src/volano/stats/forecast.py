"""Forecasts of daily amounts with an interval, or None: not enough history.

The square roots of the amounts follow a level and a season of one week, both by exponential
smoothing: ETS(A,N,A) in Hyndman, Koehler, Ord & Snyder (2008), "Forecasting with Exponential
Smoothing". Roots, because spend spreads more where it is high, and is never below zero.

    e_t = y_t - (level + season_i)     level += alpha e_t     season_i += gamma e_t

alpha and gamma are those of a small grid with the least squared one-step error. The interval is
a bootstrap (Pascual, Romo & Ruiz 2005, Comput. Stat. Data Anal. 50:2293-2312, there for GARCH):
a history is drawn from the fitted process with its own errors, fitted as the real one was, and
its forecast compared with how it went on. So the interval also has the error of the fit, which
in a month's sum is as large as the noise of the days.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from volano.stats.errors import need

SEASON = 7
LEAST_DAYS = 3 * SEASON
MOST_DAYS = 16 * SEASON
_ALPHAS = (0.05, 0.1, 0.2, 0.35, 0.5)
_GAMMAS = (0.0, 0.05, 0.15)
_PARAMETERS = SEASON + 2


class Forecast(NamedTuple):
    """A sum to come: its expectation, and the bounds that hold it with the stated confidence."""

    expected: float
    low: float
    high: float


class _State(NamedTuple):
    level: float
    season: tuple[float, ...]
    errors: tuple[float, ...]


def forecast(
    history: Sequence[float],
    horizons: Sequence[int],
    *,
    begun: float = 0.0,
    confidence: float = 0.9,
    paths: int = 300,
    seed: int = 0,
) -> tuple[Forecast, ...] | None:
    """Return the sums of the next so many days, one for each horizon; None below `LEAST_DAYS`.

    `history` is whole days, the oldest first, without gaps (a day without spend is 0); only the
    newest `MOST_DAYS` are read. `begun` is what the first day to come has already: it is no less. The same input gives the same answer: `seed` chooses the draws.

    Raises:
        StatsInputError: an amount below zero, or a horizon below one.
    """
    need(all(x >= 0 for x in history), "amounts of zero or more")
    need(all(h >= 1 for h in horizons), "horizons of a day or more")
    if len(history) < LEAST_DAYS:
        return None
    y = [math.sqrt(x) for x in history[-MOST_DAYS:]]
    alpha, gamma = min(
        ((a, g) for a in _ALPHAS for g in _GAMMAS), key=lambda ag: _loss(_smooth(y, *ag).errors)
    )
    fit, start, far = _smooth(y, alpha, gamma), _begin(y), max(horizons, default=1)
    n = len(y)
    mean = math.fsum(fit.errors) / n
    inflate = math.sqrt(n / (n - _PARAMETERS))
    errors = [(e - mean) * inflate for e in fit.errors]
    ahead = [fit.level + fit.season[(n + h) % SEASON] for h in range(far)]
    draw = random.Random(seed)
    sums: list[list[float]] = [[] for _ in horizons]
    for _ in range(paths):
        noise = draw.choices(errors, k=n + far)
        told = _tell(start, noise, alpha, gamma)
        again = _smooth(told[:n], alpha, gamma)
        total, totals = 0.0, []
        for h in range(far):
            missed = told[n + h] - (again.level + again.season[(n + h) % SEASON])
            day = max(0.0, ahead[h] + missed) ** 2
            total += day if h else max(begun, day)
            totals.append(total)
        for found, horizon in zip(sums, horizons, strict=True):
            found.append(totals[horizon - 1])
    tail = (1 - confidence) / 2
    return tuple(
        Forecast(math.fsum(s) / paths, _quantile(s, tail), _quantile(s, 1 - tail)) for s in sums
    )


def _begin(y: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """Return level and season before the first day, from the first two weeks."""
    level = math.fsum(y[: 2 * SEASON]) / (2 * SEASON)
    return level, tuple((y[i] + y[i + SEASON]) / 2 - level for i in range(SEASON))


def _smooth(y: Sequence[float], alpha: float, gamma: float) -> _State:
    level, first = _begin(y)
    season, errors = list(first), []
    for t, value in enumerate(y):
        i = t % SEASON
        e = value - level - season[i]
        level += alpha * e
        season[i] += gamma * e
        errors.append(e)
    return _State(level, tuple(season), tuple(errors))


def _tell(
    start: tuple[float, tuple[float, ...]], noise: Sequence[float], alpha: float, gamma: float
) -> list[float]:
    """Return one history and how it goes on, as the process draws it from these errors."""
    level, season, told = start[0], list(start[1]), []
    for t, e in enumerate(noise):
        i = t % SEASON
        told.append(level + season[i] + e)
        level += alpha * e
        season[i] += gamma * e
    return told


def _loss(errors: Sequence[float]) -> float:
    """Return the squared error of the days that the beginning was not taken from."""
    return math.fsum(e * e for e in errors[2 * SEASON :])


def _quantile(values: Sequence[float], probability: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(probability * (len(ordered) - 1))))]

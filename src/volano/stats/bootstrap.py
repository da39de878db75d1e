"""The bootstrap over clusters, for what has no formula: ratios of medians, tails, cost per success.

Whole clusters are drawn with replacement, and with a row both of its sides, so that pairs and
clusters stay together (Davison & Hinkley 1997, Bootstrap Methods, section 3.8). Smooth statistics
get BCa intervals (Efron 1987, JASA 82:171-185); medians and quantiles, whose jackknife fails, the
percentile interval. The draws are the same each time: equal data give equal intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from volano.core.lazy import lazy
from volano.stats.errors import need
from volano.stats.special import normal_quantile

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

DRAWS, SEED, LEAST = 2000, 20240918, 2
_AT_ONCE = 4_000_000
Statistic = Callable[[Any], Any]
"""Takes columns, each an array of (draws, rows), and returns one value for each draw."""


class Resampled(NamedTuple):
    """The estimate, its interval, and the p-value of `null`."""

    value: float
    low: float
    high: float
    p: float
    method: str


def resampled(
    columns: Sequence[Sequence[float]],
    statistic: Statistic,
    clusters: Sequence[Hashable] | None = None,
    *,
    smooth: bool = True,
    null: float = 0.0,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> Resampled:
    """Return a statistic of rows with its bootstrap interval.

    `columns` holds one value of each row in each column. Where small changes of any row change the
    statistic a little (`smooth`), the interval is BCa's. The p-value speaks of `null`.

    Raises:
        StatsInputError: no rows, unequal lengths, or only one cluster.
    """
    need(bool(columns) and len(columns[0]) > 0, "at least one row")
    data = np.array(columns, float)
    members = _members(data.shape[1], clusters)
    need(len(members) >= LEAST, "at least two clusters")
    value = float(statistic(data[:, None, :])[0])
    found = _draw(data, members, statistic, draws)
    found = np.sort(found[np.isfinite(found)])
    if not found.size or not math.isfinite(value):
        return Resampled(value, -math.inf, math.inf, 1.0, "bootstrap, undefined")
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    method = "percentile bootstrap"
    if smooth:
        tails = _corrected(value, found, _jackknife(data, members, statistic), confidence)
        method = "BCa bootstrap"
    low, high = (float(np.quantile(found, tail)) for tail in tails)
    under, over = float((found <= null).mean()), float((found >= null).mean())
    p = min(1.0, max(2 * min(under, over), 1 / (found.size + 1)))
    return Resampled(value, low, high, p, method)


def ratio_of_medians(columns: Any) -> Any:
    """Return median(second) / median(first) of each draw."""
    return np.median(columns[1], axis=1) / np.median(columns[0], axis=1)


def ratio_of_sums(columns: Any) -> Any:
    """Return sum(second) / sum(first): of costs and successes it is the cost per success."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return columns[1].sum(axis=1) / columns[0].sum(axis=1)


def ratio_of_quantiles(share: float) -> Statistic:
    """Return the statistic quantile(second) / quantile(first), such as of 0.95."""

    def ratio(columns: Any) -> Any:
        below, above = (np.quantile(columns[side], share, axis=1) for side in (0, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return above / below

    return ratio


def ratio_of_ratios(columns: Any) -> Any:
    """Return the cost of a success after over that before: successes, costs, then both of the second."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, cost, second, then = (one.sum(axis=1) for one in columns)
        return (then / second) / (cost / first)


def _members(n: int, clusters: Sequence[Hashable] | None) -> list[Any]:
    """Return the rows of each cluster."""
    if clusters is None:
        return [np.array([at]) for at in range(n)]
    need(len(clusters) == n, "a cluster for each row")
    groups: dict[Hashable, list[int]] = {}
    for at, cluster in enumerate(clusters):
        key: Hashable = (at,) if cluster in ("", None) else cluster
        groups.setdefault(key, []).append(at)
    return [np.array(rows) for rows in groups.values()]


def _draw(data: Any, members: Sequence[Any], statistic: Statistic, draws: int) -> Any:
    rng = np.random.default_rng(SEED)
    n, count = data.shape[1], len(members)
    if count == n:
        order = np.concatenate(members)
        step = max(1, _AT_ONCE // n)
        parts = [
            statistic(data[:, order[rng.integers(0, n, (min(step, draws - at), n))]])
            for at in range(0, draws, step)
        ]
        return np.concatenate(parts)
    chosen = rng.integers(0, count, (draws, count))
    return np.array(
        [
            float(statistic(data[:, None, np.concatenate([members[g] for g in one])])[0])
            for one in chosen
        ]
    )


def _jackknife(data: Any, members: Sequence[Any], statistic: Statistic) -> Any:
    """Return the statistic without each of at most 200 groups of clusters."""
    groups = np.array_split(np.arange(len(members)), min(200, len(members)))
    whole = np.arange(data.shape[1])
    return np.array([
        float(statistic(data[:, None, np.setdiff1d(whole, np.concatenate([members[g] for g in group]))])[0])
        for group in groups
    ])  # fmt: skip


def _corrected(value: float, found: Any, without: Any, confidence: float) -> tuple[float, float]:
    """Return the tails of BCa: corrected for bias and for a spread that moves with the value."""
    share = (float((found < value).sum()) + 0.5 * float((found == value).sum())) / found.size
    bias = normal_quantile(min(max(share, 0.5 / found.size), 1 - 0.5 / found.size))
    pulls = without.mean() - without
    squares = float((pulls**2).sum())
    speed = float((pulls**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0

    def tail(z: float) -> float:
        moved = bias + (bias + z) / (1 - speed * (bias + z))
        return 0.5 * math.erfc(-moved / math.sqrt(2))

    z = normal_quantile((1 + confidence) / 2)
    return tail(-z), tail(z)

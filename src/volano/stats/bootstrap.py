"""The bootstrap over clusters, for what has no formula: ratios of medians, tails, cost per success.

Whole clusters are drawn with replacement, and with a row both of its sides, so that pairs and
clusters stay together (Davison & Hinkley 1997, Bootstrap Methods, section 3.8). Smooth statistics
get BCa intervals (Efron 1987, JASA 82:171-185). They reach as far out as Student's t of so many
clusters, and the spread that n draws of n lose, ask for (Hesterberg 2015, The American Statistician
69:371-386: the expanded percentile interval).
Medians and quantiles, whose jackknife fails, get the percentile interval. The draws are the same
each time: equal data give equal intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from volano.core.lazy import lazy
from volano.stats.errors import need
from volano.stats.special import normal_quantile, student_quantile

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

DRAWS, SEED, LEAST = 2000, 20240918, 2
_AT_ONCE = 4_000_000
Statistic = Callable[[Any, Any], Any]
"""Takes the columns, an array of (columns, rows), and how often each draw holds each row, counts of
(draws, rows); returns one value for each draw."""


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
    owner, clustered = _owners(data.shape[1], clusters)
    need(clustered >= LEAST, "at least two clusters")
    value = float(statistic(data, np.ones((1, len(owner)), np.uint16))[0])
    found = _draw(data, owner, clustered, statistic, draws)
    found = np.sort(found[np.isfinite(found)])
    if not found.size or not math.isfinite(value):
        return Resampled(value, -math.inf, math.inf, 1.0, "bootstrap, undefined")
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    method = "percentile bootstrap"
    if smooth:
        few = student_quantile((1 + confidence) / 2, clustered - 1)
        reach = few * math.sqrt(clustered / (clustered - 1))
        tails = _corrected(value, found, _jackknife(data, owner, clustered, statistic), reach)
        method = "BCa bootstrap"
    low, high = (float(np.quantile(found, tail)) for tail in tails)
    under, over = float((found <= null).mean()), float((found >= null).mean())
    p = min(1.0, max(2 * min(under, over), 1 / (found.size + 1)))
    return Resampled(value, low, high, p, method)


def ratio_of_medians(columns: Any, times: Any) -> Any:
    """Return median(second) / median(first) of each draw."""
    return ratio_of_quantiles(0.5)(columns, times)


def ratio_of_sums(columns: Any, times: Any) -> Any:
    """Return sum(second) / sum(first): of costs and successes it is the cost per success."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (times.astype(float) @ columns.T).T
        return second / first


def ratio_of_quantiles(share: float) -> Statistic:
    """Return the statistic quantile(second) / quantile(first), such as of 0.95."""

    def ratio(columns: Any, times: Any) -> Any:
        below, above = (_quantile(columns[side], times, share) for side in (0, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return above / below

    return ratio


def ratio_of_ratios(columns: Any, times: Any) -> Any:
    """Return the cost of a success after over that before: successes, costs, then both of the second."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, cost, second, then = (times.astype(float) @ columns.T).T
        return (then / second) / (cost / first)


def _quantile(values: Any, times: Any, share: float) -> Any:
    """Return the quantile (R's type 7, as numpy's) of the rows of each draw."""
    order = np.argsort(values, kind="stable")
    ordered, n = values[order], len(order)
    seen = times.take(order, axis=1).cumsum(dtype=np.int64)  # goes on from draw to draw
    whole = seen[n - 1 :: n]
    before = np.concatenate([[0], whole[:-1]])
    last = whole - before - 1
    place = last * share
    low = place.astype(np.int64)
    starts = np.arange(len(whole)) * n
    first, after = (
        ordered[np.searchsorted(seen, before + rank, side="right") - starts]
        for rank in (low, np.minimum(low + 1, last))
    )
    return first + (after - first) * (place - low)


def _owners(n: int, clusters: Sequence[Hashable] | None) -> tuple[Any, int]:
    """Return the number of each row's cluster, and how many clusters there are."""
    if clusters is None:
        return np.arange(n), n
    need(len(clusters) == n, "a cluster for each row")
    numbers: dict[Hashable, int] = {}
    owner = [
        numbers.setdefault((at,) if cluster in ("", None) else cluster, len(numbers))
        for at, cluster in enumerate(clusters)
    ]
    return np.array(owner), len(numbers)


def _draw(data: Any, owner: Any, clusters: int, statistic: Statistic, draws: int) -> Any:
    step = max(1, _AT_ONCE // len(owner))
    parts = []
    for at in range(0, draws, step):
        times = _times(clusters, min(step, draws - at), at)
        parts.append(statistic(data, times if clusters == len(owner) else times[:, owner]))
    return np.concatenate(parts)


@lru_cache(maxsize=2)
def _times(clusters: int, draws: int, at: int) -> Any:
    """Return how often each draw from `at` on holds each cluster: as many clusters as there are.

    They are kept for the next call: the scores of a report have the same rows.
    """
    rng = np.random.default_rng([SEED, at] if at else SEED)
    chosen = rng.integers(0, clusters, (draws, clusters)) + np.arange(draws)[:, None] * clusters
    counts = np.bincount(chosen.ravel(), minlength=draws * clusters).astype(np.uint16)
    counts.flags.writeable = False
    return counts.reshape(draws, clusters)


def _jackknife(data: Any, owner: Any, clusters: int, statistic: Statistic) -> Any:
    """Return the statistic without each of at most 200 groups of clusters."""
    groups = min(200, clusters)
    group = np.repeat(
        np.arange(groups), clusters // groups + (np.arange(groups) < clusters % groups)
    )
    return statistic(data, (np.arange(groups)[:, None] != group[owner]).astype(np.uint16))


def _corrected(value: float, found: Any, without: Any, z: float) -> tuple[float, float]:
    """Return the tails of BCa: corrected for bias and for a spread that moves with the value."""
    share = (float((found < value).sum()) + 0.5 * float((found == value).sum())) / found.size
    bias = normal_quantile(min(max(share, 0.5 / found.size), 1 - 0.5 / found.size))
    pulls = without.mean() - without
    squares = float((pulls**2).sum())
    speed = float((pulls**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0

    def tail(z: float) -> float:
        room = 1 - speed * (bias + z)
        if room <= 0:  # farther out than the draws reach
            return float(bias + z > 0)
        moved = bias + (bias + z) / room
        return 0.5 * math.erfc(-moved / math.sqrt(2))

    return tail(-z), tail(z)

"""Means of rows that come in clusters, with intervals: documents, users, sessions, templates.

Rows of one cluster resemble each other, so that n rows say less than n independent ones. The
variance of the mean is that of cluster totals (Miller 2024, arXiv 2411.00640, section 2.2), freed
of its bias by CR2 (Bell & McCaffrey 2002, Survey Methodology 28): for a mean

    V = sum_g S_g^2 / (1 - n_g / N) / N^2,    S_g = sum of residuals of cluster g

with Satterthwaite's degrees of freedom under equally correlated rows of a cluster (Imbens &
Kolesár 2016, Rev. Econ. Stat. 98). With clusters of one row it is Student's t.

A mean of values in [0, 1] near an edge is skewed, and V is poor there. Its interval is that of a
proportion of `effective` rows, the number of independent 0/1 rows of that mean that would vary as
much: p (1 - p) / V, less what the degrees of freedom cost (Korn & Graubard 1998, Survey
Methodology 24).
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from volano.stats.errors import need
from volano.stats.special import normal_quantile, student_quantile

TINY = 1e-15


class Interval(NamedTuple):
    """An estimate with its interval, and what it rests on.

    `effective` is the number of independent rows that would say as much; `df` the degrees of
    freedom of the variance.
    """

    value: float
    low: float
    high: float
    method: str
    n: int
    clusters: int
    effective: float
    df: float


class Spread(NamedTuple):
    """A mean, the variance of the mean, and the degrees of freedom of that variance."""

    mean: float
    variance: float
    df: float
    clusters: int
    icc: float


def spread(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Spread:
    """Return the mean with its variance by CR2; `clusters` names each value's cluster.

    An empty name (or None) stands for a cluster of its own. One cluster says nothing of the
    variance: it is infinite then.

    Raises:
        StatsInputError: no values, unequal lengths, or a value that is not a number.
    """
    n = len(values)
    need(n > 0, "at least one value")
    need(all(map(math.isfinite, values)), "finite values")
    mean = math.fsum(values) / n
    sums, sizes = _totals([v - mean for v in values], clusters)
    if len(sums) < 2:
        return Spread(mean, math.inf, 1.0, len(sums), 0.0)
    squares = [s * s / (1 - size / n) for s, size in zip(sums, sizes, strict=True)]
    variance = math.fsum(squares) / n / n
    rows = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    icc = _icc(variance, rows, sizes)
    return Spread(mean, variance, _df(tuple(sorted(sizes)), round(icc, 2)), len(sums), icc)


def _totals(
    residuals: Sequence[float], clusters: Sequence[Hashable] | None
) -> tuple[list[float], list[int]]:
    """Return each cluster's sum and size."""
    if clusters is None:
        return list(residuals), [1] * len(residuals)
    need(len(clusters) == len(residuals), "a cluster for each value")
    sums: dict[Hashable, float] = {}
    sizes: dict[Hashable, int] = {}
    for at, (value, cluster) in enumerate(zip(residuals, clusters, strict=True)):
        key = cluster if cluster not in ("", None) else (at,)
        sums[key] = sums.get(key, 0.0) + value
        sizes[key] = sizes.get(key, 0) + 1
    return list(sums.values()), list(sizes.values())


def _icc(variance: float, rows: float, sizes: Sequence[int]) -> float:
    """Return the correlation of rows in a cluster that explains the variance of the mean."""
    n = sum(sizes)
    pairs = sum(size * size for size in sizes) - n
    if rows <= TINY or pairs <= 0:
        return 0.0
    design = variance * n / rows
    return min(1.0, max(0.0, (design - 1) * n / pairs))


@lru_cache(maxsize=4096)
def _df(sizes: tuple[int, ...], icc: float) -> float:
    """Return Satterthwaite's degrees of freedom: (sum of eigenvalues)^2 / sum of their squares.

    The quadratic form is S' D S with Cov(T_g) = n_g (1 + (n_g - 1) icc) for cluster totals.
    """
    n = sum(sizes)
    if sizes[-1] == 1:
        return float(n - 1)
    b = [1 / (1 - size / n) for size in sizes]
    tau = [size * (1 + (size - 1) * icc) for size in sizes]
    rows = list(zip(b, sizes, tau, strict=True))
    total = sum(tau)
    bnn = sum(w * m * m for w, m, _ in rows)
    btt = sum(w * t * t for w, _, t in rows)
    bnt = sum(w * m * t for w, m, t in rows)
    diagonal = trace = 0.0
    for w, m, t in rows:
        rest = m * m * total / n / n - 2 * m * t / n
        trace += w * (t + rest)
        diagonal += w * w * ((t + rest) ** 2 - rest * rest)
    crossed = (
        2 * (btt * bnn + bnt * bnt) / n**2
        - 4 * total * bnt * bnn / n**3
        + total * total * bnn * bnn / n**4
    )
    return max(1.0, trace * trace / (diagonal + crossed))


@lru_cache(maxsize=4096)
def _student(probability: float, df: float) -> float:
    return student_quantile(probability, df) if df < 1000 else normal_quantile(probability)


def student(confidence: float, df: float) -> float:
    """Return Student's two-sided quantile; degrees of freedom are rounded to three digits."""
    need(0 < confidence < 1, f"confidence {confidence}")
    return _student((1 + confidence) / 2, float(f"{df:.3g}"))


def mean_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    share: bool = True,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean of values with its interval; a `share` lies in [0, 1], and so does its interval.

    Raises:
        StatsInputError: no values, unequal lengths, or a share outside [0, 1].
    """
    found = spread(values, clusters)
    if share:
        need(all(0 <= v <= 1 for v in values), "shares inside [0, 1]")
        return _share(found, len(values), confidence)
    if found.clusters < 2:
        return _made(found, -math.inf, math.inf, len(values), 1.0, "one cluster")
    half = student(confidence, found.df) * math.sqrt(found.variance)
    alone = math.fsum((v - found.mean) ** 2 for v in values) / (len(values) - 1)
    effective = alone / found.variance if found.variance > TINY else float(found.clusters)
    method = "student-t" if found.clusters == len(values) else "clustered t (CR2)"
    return _made(found, found.mean - half, found.mean + half, len(values), effective, method)


def _share(found: Spread, n: int, confidence: float) -> Interval:
    p = found.mean
    alone = found.clusters == n
    if found.clusters < 2:
        low, high = proportion(p, 1.0, confidence)
        return _made(found, low, high, n, 1.0, "one cluster")
    if p * (1 - p) <= TINY or found.variance <= TINY:
        effective = float(found.clusters)
    else:
        effective = p * (1 - p) / found.variance
        effective *= (normal_quantile((1 + confidence) / 2) / student(confidence, found.df)) ** 2
    low, high = proportion(p, effective, confidence)
    return _made(found, low, high, n, effective, "score" if alone else "clustered score")


def proportion(p: float, n: float, confidence: float) -> tuple[float, float]:
    """Return the interval of a share p of n rows; n need not be whole."""
    z = normal_quantile((1 + confidence) / 2)
    z2 = z * z / n
    centre = (p + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(max(0.0, p * (1 - p)) / n + z2 / (4 * n))
    return (
        0.0 if p <= 0 else max(0.0, centre - half),
        1.0 if p >= 1 else min(1.0, centre + half),
    )


def _made(
    found: Spread, low: float, high: float, n: int, effective: float, method: str
) -> Interval:
    return Interval(found.mean, low, high, method, n, found.clusters, effective, found.df)


def quantile_interval(
    values: Sequence[float],
    share: float,
    clusters: Sequence[Hashable] | None = None,
    *,
    confidence: float = 0.95,
) -> Interval:
    """Return a quantile (share 0.5: the median) with Woodruff's interval.

    The share of values at or below the quantile gets its clustered interval, and the quantiles
    at its ends are the bounds (Woodruff 1952, JASA 47:635-646). An end beyond the data is the
    least or greatest value: bounds are then too narrow, which `method` says.

    Raises:
        StatsInputError: no values, unequal lengths, or a share outside (0, 1).
    """
    need(0 < share < 1, f"a share inside (0, 1), not {share}")
    n = len(values)
    need(n > 0, "at least one value")
    ordered = sorted(values)
    at = quantile(ordered, share)
    below = mean_interval([float(v <= at) for v in values], clusters, confidence=confidence)
    effective = max(1.0, min(below.effective, float(n)))
    low, high = proportion(share, effective, confidence)
    beyond = low * n < 1 or high * n > n - 1
    method = "quantile (Woodruff)" + (", beyond the data" if beyond else "")
    first = ordered[max(0, math.ceil(low * n) - 1)]
    last = ordered[min(n - 1, math.floor(high * n))]
    return Interval(
        at, min(first, at), max(last, at), method, n, below.clusters, effective, below.df
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values: between the two nearest, as R's type 7 and numpy do."""
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def design_effect(found: Mapping[str, float] | Interval, n: int) -> float:
    """Return how many rows say as much as one independent row."""
    effective = found.effective if isinstance(found, Interval) else found["effective"]
    return n / effective if effective > 0 else math.inf

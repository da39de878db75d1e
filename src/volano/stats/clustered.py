"""Means of rows that come in clusters, with intervals: documents, users, sessions, templates.

Rows of one cluster resemble each other, so that n rows say less than n independent ones. The
variance of the mean is that of cluster totals (Miller 2024, arXiv 2411.00640, section 2.2), freed
of its bias by CR2 (Bell & McCaffrey 2002, Survey Methodology 28): for a mean

    V = sum_g S_g^2 / (1 - n_g / N) / N^2,    S_g = sum of residuals of cluster g

with Satterthwaite's degrees of freedom of the same paper. With clusters of one row it is Student's.

Student's t is poor for shares near 0 or 1, which are skewed and whose V is itself a guess. There
the interval is the score interval of `effective` rows: as many independent rows as would vary as
much (Korn & Graubard 1998, Survey Methodology 24), less what the degrees of freedom cost. The
design effect in it is drawn towards that of rows correlated by `ICC`, with the weight of `WEIGHT`
failures: a handful of failures hardly measures a variance, and the cautious guess is that they come
in lumps. It is less cautious as far as the clusters where rows failed speak against lumps (`lumps`).
For scores between 0 and 1, which have no such law, it stays, and they are drawn to those of 0 and 1
in the same way. Measured coverage: `benchmarks/coverage.py`.
"""

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

from volano.stats.binomial import proportion_interval
from volano.stats.errors import need
from volano.stats.lumps import lumped
from volano.stats.special import bisect, incomplete_beta, normal_quantile, student_quantile

ICC, WEIGHT = 0.3, 2.0
TINY = 1e-15


class Interval(NamedTuple):
    """An estimate with its interval; `effective` independent rows would say as much."""

    value: float
    low: float
    high: float
    method: str
    n: int
    clusters: int
    effective: float


class Spread(NamedTuple):
    """A mean, the variance of one row and of the mean, and the degrees of freedom of the latter.

    `cautious` is the design effect that is assumed where the rows cannot tell.
    """

    mean: float
    row: float
    variance: float
    df: float
    clusters: int
    cautious: float

    def design(
        self, n: int, events: float, weight: float, lumpy: float = 1.0
    ) -> tuple[float, float]:
        """Return how many rows say as much as one, and the degrees of freedom of that number.

        As measured, drawn to `cautious` as far as rows are `lumpy`. What is assumed does not
        waver, so only the measured part has the degrees of freedom of V (Satterthwaite's rule).
        """
        if self.cautious == 1:
            return 1.0, self.df
        if self.row <= TINY:
            return 1 + (self.cautious - 1) * lumpy, self.df
        found = self.variance * n / self.row
        seen = events / max(found, 1.0)
        measured = seen * found / (seen + weight)
        design = measured + weight * (1 + (self.cautious - 1) * lumpy) / (seen + weight)
        return design, self.df * (design / max(measured, TINY)) ** 2


def spread(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Spread:
    """Return the mean with its variance; `clusters` names each value's cluster.

    An empty name (or None) stands for a cluster of its own. One cluster says nothing of the
    variance: it is infinite then.

    Raises:
        StatsInputError: no values, unequal lengths, or a value that is not a number.
    """
    n = len(values)
    need(n > 0, "at least one value")
    need(all(map(math.isfinite, values)), "finite values")
    mean = math.fsum(values) / n
    residuals = [value - mean for value in values]
    sums, sizes = _totals(residuals, clusters)
    if len(sums) < 2:
        return Spread(mean, 0.0, math.inf, 1.0, 1, float(n))
    squares = (s * s / (1 - size / n) for s, size in zip(sums, sizes, strict=True))
    row = math.fsum(r * r for r in residuals) / (n - 1)
    pairs = sum(size * size for size in sizes) - n
    df = _df(tuple(sorted(sizes)))
    return Spread(mean, row, math.fsum(squares) / n / n, df, len(sums), 1 + ICC * pairs / n)


def mean_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    share: bool = True,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean with its interval; a `share` lies in [0, 1], and so does its interval.

    Independent 0/1 rows: `binomial`. Other shares: the score interval of the effective rows.
    What has no bounds: Student's t with the clustered variance.

    Raises:
        StatsInputError: no values, unequal lengths, or a share outside [0, 1].
    """
    found = spread(values, clusters)
    n, alone = len(values), found.cautious == 1
    if not share:
        half = student(confidence, found.df) * math.sqrt(found.variance)
        rows = found.row / found.variance if TINY < found.variance < math.inf else found.clusters
        method = "student-t" if alone else "clustered t (CR2)"
        return Interval(
            found.mean, found.mean - half, found.mean + half, method, n, found.clusters, float(rows)
        )
    need(min(values) >= 0 and max(values) <= 1, "shares inside [0, 1]")
    if alone and set(values) <= {0, 1}:
        low, high = proportion_interval(int(sum(values)), n, confidence)
        return Interval(found.mean, low, high, "binomial", n, n, float(n))
    whole = clusters is not None and set(values) <= {0, 1}
    lumpy = lumped([[1.0 - v for v in values]], clusters or (), ICC) if whole else 1.0
    rows = _effective(found, n, lumpy, confidence)
    low, high = score_interval(found.mean, rows, confidence)
    method = "score" if alone else "clustered score (CR2)"
    return Interval(found.mean, low, high, method, n, found.clusters, rows)


def _effective(found: Spread, n: int, lumpy: float, confidence: float) -> float:
    """Return how many independent 0/1 rows of this mean would vary as much.

    The discount is that of V alone, though only a part of the design effect is measured: shares are
    skewed, and with more degrees of freedom than these the interval falls short.
    """
    if found.clusters < 2:
        return 1.0
    p = found.mean
    bernoulli = p * (1 - p)
    ratio = found.row / bernoulli if min(bernoulli, found.row) > TINY else 1.0
    events = min(p, 1 - p) * n / ratio
    ratio = (events * ratio + WEIGHT) / (events + WEIGHT)
    rows = n / ratio / found.design(n, events, WEIGHT, lumpy)[0]
    return max(1.0, rows * discount(confidence, found.df))


def score_interval(p: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval (1927) of a share of n rows; n need not be whole."""
    z = normal_quantile((1 + confidence) / 2)
    z2 = z * z / n
    centre = (p + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(max(0.0, p * (1 - p)) / n + z2 / (4 * n))
    low = 0.0 if p <= 0 else max(0.0, centre - half)
    return low, 1.0 if p >= 1 else min(1.0, centre + half)


def quantile_interval(
    values: Sequence[float],
    share: float,
    clusters: Sequence[Hashable] | None = None,
    *,
    confidence: float = 0.95,
) -> Interval:
    """Return a quantile (share 0.5: the median) with the interval of fractional order statistics.

    Of n independent values the u (n + 1)-th lies below the quantile with the chance
    1 - I_share(u (n + 1), (1 - u) (n + 1)); both ends are where that is the half of what is left,
    between two values where need be (Hutson 1999, J. Applied Statistics 26:343-353). In clusters n
    is that of the effective rows of "lies at or below it" (Woodruff 1952, JASA 47:635-646).
    Where an end lies beyond the data the bound is the last value, too near, and `method` says so.

    Raises:
        StatsInputError: no values, unequal lengths, or a share outside (0, 1).
    """
    need(0 < share < 1, f"a share inside (0, 1), not {share}")
    need(len(values) > 0, "at least one value")
    n, ordered = len(values), sorted(values)
    at = quantile(ordered, share)
    below = mean_interval([float(value <= at) for value in values], clusters, confidence=confidence)
    places = _places(share, max(1.0, below.effective), confidence)
    low, high = (place * (n + 1) for place in places)
    told = ", beyond the data" if low < 1 or high > n else ""
    return Interval(
        at, min(_ranked(ordered, low), at), max(_ranked(ordered, high), at),
        f"quantile (order statistics){told}", n, below.clusters, below.effective,
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _places(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Return which shares of n + 1 values the ends of a quantile's interval are."""
    rest = (1 - confidence) / 2

    def above(place: float) -> float:
        return 1 - incomplete_beta(place * (n + 1), (1 - place) * (n + 1), share)

    low = bisect(lambda place: above(place) >= rest, 0.0, share)
    return low, bisect(lambda place: above(place) >= 1 - rest, share, 1.0)


def _ranked(ordered: Sequence[float], rank: float) -> float:
    """Return the value of a rank from 1 on, between two values where it is not whole."""
    rank = min(max(rank, 1.0), float(len(ordered)))
    low = math.floor(rank)
    first, after = ordered[low - 1], ordered[min(low, len(ordered) - 1)]
    return first + (after - first) * (rank - low)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values: between the two nearest, as R's type 7 and numpy do."""
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def student(confidence: float, df: float) -> float:
    """Return Student's two-sided quantile; degrees of freedom are taken to three digits."""
    need(0 < confidence < 1, f"confidence {confidence}")
    return _student((1 + confidence) / 2, float(f"{df:.3g}"))


def discount(confidence: float, df: float) -> float:
    """Return the share of rows that is left when the variance has so few degrees of freedom."""
    return (normal_quantile((1 + confidence) / 2) / student(confidence, df)) ** 2


@lru_cache(maxsize=4096)
def _student(probability: float, df: float) -> float:
    return student_quantile(probability, df) if df < 2000 else normal_quantile(probability)


@lru_cache(maxsize=1024)
def _df(sizes: tuple[int, ...]) -> float:
    """Return Satterthwaite's degrees of freedom of V under independent rows.

    V is a quadratic form in normal residuals: df = tr(G)^2 / tr(G G), with
    G_gh = (n_g [g = h] - n_g n_h / N) / sqrt((1 - n_g / N) (1 - n_h / N)).
    """
    n = sum(sizes)
    if sizes[-1] == 1:
        return float(n - 1)
    b = [size * size / (1 - size / n) for size in sizes]
    crossed = sum(b) ** 2 - sum(one * one for one in b)
    return max(1.0, n * n / (sum(size * size for size in sizes) + crossed / n / n))


def _totals(
    residuals: Sequence[float], clusters: Sequence[Hashable] | None
) -> tuple[list[float], list[int]]:
    """Return each cluster's sum and size."""
    if clusters is None:
        return list(residuals), [1] * len(residuals)
    need(len(clusters) == len(residuals), "a cluster for each value")
    if len(set(clusters)) == len(clusters):  # each stands for itself
        return list(residuals), [1] * len(residuals)
    sums: dict[Hashable, float] = {}
    sizes: dict[Hashable, int] = {}
    for at, (value, cluster) in enumerate(zip(residuals, clusters, strict=True)):
        key: Hashable = (at,) if cluster in ("", None) else cluster
        sums[key] = sums.get(key, 0.0) + value
        sizes[key] = sizes.get(key, 0) + 1
    return list(sums.values()), list(sizes.values())

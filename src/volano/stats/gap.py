"""Gap: how much better the second of two is, row by row, with an interval and a p-value.

Differences of one row take away what makes rows hard, so that far fewer rows tell two models
apart than two averages side by side would need (Miller 2024, arXiv 2411.00640, section 4).

Differences of shares are mostly 0 and at times up or down. Their interval is Tango's score
interval for paired proportions (1998, Statistics in Medicine 17:891-908): b rows down and c up of
n. For scores between 0 and 1 the b, c and the size s of a step are those of the same first and
second moment: s = sum d^2 / sum |d|. For clusters n, b and c are divided by the design effect, as
in `clustered`, with the degrees of freedom of its measured part. Whether rows come in lumps is asked
of differences of shares only; of scores, which have no such law, it is taken for granted. Differences without bounds (tokens, money) have Student's t.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from volano.stats.clustered import ICC, TINY, Spread, discount, spread, student
from volano.stats.errors import need
from volano.stats.lumps import lumped
from volano.stats.special import incomplete_beta, normal_quantile

WEIGHT = 1.0
_HALVINGS = 60


class Gap(NamedTuple):
    """mean(second) - mean(first), its interval, and the p-value of "no difference".

    `se` is the standard error; `effective` independent rows would say as much.
    """

    value: float
    low: float
    high: float
    p: float
    se: float
    method: str
    n: int
    clusters: int
    effective: float


def gap(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    share: bool = True,
    confidence: float = 0.95,
) -> Gap:
    """Return how much the second differs from the first on the same rows.

    Raises:
        StatsInputError: unequal lengths, no rows, or a share outside [0, 1].
    """
    need(len(first) == len(second) and len(first) > 0, "two scores for each of at least one row")
    differences = [b - a for a, b in zip(first, second, strict=True)]
    found = spread(differences, clusters)
    if share:
        need(all(0 <= v <= 1 for v in (*first, *second)), "scores inside [0, 1]")
        return _steps(differences, found, clusters, confidence)
    n, se = len(differences), math.sqrt(found.variance)
    half = student(confidence, found.df) * se
    p = tail(found.mean / se, found.df) if TINY < se < math.inf else float(found.mean == 0)
    effective = n / (found.variance * n / found.row) if found.row > TINY else float(found.clusters)
    method = "paired t" if found.cautious == 1 else "paired clustered t (CR2)"
    return Gap(
        found.mean,
        found.mean - half,
        found.mean + half,
        p,
        se,
        method,
        n,
        found.clusters,
        effective,
    )


def _steps(
    differences: Sequence[float],
    found: Spread,
    clusters: Sequence[Hashable] | None,
    confidence: float,
) -> Gap:
    n, whole = len(differences), all(d in (-1, 0, 1) for d in differences)
    total, squares = math.fsum(map(abs, differences)), math.fsum(d * d for d in differences)
    step = squares / total if total > TINY else 1.0
    down = math.fsum(-d for d in differences if d < 0) / step
    up = math.fsum(d for d in differences if d > 0) / step
    design, df = float(n), found.df
    if found.clusters > 1:
        asked = whole and found.cautious != 1
        lumpy = _lumpy(differences, clusters) if asked and clusters else 1.0
        design, df = found.design(n, down + up, WEIGHT, lumpy)
    exact = whole and found.cautious == 1
    rows = max(1.0, n / design * (1.0 if exact else discount(confidence, df)))
    b, c = down * rows / n, up * rows / n
    low, high = tango(b, c, rows, confidence)
    se = math.sqrt(max(found.row, squares / n / n) * design / n)
    statistic = (up - down) / math.sqrt((up + down) * design) if total > TINY else 0.0
    kind = "score (Tango)" if found.cautious == 1 else "clustered score (Tango, CR2)"
    return Gap(
        found.mean, max(-1.0, low * step), min(1.0, high * step),
        tail(statistic, math.inf if exact else df), se, f"paired {kind}",
        n, found.clusters, n / design,
    )  # fmt: skip


def _lumpy(differences: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Return the chance that rows down, up or neither, as -1, 1 and 0, come in lumps."""
    sides = [[max(0.0, sign * d) for d in differences] for sign in (-1, 1)]
    return lumped(sides, clusters, ICC)


def tango(b: float, c: float, n: float, confidence: float) -> tuple[float, float]:
    """Return the interval of (c - b) / n, with b rows down and c rows up of n; they need not be whole.

    Tango 1998, section 3: all D with |c - b - n D| <= z sqrt(n (2 q(D) + D (1 - D))), where q is
    the most likely share of rows that go down, given D.
    """
    z = normal_quantile((1 + confidence) / 2)
    at = (c - b) / n
    low = _edge(lambda d: _statistic(b, c, n, d) <= z, at, -1.0)
    return low, _edge(lambda d: _statistic(b, c, n, d) >= -z, at, 1.0)


def _statistic(b: float, c: float, n: float, d: float) -> float:
    linear = -b - c + (2 * n - (c - b)) * d
    root = math.sqrt(max(0.0, linear * linear + 8 * n * b * d * (1 - d)))
    q = (root - linear) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    distance = c - b - n * d
    if variance <= TINY:
        return math.copysign(math.inf, distance) if abs(distance) > TINY else 0.0
    return distance / math.sqrt(variance)


def _edge(inside: Callable[[float], bool], near: float, far: float) -> float:
    """Return where `inside` ends between a point that is inside and one that may not be."""
    if inside(far):
        return far
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        if inside(middle):
            near = middle
        else:
            far = middle
    return near


def tail(t: float, df: float) -> float:
    """Return the chance of a t so far from 0 on either side (Abramowitz & Stegun 26.7.1)."""
    if math.isinf(df) or df > 1e6:
        return math.erfc(abs(t) / math.sqrt(2))
    return incomplete_beta(df / 2, 0.5, df / (df + t * t))

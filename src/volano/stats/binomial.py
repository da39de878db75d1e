"""The interval of one proportion of independent rows that covers nearest to what it says.

Counts are whole, so no interval covers 95 % at every proportion. Wilson's falls to 91 % at
proportions near 0 or 1, Clopper and Pearson's stays near 98 %. Here a count is accepted at a
proportion in the order of Blaker's acceptability (2000, Canadian J. Statistics 28:783-798), as long
as that brings the coverage nearer to the level, or as it would lie more than `SLACK` below. So
the coverage is never more than `SLACK` below the level, and above it by more only where one count
weighs so much. The interval reaches from the least to the greatest proportion that accepts.
"""

import math
from functools import lru_cache

from volano.stats.errors import need
from volano.stats.intervals import wilson

SLACK = 0.02
FEW = 30
"""With so many successes and failures Wilson's interval covers as well."""
_STEPS, _HALVINGS, _REACH = 48, 30, 9.0


@lru_cache(maxsize=8192)
def proportion_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a proportion; (0, 1) when nothing was seen.

    Raises:
        StatsInputError: not 0 <= successes <= n, or confidence not inside (0, 1).
    """
    need(0 <= successes <= n, f"{successes} successes of {n}")
    need(0 < confidence < 1, f"confidence {confidence}")
    if n == 0 or min(successes, n - successes) >= FEW:
        return wilson(successes, n, confidence)
    low = _low(successes, n, confidence)
    high = 1 - _low(n - successes, n, confidence)
    return low, high


def _low(x: int, n: int, confidence: float) -> float:
    """Return the least p that accepts x: first on a grid from far outside, then by halving."""
    if x == 0:
        return 0.0
    outside, inside = 0.0, x / n
    far = wilson(x, n, 1 - (1 - confidence) / 50)[0]
    for step in range(_STEPS):
        p = far + (x / n - far) * step / _STEPS
        if _accepts(p, x, n, confidence):
            inside = p
            break
        outside = p
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if _accepts(middle, x, n, confidence):
            inside = middle
        else:
            outside = middle
    return inside


def _accepts(p: float, x: int, n: int, confidence: float) -> bool:
    first, mass = _masses(n, p)
    at = x - first
    if not 0 <= at < len(mass):
        return False
    below = [0.0]
    for m in mass:
        below.append(below[-1] + m)
    whole = below[-1]
    limit = min(below[at + 1], whole - below[at]) * (1 + 1e-9)
    better = [m for i, m in enumerate(mass) if min(below[i + 1], whole - below[i]) > limit]
    return math.fsum(better) < confidence - min(SLACK, mass[at] / 2)


def _masses(n: int, p: float) -> tuple[int, list[float]]:
    """Return the binomial probabilities of the counts that matter, and the first of these counts."""
    if p <= 0 or p >= 1:
        return (0 if p <= 0 else n), [1.0]
    reach = _REACH * math.sqrt(n * p * (1 - p)) + _REACH
    first, last = max(0, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach))
    log = math.lgamma(n + 1) - math.lgamma(first + 1) - math.lgamma(n - first + 1)
    mass = [math.exp(log + first * math.log(p) + (n - first) * math.log1p(-p))]
    odds = p / (1 - p)
    for k in range(first, last):
        mass.append(mass[-1] * odds * (n - k) / (k + 1))
    return first, mass

"""The functions that `math` lacks: log-beta, incomplete beta, quantiles, a root finder."""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

TINY = 1e-300


def log_beta(a: float, b: float) -> float:
    """Return log B(a, b) for positive a and b."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_sum_exp(values: list[float]) -> float:
    """Return log(sum(exp(v))) without overflow; minus infinity when all are."""
    top = max(values)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(v - top) for v in values))


def exp_capped(log_value: float) -> float:
    """Return exp of the value, capped near 1e304, so that it stays printable JSON."""
    return math.exp(min(log_value, 700.0))


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile."""
    return NormalDist().inv_cdf(probability)


def bisect(
    holds: Callable[[float], bool], low: float, high: float, *, tolerance: float = 1e-7
) -> float:
    """Return the smallest x where a monotone test holds: false to its left, true to its right.

    x is approached from the right to within `tolerance`, so that the test
    holds at the answer itself, or the answer is `high`.
    """
    while high - low > tolerance:
        middle = (low + high) / 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    Continued fraction DLMF 8.17.22, evaluated by the modified method of Lentz
    (Thompson & Barnett 1986).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)) / a
    return front * _lentz(a, b, x)


def _lentz(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY


@lru_cache(maxsize=4096)
def student_quantile(probability: float, df: float) -> float:
    """Return the quantile above 1/2 of Student's t.

    P(|T| > t) = I_{df / (df + t^2)}(df / 2, 1 / 2) (DLMF 8.17; Abramowitz & Stegun 26.7.1).
    """
    tail = 2 * (1 - probability)
    x = bisect(lambda x: incomplete_beta(df / 2, 0.5, x) > tail, 0.0, 1.0, tolerance=1e-15)
    return math.sqrt(df * (1 - x) / x)

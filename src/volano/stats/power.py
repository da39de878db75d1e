"""Before anything is asked: how many rows find a difference, and which difference do rows find?

A paired difference of means over n rows, each asked K times of both, varies by

    deff (omega^2 + s_A^2 / K + s_B^2 / K) / n

(Miller 2024, arXiv 2411.00640, section 5): omega^2 is how rows' true differences vary, s^2 how
answers of one row vary, deff what clusters cost (Kish 1965). A two-sided test at `alpha` finds a
difference delta with chance `power` when it is (z_a + z_b) standard errors large.
"""

import math

from volano.stats.errors import need
from volano.stats.special import normal_quantile

ALPHA, POWER = 0.05, 0.8


def rows_needed(
    delta: float,
    variance: float,
    *,
    design: float = 1.0,
    alpha: float = ALPHA,
    power: float = POWER,
) -> int:
    """Return how many rows find a difference of `delta`, where one row's difference has `variance`.

    Raises:
        StatsInputError: delta or a variance that cannot be.
    """
    need(delta > 0 and variance >= 0 and design > 0, "delta > 0, variance >= 0")
    return max(2, math.ceil(design * variance * (_reach(alpha, power) / delta) ** 2))


def detectable(
    n: int, variance: float, *, design: float = 1.0, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Return the least difference that n rows find with this power.

    Raises:
        StatsInputError: no rows, or a variance that cannot be.
    """
    need(n > 0 and variance >= 0 and design > 0, "n > 0, variance >= 0")
    return _reach(alpha, power) * math.sqrt(design * variance / n)


def variance_of_difference(
    omega: float, within_a: float, within_b: float, repetitions: float
) -> float:
    """Return omega^2 + s_A^2 / K + s_B^2 / K; all arguments but K are variances."""
    need(min(omega, within_a, within_b) >= 0 and repetitions > 0, "variances >= 0, K > 0")
    return omega + (within_a + within_b) / repetitions


def _reach(alpha: float, power: float) -> float:
    need(0 < alpha < 1 and 0 < power < 1, f"alpha {alpha}, power {power}")
    return normal_quantile(1 - alpha / 2) + normal_quantile(power)

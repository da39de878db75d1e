"""Bounds on a running mean of values in [0, 1], valid at every look, also under drift.

If x_i lies in [0, 1] and its mean, given the past, is p_i, then for lam > 0
E exp(-lam x_i) <= 1 - p_i + p_i e^-lam (the chord lies above the convex
curve), and since log(1 - p + p e^-lam) is concave in p, for S = sum x_i and
the mean P = sum p_i / n

    M_n(P) = sum_k v_k exp(-lam_k S - n log(1 - P + P e^-lam_k))

is at most a nonnegative supermartingale that starts at 1. So "M_n(P) ever
reaches 1 / alpha" has chance at most alpha (Ville 1939): every P with
M_n(P) >= 1 / alpha is excluded from above; M_n grows in P, and the upper bound
is where it crosses. The lower bound is the upper bound of 1 - x, mirrored.

Source: sub-Bernoulli processes of Howard, Ramdas, McAuliffe & Sekhon (2020,
Probability Surveys 17; 2021, Annals of Statistics 49, arXiv 1810.08240), with
a discrete mixture over lam in place of their beta mixture: the beta mixture's
prior moves with P, so it holds for a constant P only (see `proportion`).

lam = infinity stands for "it never happens" and carries 30 % of the weight:
75 units without one failure bound the rate below 5 % at alpha = 0.04 (a test
planned for exactly one look would need 63). The other lam descend from 4 to
0.01 in even ratios with slowly falling weights: the smaller lam, the larger the
n at which it is the best bet.
"""

import math
from functools import lru_cache
from typing import Any

from volano.stats.errors import need
from volano.stats.special import bisect, exp_capped, log_sum_exp

NEVER = 0.3
LADDER = tuple(4 * 10 ** (-k / 5) for k in range(14))
_DECAY = [0.85**k for k in range(14)]
WEIGHTS = tuple((1 - NEVER) * d / sum(_DECAY) for d in _DECAY)
_RUNGS = tuple(
    (math.log(v), lam, -math.expm1(-lam)) for v, lam in zip(WEIGHTS, LADDER, strict=True)
)


class RunningMean:
    """The mean of values in [0, 1], with bounds that may be read after every value.

    The bounds cover the average of the values' expectations so far. A running
    intersection of earlier bounds is not taken: under drift the target moves.
    State is two numbers, so any number of values costs nothing.
    """

    def __init__(self) -> None:
        self.n = 0
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take one value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        need(0 <= value <= 1, f"a value inside [0, 1], not {value}")
        self.n += 1
        self.total += value

    @property
    def mean(self) -> float | None:
        """The plain mean; None before the first value."""
        return self.total / self.n if self.n else None

    def upper(self, alpha: float) -> float:
        """Return the bound that the true mean exceeds, ever, with chance at most alpha."""
        return _upper(self.total, self.n, alpha)

    def lower(self, alpha: float) -> float:
        """Return the bound that the true mean falls below, ever, with chance at most alpha."""
        return 1 - _upper(self.n - self.total, self.n, alpha)

    def e_value(self, mean: float) -> float:
        """Return the evidence that the true mean is below the given one."""
        return exp_capped(log_evidence(self.total, self.n, mean))

    def to_dict(self, alpha: float = 0.05) -> dict[str, Any]:
        """Return the evidence in plain values; `alpha` is for each side."""
        return {
            "n": self.n,
            "total": self.total,
            "mean": self.mean,
            "low": self.lower(alpha),
            "high": self.upper(alpha),
            "alpha_each_side": alpha,
        }


def log_evidence(total: float, n: int, mean: float) -> float:
    """Return log M_n(mean): how strongly `total` of `n` speaks for less than `mean`."""
    rungs = [v - lam * total - n * math.log1p(-mean * drop) for v, lam, drop in _RUNGS]
    if total == 0 and mean < 1:
        rungs.append(math.log(NEVER) - n * math.log1p(-mean))
    return log_sum_exp(rungs)


@lru_cache(maxsize=4096)
def _upper(total: float, n: int, alpha: float) -> float:
    """A bound is asked for again and again while nothing comes: by the gate, by what shows it."""
    need(0 < alpha < 1, f"alpha {alpha}")
    if n == 0:
        return 1.0
    threshold = -math.log(alpha)
    return bisect(lambda p: log_evidence(total, n, p) >= threshold, min(1.0, total / n), 1.0)

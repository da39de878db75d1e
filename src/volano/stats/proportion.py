"""Robbins' beta-binomial confidence sequence for one constant proportion.

    M_n(p) = B(a + S, b + n - S) / B(a, b) / (p^S (1 - p)^(n - S))

is a martingale that starts at 1 when each of n outcomes is a success with
chance p, S of them are. {p : M_n(p) < 1 / alpha} holds the truth at every look
with chance at least 1 - alpha (Robbins 1970, Ann. Math. Stat. 41; Howard et
al. 2021, arXiv 1810.08240). log M_n is unimodal in p
with its least value at S / n, so each bound is found by bisection.

The truth is missed on one side at a time, so a one-sided bound at level alpha
is the same curve read at 1 / alpha; `interval` at alpha is both of them. The
prior decides where the bounds are tight: a < b favours small proportions.
The proportion must be constant; where it drifts use `average.RunningMean`.
"""

import math
from collections.abc import Callable
from typing import Any

from volano.stats.errors import need
from volano.stats.special import bisect, exp_capped, log_beta


class Proportion:
    """Successes among trials, with bounds that may be read after every trial."""

    def __init__(self, a: float = 0.5, b: float = 0.5):
        """Choose the prior Beta(a, b) of the mixture; it may not depend on the data.

        Raises:
            StatsInputError: a or b is not positive.
        """
        need(a > 0 and b > 0, f"prior Beta({a}, {b})")
        self.a, self.b = a, b
        self.n = self.successes = 0

    def observe(self, success: bool) -> None:
        """Take one trial."""
        self.n += 1
        self.successes += bool(success)

    def log_e(self, p: float) -> float:
        """Return log M_n(p), the evidence that the proportion is not p."""
        s, f = self.successes, self.n - self.successes
        if (p <= 0 and s) or (p >= 1 and f):
            return math.inf
        mixed = log_beta(self.a + s, self.b + f) - log_beta(self.a, self.b)
        return mixed - (s * math.log(p) if s else 0.0) - (f * math.log1p(-p) if f else 0.0)

    def e_value(self, p: float) -> float:
        """Return M_n(p)."""
        return exp_capped(self.log_e(p))

    def upper(self, alpha: float) -> float:
        """Return the bound that the proportion exceeds with chance at most alpha."""
        return self._bound(alpha, lambda x, centre: centre + x * (1 - centre))

    def lower(self, alpha: float) -> float:
        """Return the bound that the proportion falls below with chance at most alpha."""
        return self._bound(alpha, lambda x, centre: centre - x * centre)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the two-sided interval that misses with chance at most alpha, at all looks."""
        return self.lower(alpha), self.upper(alpha)

    def to_dict(self, alpha: float = 0.05) -> dict[str, Any]:
        """Return the evidence in plain values."""
        low, high = self.interval(alpha)
        return {"n": self.n, "successes": self.successes, "low": low, "high": high, "alpha": alpha}

    def _bound(self, alpha: float, place: Callable[[float, float], float]) -> float:
        """Go from S/n (x = 0) to the edge (x = 1) as far as M_n stays below 1/alpha."""
        need(0 < alpha < 1, f"alpha {alpha}")
        centre = self.successes / self.n if self.n else 0.5
        threshold = -math.log(alpha)
        return place(bisect(lambda x: self.log_e(place(x, centre)) >= threshold, 0.0, 1.0), centre)

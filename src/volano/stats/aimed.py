"""A sequential test of a mean in [0, 1] by bets that are aimed at a difference that matters.

Capital that starts at 1 and stakes lam_i on "the mean is above m", as in `betting`:

    K_n = prod_i (1 + lam_i (x_i - m)),   0 <= lam_i < 1 / m

is a martingale when m is the mean of each x_i given the past. Which stakes grow it fastest
hangs on where the mean truly is: for a mean m + d the growth rate is greatest near

    lam = d / (s2 + d^2)            (Kelly's stake, for values close together)

with s2 the spread around m. The stakes of `betting` wager on any mean. Here it is known
which difference d matters (a margin), so the capital is divided among stakes at multiples
of it, s2 estimated from the past alone. A sum of martingales is one: E_n >= 1 / alpha ever
happens with chance at most alpha, whatever the values are.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting",
JRSS-B 86 (2024), arXiv 2010.09686: section 4 and appendix B; Kelly 1956.
"""

import math
from typing import Any

from volano.stats.errors import need
from volano.stats.special import exp_capped, log_sum_exp

MULTIPLES = ((0.5, 1), (1.0, 2), (2.0, 2), (4.0, 1), (8.0, 1))
"""Differences that are bet on, as multiples of the one that matters, each with its weight."""
_WEIGHTS = sum(weight for _, weight in MULTIPLES)
TRUNCATION = 0.9
"""No stake is more than this part of all that may be lost at once."""
_SPREAD, _ROWS = 0.05, 4
"""Before there is a past, the spread is taken as that of so many values."""


class AimedTest:
    """A martingale against "the mean is at most m", aimed at means of `m + aim` and about."""

    def __init__(self, mean: float, aim: float, alpha: float = 0.05):
        """Start with capital 1.

        Raises:
            StatsInputError: mean, aim or alpha not inside (0, 1).
        """
        inside = 0 < mean < 1 and 0 < aim < 1 and 0 < alpha < 1
        need(inside, f"mean {mean}, aim {aim} and alpha {alpha} inside (0, 1)")
        self.mean, self.aim, self.alpha = mean, aim, alpha
        self.n = 0
        self._squares = _SPREAD * _ROWS
        self._logs = [math.log(weight / _WEIGHTS) for _, weight in MULTIPLES]
        self._peak = 0.0

    def observe(self, value: float) -> None:
        """Take one value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        need(0 <= value <= 1, f"a value inside [0, 1], not {value}")
        over, most = value - self.mean, TRUNCATION / self.mean
        spread = self._squares / (self.n + _ROWS)
        for at, (multiple, _) in enumerate(MULTIPLES):
            away = multiple * self.aim
            self._logs[at] += math.log1p(min(away / (spread + away * away), most) * over)
        self._peak = max(self._peak, log_sum_exp(self._logs))
        self._squares += over * over
        self.n += 1

    @property
    def e_value(self) -> float:
        """The capital now."""
        return exp_capped(log_sum_exp(self._logs))

    @property
    def peak(self) -> float:
        """The largest capital so far. 1 / peak is an anytime-valid p-value."""
        return exp_capped(self._peak)

    @property
    def rejected(self) -> bool:
        """The mean was proven to be above m at some look. Never taken back by later data."""
        return self._peak >= -math.log(self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        return {
            "test": "aimed betting",
            "mean": self.mean,
            "aim": self.aim,
            "n": self.n,
            "e_value": self.e_value,
            "peak_e_value": self.peak,
            "threshold": 1 / self.alpha,
            "rejected": self.rejected,
        }

"""Tests and bounds for a mean of values in [0, 1] by betting, adaptive to their variance.

Capital that starts at 1 and stakes lam_i on "the mean is above m":

    K_n(m) = prod_i (1 + lam_i (x_i - m)),   0 <= lam_i <= c / m

is a martingale when m is the mean of each x_i given the past; lam_i may depend
on the past alone. Staking on "below m" is the same bet on 1 - x and 1 - m. The
stakes are the predictable plug-in ones,

    lam_i = min( sqrt(2 log(1/alpha) / (s2_{i-1} i log(i + 1))), c / m ),  c = 1/2.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by
betting", JRSS-B 86 (2024), arXiv 2010.09686: eq. 24-26 and theorem 3.

The mean must be constant (given the past); only the variance may change.
"""

import math
from bisect import bisect_left
from typing import Any, Literal

from volano.stats.errors import need
from volano.stats.special import exp_capped

TRUNCATION = 0.5


class Stakes:
    """The predictable plug-in stake: what the past says about the spread."""

    def __init__(self, alpha: float):
        self.n = 0
        self.total = 0.0
        self._squares = 0.25
        self._price = -2 * math.log(alpha)

    def next(self) -> float:
        """Return the stake for the next value, before truncation (s2_{i-1} i is `_squares`)."""
        i = self.n + 1
        return math.sqrt(self._price / (self._squares * math.log(i + 1)))

    def learn(self, value: float) -> None:
        """Take the value into the running mean and variance, regularised by one row of 1/2."""
        self.n += 1
        self.total += value
        self._squares += (value - (0.5 + self.total) / (self.n + 1)) ** 2


class BettingTest:
    """A martingale against "the mean is at most m" (`above`) or "at least m" (`below`)."""

    def __init__(
        self, mean: float, *, side: Literal["above", "below"] = "above", alpha: float = 0.05
    ):
        """Start with capital 1.

        Raises:
            StatsInputError: mean or alpha not inside (0, 1), or an unknown side.
        """
        need(0 < mean < 1 and 0 < alpha < 1, f"mean {mean} and alpha {alpha} inside (0, 1)")
        need(side in {"above", "below"}, f"side {side}")
        self.mean, self.side, self.alpha = mean, side, alpha
        self._null = mean if side == "above" else 1 - mean
        self._stakes = Stakes(alpha)
        self._log = self._peak = 0.0

    def observe(self, value: float) -> None:
        """Take one value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        need(0 <= value <= 1, f"a value inside [0, 1], not {value}")
        x = value if self.side == "above" else 1 - value
        stake = min(self._stakes.next(), TRUNCATION / self._null)
        self._log += math.log1p(stake * (x - self._null))
        self._peak = max(self._peak, self._log)
        self._stakes.learn(x)

    @property
    def n(self) -> int:
        """How many values were seen."""
        return self._stakes.n

    @property
    def e_value(self) -> float:
        """The capital now."""
        return exp_capped(self._log)

    @property
    def rejected(self) -> bool:
        """The null was rejected at some look. Never taken back by later data."""
        return self._peak >= -math.log(self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        return {
            "test": "betting",
            "side": self.side,
            "mean": self.mean,
            "n": self.n,
            "e_value": self.e_value,
            "peak_e_value": exp_capped(self._peak),
            "threshold": 1 / self.alpha,
            "rejected": self.rejected,
        }


class MeanFloor:
    """A lower bound for a constant mean in [0, 1] that may be read after every value.

    K_n(m) falls in m, factor by factor, so the m whose capital ever reached
    1 / alpha lie at the left end: the bound is the last of them. Capital is kept
    on a grid and the bound is rounded down to it. A rejected m is dropped for
    good, which is the running intersection.
    """

    def __init__(self, alpha: float, cells: int = 200):
        """Start at the bound 0, on `cells` steps from 0 to 1.

        Raises:
            StatsInputError: alpha not inside (0, 1), or fewer than two cells.
        """
        need(0 < alpha < 1 and cells >= 2, f"alpha {alpha}, {cells} cells")
        self.alpha = alpha
        self.bound = 0.0
        self._stakes = Stakes(alpha)
        self._grid = [k / cells for k in range(1, cells)]
        self._logs = [0.0] * len(self._grid)

    @property
    def n(self) -> int:
        """How many values were seen."""
        return self._stakes.n

    def observe(self, value: float) -> None:
        """Take one value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        need(0 <= value <= 1, f"a value inside [0, 1], not {value}")
        stake, log1p = self._stakes.next(), math.log1p
        self._logs = [
            log + log1p(min(stake, TRUNCATION / m) * (value - m))
            for log, m in zip(self._logs, self._grid, strict=True)
        ]
        self._stakes.learn(value)
        self._drop_rejected()

    def _drop_rejected(self) -> None:
        """Logs fall along the grid; drop the leading ones at or over the threshold."""
        gone = bisect_left(self._logs, math.log(self.alpha), key=lambda log: -log)
        while gone < len(self._logs) and self._logs[gone] >= -math.log(self.alpha):
            gone += 1
        if gone:
            self.bound = self._grid[gone - 1]
            del self._grid[:gone], self._logs[:gone]


class MeanBounds:
    """A two-sided confidence sequence for a constant mean: a floor and a mirrored floor.

    The hedged capital process of Waudby-Smith & Ramdas with theta = 1/2, each
    side at alpha / 2.
    """

    def __init__(self, alpha: float = 0.05, cells: int = 200):
        self.alpha = alpha
        self._floor = MeanFloor(alpha / 2, cells)
        self._ceiling = MeanFloor(alpha / 2, cells)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take one value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        self._floor.observe(value)
        self._ceiling.observe(1 - value)
        self.total += value

    @property
    def n(self) -> int:
        """How many values were seen."""
        return self._floor.n

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds now."""
        return self._floor.bound, 1 - self._ceiling.bound

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        low, high = self.interval
        mean = self.total / self.n if self.n else None
        return {"n": self.n, "mean": mean, "low": low, "high": high, "alpha": self.alpha}

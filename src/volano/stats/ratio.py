"""The ratio of two arms' means, or of their geometric means, with an interval valid at every look.

What calls cost has a tail that no bound on the mean survives: a few calls cost a hundred times
as much as others. Two ways make a mean of it that can be watched, both chosen in advance:

    logged   log x is averaged: the ratio of geometric means, "the usual call costs 1.1 times as much"
    capped   x is cut at a cap stated before: the ratio of the capped means

With l the log of the ratio and se its standard error (of means by the delta method: the relative
standard errors of both, squared and added), l / se^2 moves like a Brownian motion with clock 1 / se^2:
the asymptotic confidence sequence of `difference`, on the scale of logs. It is tightest where its half
width is the margin that one wants to see.

It says nothing before *both* arms are large enough, as the smaller one is where it breaks: `LEAST`
units, and `EFFECTIVE` of them by weight, (sum x)^2 / sum x^2, so that a few values that carry the whole
sum are not taken for many. With arms of 1 to 19 it held its level only on logs and caps
(see its tests), and a baseline cohort of the candidate's size makes it no gamble.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Annals of Statistics 52 (2024), arXiv 2103.06476.
"""

import math
from typing import Any

from volano.stats.difference import LEAST, Difference, Interval
from volano.stats.errors import need

EFFECTIVE = 20.0
FLOOR = 1e-9
"""What is nothing counts as so little where logs are taken."""


class Spread:
    """Number, mean and spread of values (Welford), and the sums that say how many really count."""

    __slots__ = ("_around", "mean", "n", "squares", "total")

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self._around = 0.0
        self.total = 0.0
        self.squares = 0.0

    def add(self, value: float) -> None:
        """Take one value."""
        self.n += 1
        step = value - self.mean
        self.mean += step / self.n
        self._around += step * (value - self.mean)
        self.total += value
        self.squares += value * value

    def variance(self, least: float) -> float:
        """The variance, as if one more unit had been seen `least` away from the mean: never zero."""
        return (self._around + least * least) / (self.n + 1)

    @property
    def effective(self) -> float:
        """How many values of one size would carry the sum."""
        return self.total * self.total / self.squares if self.squares > 0 else 0.0


class MeanRatio:
    """The candidate's mean over the others', fed unit by unit."""

    def __init__(
        self, *, logged: bool, margin: float, tolerated: float | None = None, alpha: float = 0.05
    ):
        """Start with nothing seen.

        `margin`: 0.15 for "15 % more", where the interval is tightest; `tolerated`, as the margin
        when not given, is what `rejected` speaks of. `alpha` is that of both sides: as it is only
        asymptotic, one side alone uses half of what it may.

        Raises:
            StatsInputError: a margin is not positive, or alpha is not inside (0, 0.5).
        """
        need(0 < margin < 1.7, f"margin {margin}")
        need(0 < alpha < 0.5, f"alpha {alpha}")
        self.logged, self.margin, self.alpha = logged, margin, alpha
        self.tolerated = margin if tolerated is None else tolerated
        self.arms = (Spread(), Spread())
        self._shape = Difference(math.log1p(margin), alpha)
        self.rejected = False

    def observe(self, is_candidate: bool, value: float) -> None:
        """Take one unit's value, and look.

        Raises:
            StatsInputError: it is negative or no finite number.
        """
        need(0 <= value < math.inf, f"a value of zero or more, not {value}")
        self.arms[is_candidate].add(math.log(max(value, FLOOR)) if self.logged else value)
        if not self.rejected:
            found = self.interval()
            self.rejected = found is not None and found.low > 1 + self.tolerated

    def interval(self, times: float = 1.0) -> Interval | None:
        """Return the ratio and its bounds; None while an arm is too small.

        With `times`, as they would be after so many times the units, if all stays as it is.
        """
        error, value = self._error(), self._log()
        if error is None or value is None:
            return None
        half = self._shape.half(times / error)
        return Interval(math.exp(value), math.exp(value - half), math.exp(value + half))

    @property
    def ready(self) -> bool:
        """Whether there is enough of both arms for an asymptotic statement."""
        return all(
            one.n >= LEAST and (self.logged or one.effective >= EFFECTIVE) for one in self.arms
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        others, mine = self.arms
        found = self.interval()
        return {
            "test": "mean_ratio",
            "logged": self.logged,
            "tolerated_ratio": 1 + self.tolerated,
            "candidate_units": mine.n,
            "baseline_units": others.n,
            "ratio": None if found is None else found.value,
            "low": None if found is None else found.low,
            "high": None if found is None else found.high,
            "alpha": self.alpha,
            "rejected": self.rejected,
        }

    def _log(self) -> float | None:
        others, mine = self.arms
        if self.logged:
            return mine.mean - others.mean
        return math.log(mine.mean / others.mean) if mine.mean > 0 and others.mean > 0 else None

    def _error(self) -> float | None:
        """Return the squared standard error of the log of the ratio."""
        if not self.ready:
            return None
        least = math.log1p(self.margin)
        if self.logged:
            return sum(one.variance(least) / one.n for one in self.arms)
        return sum(
            one.variance(least * one.mean) / (one.n * one.mean * one.mean) for one in self.arms
        )

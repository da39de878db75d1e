"""The difference of two means of values in [0, 1], with an interval valid at every look.

With d the difference of the arms' means, se its standard error and I = 1 / se^2,
d I moves like a Brownian motion with clock I. Mixing over effects with the
normal prior N(0, tau^2) gives

    M = exp( (d I)^2 tau^2 / (2 (1 + I tau^2)) ) / sqrt(1 + I tau^2)
    half width = se sqrt( 2 (1 + 1 / (I tau^2)) log( sqrt(1 + I tau^2) / alpha ) )

Source: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
Kennedy & Ramdas, Annals of Statistics 52 (2024), arXiv 2103.06476, theorem 2.2,
with information instead of sample size as its clock (Robbins 1970).

tau makes the interval tightest when its half width is the difference that one
wants to see: their rho^2 N* = -2 log alpha + log(1 - 2 log alpha).

It is asymptotic, so it says nothing before both arms are large enough: `LEAST`
units, and `EVENTS` of each outcome. These are counted in each arm, because the
smaller arm is where it breaks. Values must be bounded: cap what is not.
"""

import math
from typing import NamedTuple

from volano.stats.errors import need
from volano.stats.special import bisect

LEAST = 100
"""Units that each arm must have before an interval is given."""
EVENTS = 10.0
"""So much must have happened in each arm, and so much not: the sum of values and of 1 - value."""


class Moments:
    """Number, sum and sum of squares of values in [0, 1]; a value may be corrected later."""

    __slots__ = ("n", "squares", "total")

    def __init__(self) -> None:
        self.n = 0
        self.total = 0.0
        self.squares = 0.0

    def add(self, value: float) -> None:
        """Take one value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        need(0 <= value <= 1, f"a value inside [0, 1], not {value}")
        self.n += 1
        self.total += value
        self.squares += value * value

    def remove(self, value: float) -> None:
        """Take one value back that was added before."""
        self.n -= 1
        self.total -= value
        self.squares -= value * value

    @property
    def mean(self) -> float | None:
        """The plain mean; None before the first value."""
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float:
        """The variance, as if one more unit had been seen at the greatest spread: never zero."""
        if not self.n:
            return 0.25
        around = max(0.0, self.squares - self.total * self.total / self.n)
        return (around + 0.25) / (self.n + 1)

    @property
    def ready(self) -> bool:
        """Whether there is enough for an asymptotic statement."""
        return self.n >= LEAST and self.total >= EVENTS and self.n - self.total >= EVENTS


class Interval(NamedTuple):
    """A difference and the bounds that hold at every look."""

    value: float
    low: float
    high: float


class Difference:
    """How one alpha and the difference that one wants to see shape all intervals."""

    __slots__ = ("alpha", "detect", "spread")

    def __init__(self, detect: float, alpha: float = 0.05):
        """`detect` is the difference at which the intervals are tightest.

        Raises:
            StatsInputError: detect or alpha is not inside (0, 1).
        """
        need(0 < alpha < 1 and 0 < detect < 1, f"alpha {alpha} and detect {detect} inside (0, 1)")
        self.alpha, self.detect = alpha, detect
        best = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
        wanted = math.sqrt(2 * (1 + 1 / best) * math.log(math.sqrt(1 + best) / alpha))
        self.spread = best * (detect / wanted) ** 2
        """tau^2."""

    def half(self, information: float) -> float:
        """Return the half width at this information."""
        grown = information * self.spread
        if grown <= 0:
            return math.inf
        reach = 2 * (1 + 1 / grown) * math.log(math.sqrt(1 + grown) / self.alpha)
        return math.sqrt(reach / information)

    def interval(self, of: Moments, against: Moments) -> Interval | None:
        """Return mean(of) - mean(against) with its bounds; None while either arm is too small."""
        if not (of.ready and against.ready):
            return None
        error = of.variance / of.n + against.variance / against.n
        value = of.total / of.n - against.total / against.n
        half = self.half(1 / error)
        return Interval(value, value - half, value + half)

    def lacks(self, of: Moments, against: Moments) -> int | None:
        """Return about how many units more, of both arms together, decide it if all stays as it is.

        Decided is a difference that excludes zero, or one that excludes `detect` on both
        sides. None while nothing can be said.
        """
        found = self.interval(of, against)
        if found is None:
            return None
        error = of.variance / of.n + against.variance / against.n
        goal = max(abs(found.value), self.detect - abs(found.value))
        grown = bisect(lambda times: self.half(times / error) <= goal, 1.0, 1e5, tolerance=1e-3)
        return math.ceil((of.n + against.n) * (grown - 1))

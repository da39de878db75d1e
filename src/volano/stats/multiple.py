"""Many questions at once, and the same question again and again: how to stay honest.

Within one look many signals and slices are asked: `holm` holds the chance that
any of them cries without a cause at the look's level, however they depend on
each other. Over time `Purse` holds how many looks cry without a cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from volano.stats.errors import need


def holm(p_values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Return adjusted p-values: at most `a` of them false alarms' chance where they are <= a.

    Holm 1979, Scandinavian J. Statistics 6:65-70, with his weights: a question of weight 2 gets
    twice the level of a question of weight 1. Holds under any dependence.

    Raises:
        StatsInputError: unequal lengths, or a weight that is not positive.
    """
    weights = [1.0] * len(p_values) if weights is None else weights
    need(len(weights) == len(p_values) and all(w > 0 for w in weights), "a positive weight each")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i] / weights[i])
    left, highest = float(sum(weights)), 0.0
    adjusted = [1.0] * len(p_values)
    for i in order:
        highest = max(highest, min(1.0, p_values[i] * left / weights[i]))
        adjusted[i] = highest
        left -= weights[i]
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values: of those <= q, on average a share of at most q are false alarms.

    Benjamini & Hochberg 1995, JRSS-B 57:289-300; holds for independent and for positively
    dependent questions (Benjamini & Yekutieli 2001), as slices of one report are. For looking
    around, not for gates: `holm` is for those.
    """
    n = len(p_values)
    adjusted, least = [1.0] * n, 1.0
    for rank, i in enumerate(sorted(range(n), key=lambda i: -p_values[i])):
        least = min(least, p_values[i] * n / (n - rank))
        adjusted[i] = least
    return adjusted


@dataclass(frozen=True, slots=True)
class Purse:
    """What may be spent on looks: `alpha` at first, refilled by `alpha` each period, never more.

    A look spends half of what the purse holds, and that is its level. All that is ever spent by
    a time T is at most alpha (1 + T / period), so no more looks than that cry without a cause, on
    average: the union bound, which asks nothing of how looks depend on each other (windows
    overlap, and all are compared with one reference). Spending by time rather than by number of
    looks is Lan & DeMets 1983, Biometrika 70:659-663; halving is alpha-investing's habit (Foster &
    Stine 2008, JRSS-B 70) without its reward, which would need independent looks. `at_us` is when
    it held `held`.
    """

    alpha: float
    period_us: int
    held: float
    at_us: int

    def holds(self, now_us: int) -> float:
        """Return what may be spent now."""
        gone = max(0, now_us - self.at_us)
        return min(self.alpha, self.held + self.alpha * gone / self.period_us)

    def spend(self, now_us: int) -> tuple[float, "Purse"]:
        """Return the level of a look now, and the purse after it."""
        level = self.holds(now_us) / 2
        return level, Purse(self.alpha, self.period_us, level, max(now_us, self.at_us))

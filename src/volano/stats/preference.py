"""Which of several is preferred, from comparisons of two: win rates and Bradley-Terry strengths.

A comparison gives 1 (the first is better), 0 (the second is) or 1/2 (a tie). Rows that share
a document or a user are not independent, so intervals are percentiles of a bootstrap over
whole clusters (Efron & Tibshirani 1993; the same `seed`, the same interval).
"""

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from volano.stats.errors import need

RESAMPLES = 1000
ROUNDS = 200


class Comparison(NamedTuple):
    """One comparison of two candidates: `share` of the win goes to the first. `cluster` may be the row."""

    first: str
    second: str
    share: float
    cluster: Hashable


class Estimate(NamedTuple):
    """A value with its interval, over `n` comparisons."""

    value: float
    low: float
    high: float
    n: int


def win_rate(
    shares: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return how often the first wins, a tie counted half.

    Where all say the same, at most 1 - (a/2)^(1/G) of all clusters can differ (Clopper & Pearson
    1934), which is what the interval leaves open.

    Raises:
        StatsInputError: no comparison, a share outside [0, 1], or confidence not inside (0, 1).
    """
    need(len(shares) > 0 and all(0 <= share <= 1 for share in shares), "shares inside [0, 1]")
    need(0 < confidence < 1, f"confidence {confidence}")
    names = clusters if clusters is not None else range(len(shares))
    held: dict[Hashable, list[float]] = {}
    for name, share in zip(names, shares, strict=True):
        held.setdefault(name, []).append(share)
    groups = [(math.fsum(found), len(found)) for found in held.values()]
    value, many = math.fsum(shares) / len(shares), len(groups)
    if len(set(shares)) == 1:
        other = 1 - ((1 - confidence) / 2) ** (1 / many)
        return Estimate(value, value * (1 - other), value + other * (1 - value), len(shares))
    draw = random.Random(seed)
    drawn = []
    for _ in range(RESAMPLES):
        picked = draw.choices(groups, k=many)
        drawn.append(math.fsum(s for s, _ in picked) / sum(n for _, n in picked))
    low, high = _percentiles(drawn, confidence)
    return Estimate(value, min(low, value), max(high, value), len(shares))


def bradley_terry(
    comparisons: Sequence[Comparison],
    *,
    confidence: float = 0.95,
    seed: int = 0,
    prior: float = 0.5,
) -> dict[str, Estimate]:
    """Return each candidate's strength: the chance to beat an average one, best first.

    Bradley & Terry (1952), Biometrika 39:324-345, fitted by Hunter's algorithm (2004, Annals
    of Statistics 32:384-406). `prior` is half a win and half a loss of each against an average
    one, so that who won everything is strong and not infinitely so.

    Raises:
        StatsInputError: no comparisons, one of a candidate with itself, or a share outside [0, 1].
    """
    need(len(comparisons) > 0, "at least one comparison")
    need(all(0 <= one.share <= 1 for one in comparisons), "shares inside [0, 1]")
    need(all(one.first != one.second for one in comparisons), "two different candidates")
    names = sorted({name for one in comparisons for name in (one.first, one.second)})
    held: dict[Hashable, list[Comparison]] = {}
    for one in comparisons:
        held.setdefault(one.cluster, []).append(one)
    groups = [_wins(found) for found in held.values()]
    value = _strengths(names, _added(groups), prior)
    draw = random.Random(seed)
    times = RESAMPLES if len(names) * len(groups) < 20_000 else RESAMPLES // 5
    drawn = [
        _strengths(names, _added(draw.choices(groups, k=len(groups))), prior)
        for _ in range(times)
    ]  # fmt: skip
    counts = {n: sum(n in (one.first, one.second) for one in comparisons) for n in names}
    found = {}
    for name in sorted(names, key=lambda name: -value[name]):
        low, high = _percentiles([one[name] for one in drawn], confidence)
        found[name] = Estimate(
            value[name], min(low, value[name]), max(high, value[name]), counts[name]
        )
    return found


Wins = Mapping[tuple[str, str], float]


def _wins(comparisons: Sequence[Comparison]) -> Wins:
    found: dict[tuple[str, str], float] = {}
    for one in comparisons:
        for pair, share in (
            ((one.first, one.second), one.share), ((one.second, one.first), 1 - one.share)
        ):  # fmt: skip
            found[pair] = found.get(pair, 0.0) + share
    return found


def _added(groups: Sequence[Wins]) -> Wins:
    found: dict[tuple[str, str], float] = {}
    for group in groups:
        for pair, share in group.items():
            found[pair] = found.get(pair, 0.0) + share
    return found


def _strengths(names: Sequence[str], wins: Wins, prior: float) -> dict[str, float]:
    """Fit p_i / (p_i + p_j); an average candidate has strength 1. Return p_i / (p_i + 1)."""
    strength = dict.fromkeys(names, 1.0)
    won = {name: prior + math.fsum(s for (a, _), s in wins.items() if a == name) for name in names}
    met = {
        name: [(b, s + wins.get((b, a), 0.0)) for (a, b), s in wins.items() if a == name]
        for name in names
    }
    for _ in range(ROUNDS):
        before = dict(strength)
        for name in names:
            own = strength[name]
            weight = 2 * prior / (own + 1)
            weight += math.fsum(n / (own + strength[other]) for other, n in met[name])
            strength[name] = won[name] / weight
        if all(abs(strength[name] - before[name]) < 1e-9 * before[name] for name in names):
            break
    return {name: p / (p + 1) for name, p in strength.items()}


def _percentiles(drawn: Sequence[float], confidence: float) -> tuple[float, float]:
    ordered = sorted(drawn)
    cut = (1 - confidence) / 2
    low, high = (ordered[round(q * (len(ordered) - 1))] for q in (cut, 1 - cut))
    return low, high

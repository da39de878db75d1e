"""How far reviewers agree beyond chance: Cohen's kappa for two, Krippendorff's alpha in general.

1 is perfect agreement, 0 what guessing with the same habits would give. Where
everybody always says the same word, chance explains all of it and neither is
defined: the value is None then, which is the honest answer, not 1.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

from volano.stats.errors import need
from volano.stats.intervals import wilson
from volano.stats.special import normal_quantile

Scale = Literal["nominal", "ordinal", "interval"]
Distance = Callable[[float, float], float]
RESAMPLES = 500


class Agreement(NamedTuple):
    """An estimate with its interval, over `n` units.

    `value` None: not defined for these answers. `low` and `high` None beside a value: too
    few units for an interval.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]], confidence: float = 0.95) -> Agreement:
    """Return kappa = (p_o - p_e) / (1 - p_e) of two reviewers' words on the same units.

    Cohen (1960), Educational and Psychological Measurement 20:37-46. The interval is
    normal with the large-sample variance of Fleiss, Cohen & Everitt (1969),
    Psychological Bulletin 72:323-327. That variance is 0 when they never differ; then the
    lower end is what Wilson's interval leaves for p_o.

    Raises:
        StatsInputError: confidence is not inside (0, 1).
    """
    need(0 < confidence < 1, f"confidence {confidence}")
    n = len(pairs)
    if n == 0:
        return Agreement(None, None, None, 0)
    cells = Counter(pairs)
    rows, columns = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    same = sum(count for (a, b), count in cells.items() if a == b)
    observed = same / n
    expected = sum(rows[word] * columns[word] for word in rows) / n**2
    if expected == 1:
        return Agreement(None, None, None, n)
    kappa = (observed - expected) / (1 - expected)
    if same == n:
        low = (wilson(n, n, confidence)[0] - expected) / (1 - expected)
        return Agreement(kappa, low, 1.0, n)
    spread = 0.0
    for (a, b), count in cells.items():
        if a == b:
            spread += count / n * (1 - (rows[a] + columns[a]) / n * (1 - kappa)) ** 2
        else:
            spread += (1 - kappa) ** 2 * count / n * ((columns[a] + rows[b]) / n) ** 2
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    if variance <= 1e-12:  # too few to say: no width is no certainty
        return Agreement(kappa, None, None, n)
    half = normal_quantile((1 + confidence) / 2) * math.sqrt(variance)
    return Agreement(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n)


def weighted_kappa(pairs: Sequence[tuple[float, float]], confidence: float = 0.95) -> Agreement:
    """Return Cohen's kappa of two reviewers' numbers, where near is less wrong than far.

    Cohen (1968), Psychological Bulletin 70:213-220, with linear weights: 1 - |a - b| / range.
    Of two values only it is `cohen_kappa`. The interval is normal, with the variance of Fleiss,
    Cohen & Everitt (1969) for any weights.

    Raises:
        StatsInputError: confidence is not inside (0, 1).
    """
    words = sorted({word for pair in pairs for word in pair})
    if len(words) <= 2 or all(a == b for a, b in pairs):
        return cohen_kappa(pairs, confidence)
    need(0 < confidence < 1, f"confidence {confidence}")
    n, reach = len(pairs), words[-1] - words[0]
    rows, columns = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)

    def near(a: float, b: float) -> float:
        return 1 - abs(a - b) / reach

    observed = math.fsum(near(a, b) for a, b in pairs) / n
    row = {a: math.fsum(near(a, b) * count for b, count in columns.items()) / n for a in words}
    column = {b: math.fsum(near(a, b) * count for a, count in rows.items()) / n for b in words}
    expected = math.fsum(row[a] * count for a, count in rows.items()) / n
    if expected == 1:
        return Agreement(None, None, None, n)
    kappa = (observed - expected) / (1 - expected)
    spread = math.fsum(
        count / n * (near(a, b) - (row[a] + column[b]) * (1 - kappa)) ** 2
        for (a, b), count in Counter(pairs).items()
    )
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    if variance <= 1e-12:
        return Agreement(kappa, None, None, n)
    half = normal_quantile((1 + confidence) / 2) * math.sqrt(variance)
    return Agreement(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n)


def krippendorff_alpha(
    units: Sequence[Sequence[Hashable]],
    scale: Scale = "nominal",
    confidence: float = 0.95,
    *,
    seed: int = 0,
) -> Agreement:
    """Return alpha = 1 - D_o / D_e of any number of reviewers, who need not all see all units.

    Krippendorff (2011), *Computing Krippendorff's Alpha-Reliability*. Units with fewer than
    two answers say nothing and are left out. `ordinal` and `interval` want numbers. The
    interval is a percentile bootstrap over units (the same `seed`, the same interval); where
    no unit differs, its lower end lets as many units differ as Wilson's interval allows.

    Raises:
        StatsInputError: confidence is not inside (0, 1), or a word where numbers are needed.
    """
    need(0 < confidence < 1, f"confidence {confidence}")
    known = [tuple(unit) for unit in units if len(unit) > 1]
    if scale != "nominal":
        need(all(isinstance(v, int | float) for u in known for v in u), f"numbers for {scale}")
    patterns = Counter(tuple(sorted(unit, key=str)) for unit in known)
    value = _alpha(patterns, scale)
    n = len(known)
    if value is None:
        return Agreement(None, None, None, n)
    if value == 1:
        return Agreement(1.0, _least(patterns, scale, n, confidence), 1.0, n)
    drawn = _resampled(patterns, scale, n, seed) if len(patterns) > 1 else []
    if len(drawn) < RESAMPLES // 2:
        return Agreement(value, None, None, n)
    cut = (1 - confidence) / 2
    low, high = (drawn[round(q * (len(drawn) - 1))] for q in (cut, 1 - cut))
    return Agreement(value, min(low, value), max(high, value), n)


def _alpha(patterns: Mapping[tuple[Hashable, ...], int], scale: Scale) -> float | None:
    totals: Counter[Hashable] = Counter()
    for unit, times in patterns.items():
        for word in unit:
            totals[word] += times
    far = _distance(totals, scale)
    n = sum(totals.values())
    expected = _spread(totals, far) / (n - 1) if n > 1 else 0.0
    if expected == 0:
        return None
    observed = sum(
        times * _spread(Counter(unit), far) / (len(unit) - 1) for unit, times in patterns.items()
    )
    return 1 - observed / expected


def _spread(counts: Mapping[Hashable, int], far: Callable[[Hashable, Hashable], float]) -> float:
    """Sum the squared distances over all ordered pairs."""
    words = list(counts)
    return 2 * math.fsum(
        counts[a] * counts[b] * far(a, b) for i, a in enumerate(words) for b in words[:i]
    )


def _distance(
    totals: Mapping[Hashable, int], scale: Scale
) -> Callable[[Hashable, Hashable], float]:
    """Return the squared distance of two words on this scale."""
    if scale == "nominal":
        return lambda a, b: float(a != b)
    if scale == "interval":
        return lambda a, b: (a - b) ** 2  # type: ignore[operator]
    ranks, below = {}, 0.0
    for word in sorted(totals):  # type: ignore[type-var]
        ranks[word] = below + totals[word] / 2
        below += totals[word]
    return lambda a, b: (ranks[a] - ranks[b]) ** 2


def _resampled(
    patterns: Mapping[tuple[Hashable, ...], int], scale: Scale, n: int, seed: int
) -> list[float]:
    draw = random.Random(seed)
    units, weights = list(patterns), list(patterns.values())
    found = (_alpha(Counter(draw.choices(units, weights, k=n)), scale) for _ in range(RESAMPLES))
    return sorted(value for value in found if value is not None)


def _least(
    patterns: Mapping[tuple[Hashable, ...], int], scale: Scale, n: int, confidence: float
) -> float:
    """Return the alpha that is left when as many units differ as n without one leave open."""
    totals: Counter[Hashable] = Counter()
    for unit, times in patterns.items():
        for word in unit:
            totals[word] += times
    many = sum(totals.values())
    far = _distance(totals, scale)
    largest = max(far(a, b) for a in totals for b in totals)
    mean = _spread(totals, far) / (many * (many - 1))
    return max(-1.0, 1 - wilson(0, n, confidence)[1] * largest / mean)

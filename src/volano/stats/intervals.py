"""Intervals for finished data: look once. For data still coming, see `average`, `betting`."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from volano.stats.errors import need
from volano.stats.special import normal_quantile, student_quantile


class Difference(NamedTuple):
    """How much better the second is than the first, with its interval."""

    value: float
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for a proportion; (0, 1) when nothing was seen.

    Wilson (1927), JASA 22:209-212: the p with |p̂ - p| <= z sqrt(p (1 - p) / n).

    Raises:
        StatsInputError: not 0 <= successes <= n, or confidence not inside (0, 1).
    """
    need(0 <= successes <= n, f"{successes} successes of {n}")
    z = _z(confidence)
    if n == 0:
        return 0.0, 1.0
    p, z2 = successes / n, z * z / n
    centre = (p + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(p * (1 - p) / n + z2 / (4 * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def paired_difference(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> Difference:
    """Return mean(second) - mean(first) of scores on the same rows, with its interval.

    All scores 0 or 1: `paired_proportions`; any between: `paired_means`.

    Raises:
        StatsInputError: unequal lengths, no rows, or a score outside [0, 1].
    """
    need(len(first) == len(second) and len(first) > 0, "two scores for each of at least one row")
    need(all(0 <= x <= 1 for x in (*first, *second)), "scores inside [0, 1]")
    if any(x not in {0, 1} for x in (*first, *second)):
        return paired_means(first, second, confidence)
    pairs = list(zip(first, second, strict=True))
    return paired_proportions(
        both=pairs.count((1, 1)),
        only_first=pairs.count((1, 0)),
        only_second=pairs.count((0, 1)),
        neither=pairs.count((0, 0)),
        confidence=confidence,
    )


def paired_proportions(
    *, both: int, only_first: int, only_second: int, neither: int, confidence: float = 0.95
) -> Difference:
    """Return p(second) - p(first) from the table of a paired comparison.

    Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10: the two
    Wilson intervals squared and added, less their correlation phi with a
    continuity correction. Stays inside [-1, 1] and has width also when no row
    differs.

    Raises:
        StatsInputError: a negative count, or none at all.
    """
    cells = (both, only_first, only_second, neither)
    n = sum(cells)
    need(min(cells) >= 0 and n > 0, f"the paired table {cells}")
    p1, p2 = (both + only_first) / n, (both + only_second) / n
    low1, high1 = wilson(both + only_first, n, confidence)
    low2, high2 = wilson(both + only_second, n, confidence)
    phi = _phi(*cells)
    down = _joined(p2 - low2, high1 - p1, phi)
    up = _joined(high2 - p2, p1 - low1, phi)
    value = (only_second - only_first) / n
    return Difference(value, max(-1.0, value - down), min(1.0, value + up))


def paired_means(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> Difference:
    """Return mean(second) - mean(first) of paired scores in [0, 1] by Student's t.

    Student's t is approximate for scores that are not normal; be content with it
    from some 30 rows on. When every row differs by the same amount t would
    claim certainty; then at most u = 1 - (a/2)^(1/n) of all rows can differ in
    another way (Clopper & Pearson 1934), by at most the whole range.

    Raises:
        StatsInputError: unequal lengths or no rows.
    """
    need(len(first) == len(second) and len(first) > 0, "two scores for each of at least one row")
    n = len(first)
    differences = [b - a for a, b in zip(first, second, strict=True)]
    mean = math.fsum(differences) / n
    squares = math.fsum((d - mean) ** 2 for d in differences)
    alpha = 1 - confidence
    if squares < 1e-18:
        other = 1 - (alpha / 2) ** (1 / n)
        return Difference(mean, mean - other * (1 + mean), mean + other * (1 - mean))
    half = student_quantile(1 - alpha / 2, n - 1) * math.sqrt(squares / (n - 1) / n)
    return Difference(mean, max(-1.0, mean - half), min(1.0, mean + half))


def _z(confidence: float) -> float:
    need(0 < confidence < 1, f"confidence {confidence}")
    return normal_quantile((1 + confidence) / 2)


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Correlation of the two answers, its numerator drawn n/2 towards 0 (Newcombe, method 10)."""
    margins = (
        (both + only_first) * (only_second + neither) * (both + only_second)
        * (only_first + neither)
    )  # fmt: skip
    if margins == 0:
        return 0.0
    n = both + only_first + only_second + neither
    b = both * neither - only_first * only_second
    return (max(b - n / 2, 0) if b > 0 else b) / math.sqrt(margins)


def _joined(own: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, own * own - 2 * phi * own * other + other * other))

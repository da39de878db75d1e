"""A slope inside groups: does one number move with another among rows that are alike otherwise?

A judge that likes long answers scores them higher at the same label of people. Both numbers
are taken as differences from their group's mean (Frisch & Waugh 1933), so that groups may
differ as they like; the interval is robust to unequal spread (HC1, MacKinnon & White 1985)
and to clusters (Liang & Zeger 1986).
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from volano.stats.errors import need
from volano.stats.special import student_quantile


class Slope(NamedTuple):
    """How much `y` changes with one more of `x`, with its interval, from `n` rows."""

    value: float
    low: float
    high: float
    n: int


def slope_within(
    groups: Sequence[Hashable],
    x: Sequence[float],
    y: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Slope | None:
    """Return the slope of y on x inside groups; None where x does not vary in any, or rows are few.

    Raises:
        StatsInputError: unequal lengths, or confidence not inside (0, 1).
    """
    need(len(groups) == len(x) == len(y), "a group, an x and a y for each row")
    need(0 < confidence < 1, f"confidence {confidence}")
    names = clusters if clusters is not None else range(len(x))
    need(len(names) == len(x), "a cluster for each row")
    near_x, near_y = _centred(groups, x), _centred(groups, y)
    square = math.fsum(v * v for v in near_x)
    units = len(set(names))
    free = units - len(set(groups)) - 1
    if square < 1e-12 or free < 2:
        return None
    value = math.fsum(a * b for a, b in zip(near_x, near_y, strict=True)) / square
    sums: dict[Hashable, float] = {}
    for name, a, b in zip(names, near_x, near_y, strict=True):
        sums[name] = sums.get(name, 0.0) + a * (b - value * a)
    variance = math.fsum(s * s for s in sums.values()) / square**2 * units / free
    half = student_quantile((1 + confidence) / 2, free) * math.sqrt(variance)
    return Slope(value, value - half, value + half, len(x))


def _centred(groups: Sequence[Hashable], values: Sequence[float]) -> list[float]:
    held: dict[Hashable, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        held.setdefault(group, []).append(value)
    means = {group: math.fsum(found) / len(found) for group, found in held.items()}
    return [value - means[group] for group, value in zip(groups, values, strict=True)]

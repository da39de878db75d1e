"""Means and totals of everything, from a sample that was drawn with known probabilities.

Each unit is drawn by itself with probability p (Poisson sampling, Särndal, Swensson & Wretman
1992, Model Assisted Survey Sampling, ch. 3.5). A drawn one stands for w = 1 / p units.

- `total`: Horvitz & Thompson (1952), JASA 47:663-685, sum(w y); its variance over draws is
  sum((1 - p) w² y²), plus nothing else: what was not drawn is fixed.
- `mean`: Hájek (1971), sum(w y) / sum(w). The interval is for the process that gave the
  values, so that also a sample of everything has width: linearised residuals w (y - mean),
  summed over clusters (Liang & Zeger 1986), with Student's quantile.

**Intervals of means.** The normal interval covers too rarely for few clusters and near 0
and 1. Shares get Wilson's interval with the effective size mean (1 - mean) / variance (Korn &
Graubard 1998, Survey Methodology 24:193-201); half a unit of good and half of bad stand in
while the variance is told (as Jeffreys' prior does), so that equal values have width too. No sample is taken to tell
more than one drawn evenly of its Kish size, whose clusters also are the degrees of freedom.

- `thinned`: where a budget ended, only some of the drawn were looked at: within each stratum
  (an hour) their probability is p times the share that was; a stratum without any is told.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from volano.stats.errors import need
from volano.stats.special import normal_quantile, student_quantile

Stratum = TypeVar("Stratum", bound=Hashable)

LEAST = 20
"""With fewer clusters an estimate is called not enough."""


class Estimate(NamedTuple):
    """A weighted mean with its interval. `error` is its standard error; `effective` Kish's size."""

    value: float
    low: float
    high: float
    error: float
    n: int
    clusters: int
    effective: float

    @property
    def enough(self) -> bool:
        """Whether there is enough to be told alone."""
        return self.clusters >= LEAST


class Total(NamedTuple):
    """How many (or how much) there are among all, with the interval."""

    value: float
    low: float
    high: float
    n: int


def mean(
    values: Sequence[float],
    probabilities: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    share: bool = True,
    confidence: float = 0.95,
) -> Estimate | None:
    """Return the mean over all units, of values in [0, 1] where it is a `share`; None without any.

    `clusters` name what units share (a session, a user).

    Raises:
        StatsInputError: unequal lengths, a probability outside (0, 1], a share outside [0, 1].
    """
    _check(values, probabilities)
    need(not share or all(0 <= y <= 1 for y in values), "values inside [0, 1]")
    need(clusters is None or len(clusters) == len(values), "a cluster for each value")
    if not values:
        return None
    weights = [1 / p for p in probabilities]
    whole = math.fsum(weights)
    value = math.fsum(w * y for w, y in zip(weights, values, strict=True)) / whole
    names: Sequence[Hashable] = range(len(values)) if clusters is None else clusters
    groups = len(set(names))
    effective = _kish(weights)
    if groups < 2:
        low, high = (0.0, 1.0) if share else (-math.inf, math.inf)
        return Estimate(value, low, high, math.inf, len(values), groups, effective)
    error = math.sqrt(_variance(values, weights, names, whole, value))
    t = student_quantile((1 + confidence) / 2, max(1.0, _kish(_sums(weights, names)) - 1))
    if share:
        low, high = _wilson(values, weights, names, t)
    else:
        low, high = value - t * error, value + t * error
    return Estimate(value, min(low, value), max(high, value), error, len(values), groups, effective)


def total(
    values: Sequence[float], probabilities: Sequence[float], *, confidence: float = 0.95
) -> Total:
    """Return the sum over all units, drawn or not, of values that are not below 0.

    The interval is that of the logarithm where something was found, as sums are skewed.

    Raises:
        StatsInputError: unequal lengths, or a probability outside (0, 1].
    """
    _check(values, probabilities)
    pairs = list(zip(values, probabilities, strict=True))
    value = math.fsum(y / p for y, p in pairs)
    variance = math.fsum((1 - p) * (y / p) ** 2 for y, p in pairs)
    z = normal_quantile((1 + confidence) / 2)
    if value <= 0:  # none was found: so many could hide with chance 1 - confidence
        least = min(probabilities, default=1.0)
        most = 0.0 if least == 1 else math.log((1 - confidence) / 2) / math.log(1 - least)
        return Total(value, value, most, len(pairs))
    spread = math.exp(z * math.sqrt(variance) / value)
    seen = math.fsum(values)
    return Total(value, max(seen, value / spread), max(value * spread, seen), len(pairs))


def apart(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Return second less first, and the two-sided p-value of no difference (independent samples)."""
    moved = second.value - first.value
    error = math.hypot(_error(first), _error(second))
    return moved, 1.0 if not math.isfinite(error) else math.erfc(abs(moved) / error / math.sqrt(2))


def thinned(
    drawn: Mapping[Stratum, int], looked_at: Mapping[Stratum, int]
) -> tuple[dict[Stratum, float], float]:
    """Return by stratum the share that was looked at, and the share of the drawn in strata without any."""
    every = sum(drawn.values())
    kept = {name: looked_at.get(name, 0) / n for name, n in drawn.items() if looked_at.get(name)}
    need(all(share <= 1 for share in kept.values()), "no more looked at than drawn")
    dark = sum(n for name, n in drawn.items() if name not in kept)
    return kept, dark / every if every else 0.0


def _error(one: Estimate) -> float:
    """Half the interval in standard errors: wider than `error` where all values are alike."""
    half = (one.high - one.low) / 2 / 1.96
    return max(one.error, half) if math.isfinite(one.error) else math.inf


def _variance(
    values: Sequence[float], weights: Sequence[float], names: Sequence[Hashable],
    whole: float, value: float,
) -> float:  # fmt: skip
    sums = _residuals(values, weights, names, value)
    m = len(sums)
    return m / (m - 1) * math.fsum(r * r for r in sums) / whole**2


def _residuals(
    values: Sequence[float], weights: Sequence[float], names: Sequence[Hashable], value: float
) -> list[float]:
    sums: dict[Hashable, float] = {}
    for y, w, name in zip(values, weights, names, strict=True):
        sums[name] = sums.get(name, 0.0) + w * (y - value)
    return list(sums.values())


def _sums(weights: Sequence[float], names: Sequence[Hashable]) -> list[float]:
    found: dict[Hashable, float] = {}
    for w, name in zip(weights, names, strict=True):
        found[name] = found.get(name, 0.0) + w
    return list(found.values())


def _kish(weights: Sequence[float]) -> float:
    """How many of equal weight would tell as much (Kish 1965, Survey Sampling, ch. 11.7)."""
    return math.fsum(weights) ** 2 / math.fsum(w * w for w in weights)


def _wilson(
    values: Sequence[float], weights: Sequence[float], names: Sequence[Hashable], t: float
) -> tuple[float, float]:
    """Wilson's interval by the effective size, with half a cluster good and half one bad besides."""
    whole, heavy = math.fsum(weights), _sums(weights, names)
    groups, typical = len(heavy), math.fsum(w * w for w in heavy) / whole
    good = math.fsum(w * y for w, y in zip(weights, values, strict=True))
    raw, padded = good / whole, whole + typical
    centre = (good + typical / 2) / padded
    squares = math.fsum(r * r for r in _residuals(values, weights, names, centre))
    squares += typical**2 * ((1 - centre) ** 2 + centre**2) / 2
    variance = (groups + 1) / groups * squares / padded**2
    size = max(1.0, min(centre * (1 - centre) / variance, _kish(weights) + 1))
    spread = t * t / size
    middle = (raw + spread / 2) / (1 + spread)
    half = t / (1 + spread) * math.sqrt(raw * (1 - raw) / size + spread / (4 * size))
    return max(0.0, middle - half), min(1.0, middle + half)


def _check(values: Sequence[float], probabilities: Sequence[float]) -> None:
    need(len(values) == len(probabilities), "a probability for each value")
    need(all(0 < p <= 1 for p in probabilities), "probabilities above 0, at most 1")

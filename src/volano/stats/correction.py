"""What people would have said, from many judgments and a few labels of people.

A judge errs, so the mean of its scores is biased. Given rows that people labelled and the
judge scored too, and many rows that only the judge scored:

- `prediction_powered`: PPI++ (Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453),

      value = mean(label) + lam (mean(more) - mean(judged))

  with the lam of least variance, cov / (V(judged) + V(more)) in variances of means. Unbiased
  (to order 1/n) however the judge errs, if both sets of rows are drawn alike.
- `prediction_powered_difference`: the same for differences of two systems on the same rows.
- `rogan_gladen`: value = (p + q0 - 1) / (q0 + q1 - 1), with q1 the sensitivity and q0 the
  specificity (Rogan & Gladen 1978, American Journal of Epidemiology 107:71-76). Needs no
  rows drawn alike, only a judge that errs alike on both; for scores 0 and 1.

**Intervals of PPI++.** The normal interval of the paper covers 84 % of the time where 3 rows
in 100 are judged wrongly. Here the table of labels and judgments gets half a disagreement
each way more (as Jeffreys' prior does for a rate), the interval is Wilson's with the
effective sample size value (1 - value) / variance (Korn & Graubard 1998, Survey Methodology
24:193-201), and its quantile is Student's. `benchmarks/judge_correction.py` measures it.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from volano.stats.errors import need
from volano.stats.intervals import wilson
from volano.stats.special import normal_quantile, student_quantile

LEAST = 3
"""So many labelled rows (or clusters of them) an interval needs."""


class Corrected(NamedTuple):
    """A corrected mean with its interval, from `labelled` and `judged` rows.

    `weight` is how far the judge is listened to: 0 leaves the mean of people's labels alone.
    """

    value: float
    low: float
    high: float
    weight: float
    labelled: int
    judged: int


class Confusion(NamedTuple):
    """How a judge's yes and no meet those of people, in counts of rows."""

    both: int
    """People yes, judge yes."""
    missed: int
    """People yes, judge no."""
    invented: int
    """People no, judge yes."""
    neither: int

    @property
    def sensitivity(self) -> float | None:
        """The share of people's yes that the judge finds; None without any."""
        yes = self.both + self.missed
        return self.both / yes if yes else None

    @property
    def specificity(self) -> float | None:
        """The share of people's no that the judge finds; None without any."""
        no = self.invented + self.neither
        return self.neither / no if no else None


Clusters = Sequence[Hashable]


def prediction_powered(
    labels: Sequence[float],
    judged: Sequence[float],
    more: Sequence[float],
    *,
    clusters: tuple[Clusters, Clusters] | None = None,
    confidence: float = 0.95,
) -> Corrected:
    """Return the mean that people's labels would have, of values in [0, 1].

    `labels` and `judged` are of the same rows; `more` are the judge's scores of other rows.
    `clusters` name what rows share, for the labelled rows and for the others.

    Raises:
        StatsInputError: fewer than 3 labelled rows (or clusters) or 2 others, unequal
            lengths, or a value outside [0, 1].
    """
    need(len(labels) == len(judged), "a judgment for each label")
    need(all(map(_within, (labels, judged, more))), "values inside [0, 1]")
    own, other = clusters or (None, None)
    groups, others = _groups(own, labels), _groups(other, more)
    need(groups >= LEAST, f"at least {LEAST} labelled rows (or clusters), not {groups}")
    need(others >= 2, "at least 2 rows (or clusters) that only the judge scored")
    here = _moments(labels, judged, own)
    there = _moments(more, more, other)
    weight = _weight(here, there)
    value = min(1.0, max(0.0, here.first + weight * (there.first - here.second)))
    low, high = _interval(
        _moments(labels, judged, own, doubt=_step(labels, judged)), there, groups, confidence
    )
    return Corrected(
        value, min(low, value), max(high, value), weight, len(labels), len(more)
    )  # fmt: skip


def prediction_powered_difference(
    labels: Sequence[float],
    judged: Sequence[float],
    more: Sequence[float],
    *,
    clusters: tuple[Clusters, Clusters] | None = None,
    confidence: float = 0.95,
) -> Corrected:
    """Return the mean difference of two systems that people's labels would show.

    All are differences on the same rows, second less first, in [-1, 1]: of people's labels,
    of the judge's scores on those rows, and of its scores on other rows.

    Raises:
        StatsInputError: as in `prediction_powered`.
    """
    halved = [[(x + 1) / 2 for x in xs] for xs in (labels, judged, more)]
    found = prediction_powered(*halved, clusters=clusters, confidence=confidence)
    return found._replace(value=2 * found.value - 1, low=2 * found.low - 1, high=2 * found.high - 1)


def rogan_gladen(
    table: Confusion, positives: int, n: int, confidence: float = 0.95
) -> Corrected | None:
    """Return the rate that people would find among `n` rows of which the judge said yes to `positives`.

    The interval is that of Lang & Reiczigel (2014), Preventive Veterinary Medicine 113:13-22, which
    arXiv 2511.21140 takes for judges: pseudo-counts, and the variance of p, q0 and q1 together.
    None where the judge is not better than chance: then nothing can be corrected.

    Raises:
        StatsInputError: people never said yes, or never no; counts out of range.
    """
    yes, no = _sides(table)
    need(0 <= positives <= n and n > 0, f"{positives} of {n}")
    z = normal_quantile((1 + confidence) / 2)
    skill = table.both / yes + table.neither / no - 1
    q1, q0 = (table.both + 1) / (yes + 2), (table.neither + 1) / (no + 2)
    p, rows = (positives + z * z / 2) / (n + z * z), n + z * z
    if skill <= 0 or q0 + q1 <= 1:
        return None
    rate = (p + q0 - 1) / (q0 + q1 - 1)
    of_q0, of_q1 = q0 * (1 - q0) / (no + 2), q1 * (1 - q1) / (yes + 2)
    shift = 2 * z * z * (rate * of_q1 - (1 - rate) * of_q0)
    variance = p * (1 - p) / rows + (1 - rate) ** 2 * of_q0 + rate**2 * of_q1
    half = z * math.sqrt(variance) / (q0 + q1 - 1)
    value = _inside((positives / n + table.neither / no - 1) / skill)
    low, high = _inside(rate + shift - half), _inside(rate + shift + half)
    return Corrected(value, min(low, value), max(high, value), 1 / skill, sum(table), n)


def rogan_gladen_difference(
    table: Confusion,
    first: Sequence[float],
    second: Sequence[float],
    confidence: float = 0.95,
) -> Corrected | None:
    """Return the difference in rates, second less first, of two systems judged 0 or 1 on the same rows.

    The judge must err alike on both: (p2 - p1) / (q0 + q1 - 1), its variance by the delta
    method with pseudo-counts on q0 and q1. None where the judge is not better than chance.

    Raises:
        StatsInputError: unequal lengths, fewer than 2 rows, or people never said yes, or never no.
    """
    yes, no = _sides(table)
    need(len(first) == len(second) and len(first) > 1, "two scores for each of at least 2 rows")
    skill = table.both / yes + table.neither / no - 1
    q1, q0 = (table.both + 1) / (yes + 2), (table.neither + 1) / (no + 2)
    smooth = q0 + q1 - 1
    if skill <= 0 or smooth <= 0:
        return None
    n = len(first)
    apart = [b - a for a, b in zip(first, second, strict=True)]
    raw = math.fsum(apart) / n
    variance = math.fsum((d - raw) ** 2 for d in apart) / (n - 1) / n
    of_skill = q0 * (1 - q0) / (no + 2) + q1 * (1 - q1) / (yes + 2)
    value, smoothed = raw / skill, raw / smooth
    t = student_quantile((1 + confidence) / 2, n - 1)
    half = t * math.sqrt(variance + smoothed**2 * of_skill) / smooth
    value, low, high = (max(-1.0, min(1.0, x)) for x in (value, smoothed - half, smoothed + half))
    return Corrected(value, min(low, value), max(high, value), 1 / skill, sum(table), n)


def agreed(table: Confusion, confidence: float = 0.95) -> dict[str, tuple[float, float, float]]:
    """Return sensitivity and specificity with Wilson's intervals: (value, low, high), where defined."""
    found = {}
    yes, no = table.both + table.missed, table.invented + table.neither
    for name, hits, n in (("sensitivity", table.both, yes), ("specificity", table.neither, no)):
        if n:
            found[name] = (hits / n, *wilson(hits, n, confidence))
    return found


class _Moments(NamedTuple):
    """Means of two values, and the (co)variances of these means."""

    first: float
    second: float
    of_first: float
    both: float
    of_second: float


def _moments(
    first: Sequence[float], second: Sequence[float], clusters: Clusters | None, doubt: float = 0.0
) -> _Moments:
    """Sum residuals over clusters (Liang & Zeger 1986); `doubt` adds half a disagreement each way."""
    extra = (
        [(0.5 + doubt / 2, 0.5 - doubt / 2), (0.5 - doubt / 2, 0.5 + doubt / 2)] if doubt else []
    )
    weight = len(first) + len(extra) / 2
    mean_a = (math.fsum(first) + math.fsum(a for a, _ in extra) / 2) / weight
    mean_b = (math.fsum(second) + math.fsum(b for _, b in extra) / 2) / weight
    parts = [
        (a - mean_a, b - mean_b, float(times))
        for (a, b), times in Counter(zip(first, second, strict=True)).items()
    ] if clusters is None else _summed(first, second, clusters, mean_a, mean_b)  # fmt: skip
    groups = math.fsum(times for _, _, times in parts) + len(extra) / 2
    parts += [(a - mean_a, b - mean_b, 0.5) for a, b in extra]
    scale = groups / (groups - 1) / weight**2
    return _Moments(
        mean_a, mean_b,
        scale * math.fsum(w * a * a for a, _, w in parts),
        scale * math.fsum(w * a * b for a, b, w in parts),
        scale * math.fsum(w * b * b for _, b, w in parts),
    )  # fmt: skip


def _summed(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Clusters,
    mean_a: float,
    mean_b: float,
) -> list[tuple[float, float, float]]:
    sums: dict[Hashable, list[float]] = {}
    for a, b, name in zip(first, second, clusters, strict=True):
        one = sums.setdefault(name, [0.0, 0.0])
        one[0] += a - mean_a
        one[1] += b - mean_b
    return [(a, b, 1.0) for a, b in sums.values()]


def _groups(clusters: Clusters | None, values: Sequence[float]) -> int:
    if clusters is None:
        return len(values)
    need(len(clusters) == len(values), "a cluster for each row")
    return len(set(clusters))


def _within(values: Sequence[float]) -> bool:
    return not values or (min(values) >= 0 and max(values) <= 1)


def _weight(here: _Moments, there: _Moments) -> float:
    spread = here.of_second + there.of_first
    return here.both / spread if spread > 1e-15 else 0.0


def _interval(
    here: _Moments, there: _Moments, groups: int, confidence: float
) -> tuple[float, float]:
    need(0 < confidence < 1, f"confidence {confidence}")
    weight = _weight(here, there)
    centre = min(1 - 1e-3, max(1e-3, here.first + weight * (there.first - here.second)))
    variance = (
        here.of_first - 2 * weight * here.both + weight**2 * (here.of_second + there.of_first)
    ) * ((groups - 1) / (groups - 2))
    t = student_quantile((1 + confidence) / 2, groups - 2)
    rows = max(1.0, centre * (1 - centre) / max(variance, 1e-15))
    spread = t * t / rows
    middle = (centre + spread / 2) / (1 + spread)
    half = t / (1 + spread) * math.sqrt(centre * (1 - centre) / rows + spread / (4 * rows))
    return max(0.0, middle - half), min(1.0, middle + half)


def _step(labels: Sequence[float], judged: Sequence[float]) -> float:
    """Return how far apart the two are where they differ; the whole range where they never do."""
    apart = [abs(a - b) for a, b in zip(labels, judged, strict=True) if a != b]
    return math.fsum(apart) / len(apart) if apart else 1.0


def _sides(table: Confusion) -> tuple[int, int]:
    yes, no = table.both + table.missed, table.invented + table.neither
    need(min(table) >= 0 and yes > 0 and no > 0, f"people's yes and no, not {tuple(table)}")
    return yes, no


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value))

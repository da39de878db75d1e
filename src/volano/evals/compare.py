"""Comparing reports on the same rows: pairs say more than two averages side by side.

Repetitions of a row are averaged, rows are paired where both were measured, rows of a cluster
count as what they are. Nobody is named better unless the interval leaves zero out and Holm's
correction over all scores agrees; else it is said how many more rows would tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.evals.scoring import Unit
from volano.evals.summary import CONFIDENCE, Line, by_row, measured, unit_of
from volano.stats.bootstrap import (
    Statistic,
    ratio_of_medians,
    ratio_of_ratios,
    ratio_of_sums,
    resampled,
)
from volano.stats.gap import gap
from volano.stats.multiple import benjamini_hochberg, holm
from volano.stats.power import rows_needed

MARGIN, ALPHA, SHOWN, LEAST_IN_SLICE = 0.02, 1 - CONFIDENCE, 20, 5
LEAST_SUCCESSES = 5
"""With fewer, many a draw of the bootstrap has none, and the cost of a success no upper end."""
Measure = Mapping[str, float]
Units = Mapping[str, tuple[Unit, bool]]


@dataclass(frozen=True, slots=True)
class Side:
    """One report: its ref, whom it judges, its lines, what its scores count in, and of which split."""

    ref: str
    subject: str
    lines: Sequence[Line]
    units: Units = field(default_factory=dict)
    split: str = ""

    def means(self) -> dict[str, dict[str, float]]:
        """Return score -> row -> mean over repetitions, of what was measured."""
        rows = by_row(self.lines)
        names = dict.fromkeys(name for line in self.lines for name in line.get("scores") or {})
        found = {name: _means(rows, name) for name in names}
        return {name: values for name, values in found.items() if values}


@dataclass(frozen=True, slots=True)
class Change:
    """How one score differs from `a` to `b`.

    `difference` in [`low`, `high`] is b - a; of a `ratio` it is b / a - 1. `better` and `worse`
    count rows. `holm` is the p-value among all scores of the comparison. `bound` is the worst
    that the change may be with 95 % confidence on that side alone; positive is good.
    `more_rows` is about how many more rows would show the difference that was seen.
    """

    name: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    better: int
    worse: int
    n: int
    p: float = 1.0
    holm: float = 1.0
    bound: float = 0.0
    hope: float = 0.0
    unit: Unit = "share"
    bigger: bool = True
    kind: Literal["difference", "ratio"] = "difference"
    method: str = ""
    clusters: int = 0
    unmeasured: int = 0
    more_rows: int | None = None

    @property
    def verdict(self) -> str:
        """What the interval allows to say, among all that was asked."""
        if self.low <= 0 <= self.high or self.holm > ALPHA:
            return "undecided"
        return "better" if (self.low > 0) == self.bigger else "worse"

    def not_worse(self, margin: float) -> str:
        """Return yes, no or undecided: is b not worse than a by more than the margin?"""
        if self.bound >= -margin:
            return "yes"
        return "no" if self.hope < -margin else "undecided"

    def to_dict(self, margin: float = MARGIN) -> dict[str, Any]:
        """Return plain JSON values."""
        told = {**asdict(self), "confidence": CONFIDENCE, "verdict": self.verdict}
        return {**told, "margin": margin, "not_worse": self.not_worse(margin)}


def compare(a: Side, b: Side) -> list[Change]:
    """Return the change of every score that both have, in the order of `a`.

    Raises:
        OtherRowsError: the two share no row.
        NoCommonScoreError: no score is in both.
    """
    rows_a, rows_b = by_row(a.lines), by_row(b.lines)
    if not rows_a.keys() & rows_b.keys():
        raise OtherRowsError(a=a.ref, b=b.ref, only_a=len(rows_a), only_b=len(rows_b))
    first, second = a.means(), b.means()
    clusters = {row: str(group[0].get("cluster") or "") for row, group in rows_a.items()}
    found = [
        change(name, first[name], second[name], clusters, unit_of(name, {**a.units, **b.units}))
        for name in first
        if name in second and first[name].keys() & second[name].keys()
    ]
    if not found:
        raise NoCommonScoreError(a=a.ref, b=b.ref)
    return corrected(found)


def usage(a: Side, b: Side, success: str = "") -> list[Change]:
    """Return the changes of what answers took: latency, tokens, and cost where all have a price.

    With the share that counts as `success` also what a success cost: all answers are paid, few
    succeed.
    """
    rows_a, rows_b = by_row(a.lines), by_row(b.lines)
    clusters = {row: str(group[0].get("cluster") or "") for row, group in rows_a.items()}
    found = []
    for name, key, unit, scale in (
        ("latency", "latency_us", "ms", 1000.0), ("cost", "cost_nano", "money", 1e9),
        ("answer tokens", "completion_tokens", "tokens", 1.0),
    ):  # fmt: skip
        first, second = _taken(rows_a, key, scale), _taken(rows_b, key, scale)
        if len(first.keys() & second.keys()) >= 2:
            found.append(change(name, first, second, clusters, (unit, False)))  # type: ignore[arg-type]
    dearer = _per_success(a, b, success, clusters)
    return [*found, dearer] if dearer else found


def _per_success(a: Side, b: Side, name: str, clusters: Mapping[str, str]) -> Change | None:
    """Return how the cost of a success changed, over rows whose costs and scores both have.

    None where that says nothing: no prices, no score that is a share of successes, or hardly one.
    """
    unit = unit_of(name, {**a.units, **b.units})
    scores = [side.means().get(name, {}) for side in (a, b)]
    costs = [_taken(by_row(side.lines), "cost_nano", 1e9) for side in (a, b)]
    rows = [row for row in scores[0] if all(row in one for one in (scores[1], *costs))]
    columns = [[one[row] for row in rows] for one in (scores[0], costs[0], scores[1], costs[1])]
    keys = [clusters.get(row, "") for row in rows]
    shares = unit == ("share", True) and all(0 <= x <= 1 for k in (0, 2) for x in columns[k])
    enough = all(sum(columns[k]) >= LEAST_SUCCESSES for k in (0, 2)) and sum(columns[1]) > 0
    if not shares or not enough or _count(keys) < 2:
        return None
    first, second = (sum(columns[k + 1]) / sum(columns[k]) for k in (0, 2))
    started = Change(
        "cost per success", first, second, 0, 0, 0, 0, 0, len(rows), unit="money", bigger=False,
        clusters=_count(keys), kind="ratio",
    )  # fmt: skip
    return _resampled(started, columns, ratio_of_ratios, keys, smooth=True)


def change(
    name: str, a: Measure, b: Measure, clusters: Mapping[str, str], unit: tuple[Unit, bool]
) -> Change:
    """Return how one score differs, over the rows that both have."""
    rows = [row for row in a if row in b]
    first, second = [a[row] for row in rows], [b[row] for row in rows]
    keys = [clusters.get(row, "") for row in rows]
    sign = 1 if unit[1] else -1
    better = sum((y - x) * sign > 0 for x, y in zip(first, second, strict=True))
    worse = sum((y - x) * sign < 0 for x, y in zip(first, second, strict=True))
    started = Change(
        name, sum(first) / len(rows), sum(second) / len(rows), 0, 0, 0, better, worse, len(rows),
        unit=unit[0], bigger=unit[1], clusters=_count(keys),
        unmeasured=len(a.keys() | b.keys()) - len(rows),
    )  # fmt: skip
    if unit[0] in ("ms", "money") and min(first) > 0 and min(second) >= 0 and started.clusters > 1:
        return _ratio(started, first, second, keys)
    return _difference(started, first, second, keys)


def corrected(changes: Sequence[Change]) -> list[Change]:
    """Return the changes with their p-values among all of them (Holm)."""
    adjusted = holm([one.p for one in changes])
    return [replace(one, holm=p) for one, p in zip(changes, adjusted, strict=True)]


def slices(a: Side, b: Side, name: str) -> list[dict[str, Any]]:
    """Return how one score differs in each slice of 5 rows or more, the worst first.

    `bh` is the p-value among all slices (Benjamini & Hochberg).
    """
    first, second = a.means()[name], b.means()[name]
    unit = unit_of(name, {**a.units, **b.units})
    rows = by_row(a.lines)
    clusters = {row: str(group[0].get("cluster") or "") for row, group in rows.items()}
    members: dict[tuple[str, str], list[str]] = {}
    for row, group in rows.items():
        for by, value in (group[0].get("slices") or {}).items():
            if row in first and row in second:
                members.setdefault((str(by), str(value)), []).append(row)
    found = [
        (by, value, change(name, {row: first[row] for row in inside}, second, clusters, unit))
        for (by, value), inside in members.items()
        if len(inside) >= LEAST_IN_SLICE
    ]
    adjusted = benjamini_hochberg([one.p for _, _, one in found])
    told = [
        {"by": by, "value": value, "bh": p, **replace(one, holm=p).to_dict()}
        for (by, value, one), p in zip(found, adjusted, strict=True)
    ]
    return sorted(told, key=lambda one: one["difference"] if unit[1] else -one["difference"])


def _difference(
    started: Change, first: Sequence[float], second: Sequence[float], keys: Sequence[str]
) -> Change:
    share = started.unit == "share"
    found = gap(first, second, keys, share=share, confidence=CONFIDENCE)
    inner = gap(first, second, keys, share=share, confidence=2 * CONFIDENCE - 1)
    bound, hope = (inner.low, inner.high) if started.bigger else (-inner.high, -inner.low)
    more = None
    if found.low <= 0 <= found.high and found.value and found.se < float("inf"):
        variance = found.se**2 * started.n
        more = max(1, rows_needed(abs(found.value), variance) - started.n)
    return replace(
        started, difference=found.value, low=found.low, high=found.high, p=found.p, holm=found.p,
        bound=bound, hope=hope, method=found.method, more_rows=more,
    )  # fmt: skip


def _ratio(
    started: Change, first: Sequence[float], second: Sequence[float], keys: Sequence[str]
) -> Change:
    """Of times the ratio of medians, of money that of sums: what a few slow rows must not decide."""
    times = started.unit == "ms"
    statistic = ratio_of_medians if times else ratio_of_sums
    what = "medians" if times else "sums"
    started = replace(
        started, kind="ratio", method=f"ratio of {what}, ",
        a=_middle(first) if times else started.a, b=_middle(second) if times else started.b,
    )  # fmt: skip
    return _resampled(started, [first, second], statistic, keys, smooth=not times)


def _resampled(
    started: Change, columns: Sequence[Sequence[float]], statistic: Statistic,
    keys: Sequence[str], *, smooth: bool,
) -> Change:  # fmt: skip
    """Return a change with the bootstrap interval of a ratio around 1."""
    found, inner = (
        resampled(columns, statistic, keys, smooth=smooth, null=1, confidence=one)
        for one in (CONFIDENCE, 2 * CONFIDENCE - 1)
    )
    low, high = inner.low - 1, inner.high - 1
    bound, hope = (low, high) if started.bigger else (-high, -low)
    return replace(
        started, difference=found.value - 1, low=found.low - 1, high=found.high - 1,
        p=found.p, holm=found.p, bound=bound, hope=hope, method=f"{started.method}{found.method}",
    )  # fmt: skip


def _means(rows: Mapping[str, Sequence[Line]], name: str) -> dict[str, float]:
    got = {row: measured(group, name) for row, group in rows.items()}
    return {row: sum(values) / len(values) for row, values in got.items() if values}


def _taken(rows: Mapping[str, Sequence[Line]], key: str, scale: float) -> dict[str, float]:
    got = {row: [line[key] for line in group if line.get(key) is not None and not line.get("error")]
           for row, group in rows.items()}  # fmt: skip
    return {row: sum(values) / len(values) / scale for row, values in got.items() if values}


def _count(keys: Sequence[str]) -> int:
    named = {key for key in keys if key}
    return len(named) + sum(not key for key in keys)


def _middle(values: Sequence[float]) -> float:
    ordered, n = sorted(values), len(values)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2

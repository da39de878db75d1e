"""The envelope of a performance check: how much slower or dearer than the base it may be.

Each row was asked on both sides, in alternation, so ratios are those of pairs; their intervals
are bootstrapped over rows and clusters (`stats.bootstrap`). A limit is kept when even the worst
that the data allow, one-sided, is inside it: few rows or a noisy machine never make it a yes.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from volano.ci.rules import Tolerance
from volano.evals.gates import Passed
from volano.evals.summary import by_row
from volano.stats.bootstrap import ratio_of_medians, ratio_of_quantiles, ratio_of_sums, resampled

Line = Mapping[str, Any]
LEAST = 5
_COLUMNS = {
    "latency": "latency_us", "p95": "latency_us", "cost": "cost_nano", "tokens": "completion_tokens",
}  # fmt: skip
_WORDS = {
    "latency": "median latency", "p95": "95th percentile of latency", "cost": "cost",
    "tokens": "answer tokens",
}  # fmt: skip


def judged(
    envelope: Mapping[str, Tolerance], old: Sequence[Line], new: Sequence[Line]
) -> list[Passed]:
    """Return what each limit of an envelope says."""
    return [_one(name, said, old, new) for name, said in envelope.items()]


def _one(name: str, said: Tolerance, old: Sequence[Line], new: Sequence[Line]) -> Passed:
    gate = (
        f"{name} not more than {said.margin * 100:g} % above base with {said.confidence * 100:g} %"
    )
    what, column = _WORDS[name], _COLUMNS[name]
    first, second = _taken(old, column), _taken(new, column)
    rows = [row for row in first if row in second]
    if len(rows) < LEAST:
        why = f"{what} is known on {len(rows)} rows of both sides; {LEAST} are the least"
        return Passed(gate, "unmeasured", why)
    columns = [[first[row] for row in rows], [second[row] for row in rows]]
    if not any(columns[0]):
        return Passed(gate, "unmeasured", f"{what} of the base is 0: there is no ratio to it")
    clusters = {str(line["id"]): str(line.get("cluster") or "") for line in new}
    statistic = {"latency": ratio_of_medians, "p95": ratio_of_quantiles(0.95)}.get(
        name, ratio_of_sums
    )
    keys = [clusters.get(row, "") for row in rows]
    if len({key or row for key, row in zip(keys, rows, strict=True)}) < 2:
        return Passed(gate, "unmeasured", "all rows are of one cluster")
    found = resampled(
        columns, statistic, keys, smooth=name in ("cost", "tokens"), null=1,
        confidence=2 * said.confidence - 1,
    )  # fmt: skip
    low, high = found.low - 1, found.high - 1
    told = f"{what} {found.value - 1:+.1%} on {len(rows)} rows [{low:+.1%}, {high:+.1%}]"
    told = told.replace("%", " %")
    if high <= said.margin:
        return Passed(gate, "yes", told)
    if low <= said.margin:
        told += ": too few rows or too much noise to tell that it is inside"
    return Passed(gate, "no", told)


def _taken(lines: Sequence[Line], column: str) -> dict[str, float]:
    """Return row -> the middle of its repetitions."""
    found = {}
    for row, group in by_row(lines).items():
        values = [one[column] for one in group if one.get(column) is not None and not one["error"]]
        if values:
            found[row] = float(median(values))
    return found

"""Planning: before anything is asked, which difference the rows at hand would find."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.evals.repeated import parts
from volano.evals.summary import Line, by_row, measured
from volano.stats.clustered import spread
from volano.stats.power import ALPHA, POWER, detectable, rows_needed, variance_of_difference

USUAL = 0.25
"""Variance of a 0/1 score that is right as often as wrong; used where no report says better."""
ALIKE = 0.5
"""How strongly two models' scores of one row are taken to correlate, where one report is known."""
REPETITIONS = (1, 3, 5)


def plan(
    rows: int, margin: float, *, lines: Sequence[Line] = (), name: str = "", source: str = ""
) -> dict[str, Any]:
    """Return what `rows` rows find, and how many a difference of `margin` takes, by repetitions.

    From the lines of a report come the variance of a row, of its repetitions, and the design
    effect of its clusters; that the other's scores of a row correlate by 0.5 is assumed, for
    nobody knows it before.
    """
    row, within, design, share = USUAL, 0.0, 1.0, None
    if lines:
        name = name or next(iter(lines[0].get("scores") or {}), "")
        row, within, design, share = _known(lines, name)
    omega = 2 * row * (1 - ALIKE)
    table = [
        {
            "repetitions": k,
            "detectable": detectable(rows, variance_of_difference(omega, within, within, k), design=design),
            "rows_needed": rows_needed(
                margin, variance_of_difference(omega, within, within, k), design=design
            ),
        }
        for k in (REPETITIONS if within else REPETITIONS[:1])
    ]  # fmt: skip
    least = table[0]
    enough = least["rows_needed"] <= rows
    return {
        "rows": rows, "margin": margin, "score": name, "value": share, "from": source,
        "alpha": ALPHA, "power": POWER, "correlation": ALIKE, "design_effect": design, "table": table, "enough": enough,
        "sentence": _sentence(rows, margin, least),
    }  # fmt: skip


def _known(lines: Sequence[Line], name: str) -> tuple[float, float, float, float | None]:
    """Return the variance of rows and of repetitions, the design effect, and the mean."""
    groups = by_row(lines)
    values = {row: got for row, group in groups.items() if (got := measured(group, name))}
    if len(values) < 2:
        return USUAL, 0.0, 1.0, None
    means = [sum(one) / len(one) for one in values.values()]
    found = spread(means, [str(groups[row][0].get("cluster") or "") for row in values])
    repeated = parts([*values.values()])
    row = repeated.between if repeated else found.row
    events = min(found.mean, 1 - found.mean) * len(means)
    design = (
        max(1.0, found.design(len(means), max(0.0, events), 2.0)[0]) if found.clusters > 1 else 1.0
    )
    return max(row, 1e-4), repeated.within if repeated else 0.0, design, found.mean


def _sentence(rows: int, margin: float, least: Mapping[str, Any]) -> str:
    found = (
        f"{rows} rows find a difference of {least['detectable'] * 100:.1f} points in 4 of 5 tries"
    )
    if least["rows_needed"] <= rows:
        return f"{found}: enough for {margin * 100:g} points."
    return f"{found}; {margin * 100:g} points take about {least['rows_needed']} rows."

"""Flips: rows that the old release got right and the new one does not, by the reports both pin.

A row is critical where its suite says so, or where it has a true value in a column of the
dataset that is named so. No critical row may fall, and none may go unmeasured.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.verdict import Verdict
from volano.evals.compare import Side, compare
from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.evals.flips import flips
from volano.evals.summary import by_row

CriticalOf = Callable[[str], Collection[str]]
"""The ids of the critical rows behind a report."""
_SHOWN, _LONGEST = 20, 200


@dataclass(slots=True)
class _Found:
    """Sums over all pairs of reports on the same rows."""

    rows: int = 0
    negative: int = 0
    positive: int = 0
    critical: int = 0
    fallen: list[Mapping[str, Any]] | None = None
    fell: int = 0
    lost: list[str] | None = None

    def __post_init__(self) -> None:
        self.fallen, self.lost = [], []


def flipped(
    old: Sequence[Side], new: Sequence[Side], critical_of: CriticalOf, *, most: int | None
) -> Verdict:
    """Say which rows fell between the reports of two releases; `most` so many may."""
    found, pairs = _Found(), 0
    for a in old:
        for b in new:
            if a.ref == b.ref:
                continue
            try:
                _pair(found, a, b, {*critical_of(a.ref), *critical_of(b.ref)})
            except (OtherRowsError, NoCommonScoreError):
                continue
            pairs += 1
    shared = {a.ref for a in old} & {b.ref for b in new}
    if not pairs:
        same = (
            f"both pin the same report {min(shared)}"
            if shared
            else "they pin no reports on the same rows"
        )
        return Verdict("unmeasured", f"{same}, so that no flips can be seen")
    return _said(found, most)


def _pair(found: _Found, a: Side, b: Side, named: Collection[str]) -> None:
    first = compare(a, b)[0]
    rows_a, rows_b = by_row(a.lines), by_row(b.lines)
    critical = {
        row for row in rows_a.keys() | rows_b.keys()
        if row in named or _marked(rows_a.get(row)) or _marked(rows_b.get(row))
    }  # fmt: skip
    means = [side.means().get(first.name, {}) for side in (a, b)]
    moved = flips(a, b, first.name, bigger=first.bigger)
    sign = 1 if first.bigger else -1
    both = means[0].keys() & means[1].keys()
    fell = [row for row in critical & both if (means[1][row] - means[0][row]) * sign < 0]
    found.rows += len(both)
    found.negative += moved.negative
    found.positive += moved.positive
    found.critical += len(critical & both)
    found.fell += len(fell)
    assert found.fallen is not None
    assert found.lost is not None
    found.fallen += [_short(row) for row in moved.rows if row["row"] in fell][:_SHOWN]
    found.lost += [row for row in critical & means[0].keys() if row not in means[1]]


def _said(found: _Found, most: int | None) -> Verdict:
    evidence = {
        "rows": found.rows, "negative": found.negative, "positive": found.positive,
        "critical": found.critical, "critical_fell": found.fell,
        "critical_unmeasured": len(found.lost or ()), "fallen": list(found.fallen or ())[:_SHOWN],
    }  # fmt: skip
    seen = f"on {found.rows} rows {found.negative} fell and {found.positive} rose"
    if found.fell:
        first = ", ".join(str(row["row"]) for row in (found.fallen or ())[:3])
        why = f"{found.fell} of {found.critical} critical rows fell ({first}); {seen}"
        return Verdict("fail", why, evidence)
    if most is not None and found.negative > most:
        return Verdict("fail", f"{seen}; {most} may fall", evidence)
    if found.lost:
        why = f"{len(found.lost)} critical rows have no score of the new release; {seen}"
        return Verdict("unmeasured", why, evidence)
    if not found.critical and most is None:
        why = f"no row is marked critical, and nothing bounds the others; {seen}"
        return Verdict("unmeasured", why, evidence)
    bound = f"; {most} may fall" if most is not None else ""
    return Verdict("pass", f"none of {found.critical} critical rows fell; {seen}{bound}", evidence)


def _marked(group: Iterable[Mapping[str, Any]] | None) -> bool:
    return any(line.get("critical") for line in group or ())


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    answers = {name: str(row[name])[:_LONGEST] for name in ("answer_a", "answer_b")}
    return {"row": row["row"], "a": row["a"], "b": row["b"], **answers}

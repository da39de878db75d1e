"""How far a judge agrees with people, beyond chance, and in which direction it errs.

Agreement is Cohen's kappa (weighted where the scale has more than two levels), as exact match
flatters: where 90 % of answers are good, a judge that always says yes matches 82 % or more.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.evals.judges.judge import Judge
from volano.evals.reasons import counted
from volano.stats.agreement import Agreement, krippendorff_alpha, weighted_kappa
from volano.stats.correction import Confusion, agreed
from volano.stats.intervals import paired_means
from volano.stats.slope import slope_within

FEW = 30
"""With fewer rows the interval of kappa says little."""
Interval = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """One labelled row with what the judge said; `again` is what it said when asked once more.

    `row` is the id that this question has in reports, where that is another than its own.
    """

    id: str
    labels: Mapping[str, float]
    scores: Mapping[str, float]
    unmeasured: Mapping[str, str]
    length: int
    again: Mapping[str, float] | None = None
    orders: tuple[float, float] | None = None
    system: str = ""
    cluster: str = ""
    row: str = ""
    whys: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Kept":
        """Read one back."""
        known = {name: value for name, value in raw.items() if name in cls.__slots__}
        orders = known.get("orders")
        return cls(**{**known, "orders": tuple(orders) if orders else None})


def calibrate(judge: Judge, rows: Sequence[Kept]) -> list[dict[str, Any]]:
    """Return for each score that people labelled how the judge agrees with them.

    Each has `name`, `n`, `unmeasured` (counted by reason), `kappa`, `matched` (the share of equal
    words), `people` and `judge` (means), `gap` (judge less people), `confusion` (rows of people's
    value, judge's value, count), `sensitivity` and `specificity` where the scale is yes and no,
    `position`, `length`, `retest`, `trusted` and `why`. What cannot be said is None.
    """
    names = [name for name in judge.scores() if any(name in row.labels for row in rows)]
    return [_one(judge, name, [row for row in rows if name in row.labels]) for name in names]


def _one(judge: Judge, name: str, rows: Sequence[Kept]) -> dict[str, Any]:
    heard = [row for row in rows if name in row.scores]
    pairs = [(row.labels[name], row.scores[name]) for row in heard]
    kappa = weighted_kappa(pairs) if pairs else Agreement(None, None, None, 0)
    table = table_of(pairs)
    return {
        "name": name,
        "n": len(heard),
        "unmeasured": counted(row.unmeasured[name][:300] for row in rows
                              if name in row.unmeasured),
        "kappa": _interval(kappa.value, kappa.low, kappa.high),
        "matched": sum(a == b for a, b in pairs) / len(pairs) if pairs else None,
        "people": _mean([a for a, _ in pairs]),
        "judge": _mean([b for _, b in pairs]),
        "gap": _gap(pairs),
        "confusion": [[a, b, n] for (a, b), n in sorted(Counter(pairs).items())],
        **{key: _interval(*found) for key, found in (agreed(table) if table else {}).items()},
        "position": _position(heard) if name == judge.name else None,
        "length": _length(name, heard),
        "retest": _retest(name, heard),
        **trust(kappa, judge.trusted),
    }  # fmt: skip


def table_of(pairs: Sequence[tuple[float, float]]) -> Confusion | None:
    """Return the table of people's and the judge's yes and no; None where there is more than these."""
    if not pairs or any(value not in (0.0, 1.0) for pair in pairs for value in pair):
        return None
    cells = Counter(pairs)
    return Confusion(cells[1.0, 1.0], cells[1.0, 0.0], cells[0.0, 1.0], cells[0.0, 0.0])


def trust(kappa: Agreement, least: float) -> dict[str, Any]:
    """Say whether a judge may be trusted alone, and why not."""
    if not kappa.n:
        why = "it gave no verdict on any row that people labelled"
    elif kappa.value is None:
        why = "kappa is not defined: people or the judge always said the same"
    elif kappa.value < least:
        why = f"kappa {kappa.value:.2f} is below {least:g}"
    elif kappa.low is None or kappa.n < FEW:
        why = f"{kappa.n} rows are too few to say"
    else:
        return {"trusted": True, "why": ""}
    return {"trusted": False, "why": why}


def members(judge: Judge, rows: Sequence[Kept]) -> Interval | None:
    """Return how far the judges of a panel agree with each other (Krippendorff's alpha)."""
    if judge.kind != "panel":
        return None
    names = judge.scores()[1:]
    units = [[row.scores[name] for name in names if name in row.scores] for row in rows]
    found = krippendorff_alpha(units, "interval")
    return _interval(found.value, found.low, found.high)


def _gap(pairs: Sequence[tuple[float, float]]) -> Interval | None:
    if len(pairs) < 2:
        return None
    found = paired_means([a for a, _ in pairs], [b for _, b in pairs])
    return _interval(found.value, found.low, found.high)


def _position(rows: Sequence[Kept]) -> Interval | None:
    """How much more an answer gets when it is shown first, and how often the order decides."""
    orders = [row.orders for row in rows if row.orders is not None]
    if len(orders) < 2:
        return None
    found = paired_means([second for _, second in orders], [first for first, _ in orders])
    flips = sum(first != second for first, second in orders) / len(orders)
    return {**_interval(found.value, found.low, found.high), "flips": flips, "n": len(orders)}


def _length(name: str, rows: Sequence[Kept]) -> Interval | None:
    """How much the score changes with each doubling of the answer, at the same label of people."""
    found = slope_within(
        [row.labels[name] for row in rows],
        [math.log2(max(1, row.length)) for row in rows],
        [row.scores[name] for row in rows],
        clusters=[row.cluster or row.id for row in rows],
    )
    return None if found is None else _interval(found.value, found.low, found.high)


def _retest(name: str, rows: Sequence[Kept]) -> Interval | None:
    """How often the judge says the same when asked once more."""
    pairs = [(r.scores[name], r.again[name]) for r in rows if r.again and name in r.again]
    if not pairs:
        return None
    found = weighted_kappa(pairs)
    same = sum(a == b for a, b in pairs) / len(pairs)
    return {"same": same, "n": len(pairs), **_interval(found.value, found.low, found.high)}


def _interval(value: float | None, low: float | None, high: float | None) -> Interval:
    return {"value": value, "low": low, "high": high}


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None

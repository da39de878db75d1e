"""Comparing two reports on the same rows: pairs say more than two averages side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.evals.report import CONFIDENCE
from volano.stats.intervals import paired_difference

Scored = Mapping[str, Mapping[str, float]]
"""The scores of each row: row id -> score name -> value."""

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Change:
    """How one score differs from `a` to `b`: b - a, inside [low, high] at 95 %.

    `better` and `worse` count rows; `verdict` is better, worse or undecided.
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

    @property
    def verdict(self) -> str:
        """What the interval allows to say."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "undecided"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "confidence": CONFIDENCE, "verdict": self.verdict}


def compare(a: Scored, b: Scored, *, names: tuple[str, str]) -> list[Change]:
    """Return the change of every score that both have.

    `names` are the refs of the two reports, for messages.

    Raises:
        OtherRowsError: the two were not measured on the same rows.
        NoCommonScoreError: no score is in both.
    """
    if a.keys() != b.keys():
        raise OtherRowsError(
            a=names[0], b=names[1], only_a=len(a.keys() - b.keys()), only_b=len(b.keys() - a.keys())
        )
    shared = [name for name in _names(a) if name in _names(b)]
    if not shared:
        raise NoCommonScoreError(a=names[0], b=names[1])
    return [_change(name, a, b) for name in shared]


def broken(a: Scored, b: Scored, name: str) -> list[str]:
    """Return the ids of the first rows on which `b` is worse than `a`."""
    return [row for row in a if name in a[row] and b[row].get(name, 0) < a[row][name]][:SHOWN]


def to_text(comparison: Mapping[str, Any]) -> str:
    """Return a comparison (as `Evals.compare` gives it) as lines for people."""
    scores: Sequence[Mapping[str, Any]] = comparison["scores"]
    width = max(len(score["name"]) for score in scores)
    head = f"{comparison['b']['subject']} against {comparison['a']['subject']}"
    lines = [f"{head}, the same {comparison['n']} rows"]
    lines += [
        f"  {s['name']:<{width}}  {s['a']:.3f} -> {s['b']:.3f}  "
        f"{s['difference']:+.3f} [{s['low']:+.3f}, {s['high']:+.3f}]  "
        f"{s['better']} better, {s['worse']} worse: {s['verdict']}"
        for s in scores
    ]
    return "\n".join(lines)


def _change(name: str, a: Scored, b: Scored) -> Change:
    rows = [row for row in a if name in a[row] and name in b[row]]
    first, second = [a[row][name] for row in rows], [b[row][name] for row in rows]
    found = paired_difference(first, second, CONFIDENCE)
    better = sum(y > x for x, y in zip(first, second, strict=True))
    worse = sum(y < x for x, y in zip(first, second, strict=True))
    n = len(rows)
    return Change(
        name, sum(first) / n, sum(second) / n, found.value, found.low, found.high, better, worse, n
    )


def _names(scored: Scored) -> dict[str, None]:
    return dict.fromkeys(name for scores in scored.values() for name in scores)

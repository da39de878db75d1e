"""Flips: rows that were right and are wrong now, and the other way round, with both answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.evals.compare import Side
from volano.evals.summary import Line, by_row

MOST = 200


@dataclass(frozen=True, slots=True)
class Flips:
    """Rows whose score fell (`negative`) or rose (`positive`), by one score.

    `critical` counts the critical ones among the fallen. `rows` are the fallen rows, the critical
    first, then those that fell furthest; at most 200 of them.
    """

    score: str
    negative: int
    positive: int
    critical: int
    rows: tuple[Mapping[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "score": self.score, "negative": self.negative, "positive": self.positive,
            "critical": self.critical, "rows": [dict(row) for row in self.rows],
        }  # fmt: skip


def flips(a: Side, b: Side, name: str, *, bigger: bool = True) -> Flips:
    """Return what flipped: a row falls when its mean over repetitions gets worse."""
    first, second = a.means().get(name, {}), b.means().get(name, {})
    sign = 1 if bigger else -1
    moved = {row: (second[row] - first[row]) * sign for row in first if row in second}
    rows_a, rows_b = by_row(a.lines), by_row(b.lines)
    fallen = sorted(
        (row for row, by in moved.items() if by < 0),
        key=lambda row: (not _critical(rows_a[row], rows_b[row]), moved[row]),
    )
    places = {row: at for at, row in enumerate(rows_b)}
    told = tuple(
        {
            "row": row, "at": places[row], "place": _place(b, places[row], row),
            "critical": _critical(rows_a[row], rows_b[row]),
            "a": first[row], "b": second[row],
            "answer_a": _answer(rows_a[row]), "answer_b": _answer(rows_b[row]),
            "slices": dict(rows_b[row][0].get("slices") or {}),
        }
        for row in fallen[:MOST]
    )  # fmt: skip
    critical = sum(_critical(rows_a[row], rows_b[row]) for row in fallen)
    return Flips(name, len(fallen), sum(by > 0 for by in moved.values()), critical, told)


def _place(side: Side, at: int, row: str) -> str:
    """Return what a row is called where people read it: `test:7`, as in the console."""
    return f"{side.split}:{at}" if side.split else row[:16]


def _critical(first: Sequence[Line], second: Sequence[Line]) -> bool:
    return bool(first[0].get("critical") or second[0].get("critical"))


def _answer(group: Sequence[Line]) -> str:
    """Return the answer of the first repetition, or why there is none."""
    return str(group[0].get("answer") or group[0].get("error") or "")

"""Slices: groups of rows whose scores are looked at one by one, so that no average hides them.

Rows are grouped by a field of their labels: the one that is named, else the
first whose values are few (a queue, a language, an intent).
"""

from collections.abc import Mapping, Sequence
from typing import Any

Label = str | Mapping[str, Any]

FEW, LEAST = 20, 5
"""At most so many slices; a slice of fewer rows than `LEAST` says nothing and is left out."""


def slices(labels: Sequence[Label], field: str | None = None) -> list[str]:
    """Return the slice of each row; empty texts where nothing groups the rows."""
    chosen = field or _field(labels)
    found = [_value(label, chosen) for label in labels]
    return found if 1 < len(set(found)) <= max(FEW, 1) else [""] * len(labels)


def by_slice(
    names: Sequence[str], parent: Sequence[float], mine: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return for each slice the score, the other's score `beside`, and the number of rows."""
    groups: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        groups.setdefault(name, []).append(at)
    return {
        name: {
            "score": sum(mine[i] for i in rows) / len(rows),
            "beside": sum(parent[i] for i in rows) / len(rows),
            "n": len(rows),
        }
        for name, rows in sorted(groups.items())
        if name and len(rows) >= LEAST
    }


def weakest(found: Mapping[str, Mapping[str, float]]) -> float | None:
    """Return the least ratio of a slice's score to the other's; None without slices to compare."""
    return min(
        (one["score"] / one["beside"] for one in found.values() if one["beside"] > 0), default=None
    )


def _field(labels: Sequence[Label]) -> str:
    """Return the first field of objects with 2 to `FEW` values; empty for texts."""
    first = labels[0] if labels else ""
    if isinstance(first, str):
        return ""
    for name in first:
        values = {_value(label, name) for label in labels}
        if 1 < len(values) <= FEW:
            return name
    return ""


def _value(label: Label, field: str) -> str:
    if isinstance(label, str):
        return label
    return str(label.get(field, "")) if field else ""

"""Ahead: whether one column of a grid is better than the others, row by row.

All columns answer the same rows, so what counts is the difference on each row, not whether the
columns' own intervals overlap (`stats.gap`). The best is compared with each other one; the
p-values are corrected for their number (Holm).
"""

from collections.abc import Mapping, Sequence

from volano.stats.gap import gap
from volano.stats.multiple import holm

LEAST, LEAST_APART, ALPHA = 2, 6, 0.05
"""Fewer than six rows that differ prove nothing: by chance all of five go one way once in 16 times."""
Column = Mapping[int, float]
"""The score of each row."""


def best(columns: Sequence[Column], *, bigger: bool = True) -> int | None:
    """Return the column with the best mean; None where fewer than two have scores."""
    means = {at: sum(one.values()) / len(one) for at, one in enumerate(columns) if one}
    if len(means) < LEAST:
        return None
    return max(means, key=lambda at: means[at] if bigger else -means[at])


def ahead(columns: Sequence[Column], *, bigger: bool = True, share: bool = True) -> int | None:
    """Return the column that is better than each other one by more than chance; None where none is."""
    first = best(columns, bigger=bigger)
    if first is None:
        return None
    found = []
    for other in (one for at, one in enumerate(columns) if one and at != first):
        rows = [row for row in columns[first] if row in other]
        if sum(columns[first][row] != other[row] for row in rows) < LEAST_APART:
            return None
        change = gap([other[r] for r in rows], [columns[first][r] for r in rows], share=share)
        found.append((change.low > 0 if bigger else change.high < 0, change.p))
    adjusted = holm([p for _, p in found])
    sure = all(apart and p <= ALPHA for (apart, _), p in zip(found, adjusted, strict=True))
    return first if sure else None

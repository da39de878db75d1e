"""Which rows are looked at: all, or blocks of them that are spread evenly over each split."""

from collections.abc import Mapping
from typing import NamedTuple

BLOCK = 250
"""Rows that are read together; a tree of rows is entered at any row."""


class Block(NamedTuple):
    """Rows of a split, one behind the other."""

    split: str
    start: int
    rows: int


def blocks(counts: Mapping[str, int], most: int) -> list[Block]:
    """Return what to read of splits with so many rows, `most` rows in all.

    A split gets its share, and never less than one row.
    """
    total = sum(counts.values())
    found: list[Block] = []
    for split, rows in counts.items():
        wanted = rows if total <= most else max(1, min(rows, rows * most // total))
        found += _spread(split, rows, wanted) if rows else []
    return found


def _spread(split: str, rows: int, wanted: int) -> list[Block]:
    if wanted >= rows:
        return [Block(split, 0, rows)]
    many = -(-wanted // BLOCK)
    each, more = divmod(wanted, many)
    passed = rows - wanted
    return [
        Block(split, n * each + min(n, more) + passed * n // many, each + (n < more))
        for n in range(many)
    ]

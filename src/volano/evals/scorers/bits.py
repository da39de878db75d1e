"""Edit distance and common subsequence in Python's long integers: a row of the table at a time.

A column of the table is one integer with a bit for each item of the shorter text, so that
a step costs a few operations on words of 64 bits instead of a loop. Sources: Hyyrö 2003,
"A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances"; Hyyrö 2004, "Bit-Parallel LCS-length
Computation Revisited".
"""

from collections.abc import Sequence

MOST = 2_000_000_000
"""Cells of the largest table: about a second."""


def _places(items: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    bit = 1
    for item in items:
        places[item] = places.get(item, 0) | bit
        bit <<= 1
    return places


def common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two sequences."""
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    places, every = _places(short), (1 << len(short)) - 1
    column = every
    for item in long:
        if hits := column & places.get(item, 0):
            column = ((column + hits) | (column - hits)) & every
    return len(short) - column.bit_count()


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the Levenshtein distance: the least insertions, deletions and replacements."""
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    if not short:
        return len(long)
    places, every, last = _places(short), (1 << len(short)) - 1, 1 << (len(short) - 1)
    up, down, told = every, 0, len(short)
    for item in long:
        hits = places.get(item, 0)
        across = (((hits & up) + up) ^ up) | hits | down
        rises, falls = down | ~(across | up) & every, up & across
        told += bool(rises & last) - bool(falls & last)
        rises, falls = (rises << 1 | 1) & every, falls << 1 & every
        up, down = falls | ~(across | rises) & every, rises & across
    return told

"""Drawing examples: a few rows of every label, and never one that would spoil the prompt."""

import random
from collections import defaultdict
from collections.abc import Sequence

from volano.data.row import Row, key_of
from volano.evals.wording.change import said, usable

LONGEST = 4000
"""Characters of a row that is drawn as an example."""
SIZES = (2, 4, 8, 16)


def pool(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that can be examples."""
    return [one for one in rows if usable(one) and len(one.text) + len(said(one.label)) <= LONGEST]


def draw(rows: Sequence[Row], count: int, rng: random.Random) -> list[Row]:
    """Return `count` rows, the labels in turn: as many labels as can be, in a random order."""
    groups: dict[bytes, list[Row]] = defaultdict(list)
    for row in rng.sample(rows, len(rows)):
        groups[key_of(row.label)].append(row)
    turns = rng.sample(sorted(groups), len(groups))
    drawn: list[Row] = []
    while len(drawn) < min(count, len(rows)):
        for label in turns:
            if groups[label] and len(drawn) < count:
                drawn.append(groups[label].pop())
    rng.shuffle(drawn)
    return drawn


def sizes(rows: Sequence[Row], most: int) -> list[int]:
    """Return how many examples are tried: 2, 4, 8 up to `most`, and one of each label if that fits."""
    labels = len({key_of(row.label) for row in rows})
    wanted = {*(size for size in SIZES if size <= most), min(most, labels)}
    return sorted(size for size in wanted if size > 0)


def pairs(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return rows as (text, answer)."""
    return [(row.text, said(row.label)) for row in rows]

"""Nearest: the examples that stand closest to all other rows.

Rows that many others resemble come first, and none that resembles one already
taken: greedy facility location over shared 5-grams of characters (Nemhauser et
al. 1978), which needs no embedder and knows no language.
"""

from collections.abc import Sequence

from volano.data.fold import fold, grams, jaccard
from volano.data.row import Row, key_of
from volano.evals.wording.change import with_examples
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods.examples import pairs, pool, sizes
from volano.evals.wording.methods.registry import METHODS, Entry

SAMPLE = 240
"""Rows that are compared pair by pair."""


def nearest(ground: Ground, trials: int) -> None:
    """Try the closest examples of each size, each time of another sample of the rows."""
    rows = pool(ground.learn)
    counts = sizes(rows, ground.shots)
    for number in range(trials):
        sample = ground.rng.sample(rows, min(SAMPLE, len(rows)))
        count = counts[::-1][number % len(counts)]
        chosen = central(sample, count)
        ground.try_(with_examples(ground.incumbent, pairs(chosen)), f"{count} central examples")


def central(rows: Sequence[Row], count: int) -> list[Row]:
    """Return `count` rows so that every row has a near one among them."""
    marks = [grams(fold(row.text)) for row in rows]
    labels = [key_of(row.label) for row in rows]
    near = [
        [jaccard(a, b) + (0.1 if labels[i] == labels[j] else 0) for j, b in enumerate(marks)]
        for i, a in enumerate(marks)
    ]
    covered = [0.0] * len(rows)
    chosen: list[int] = []
    while len(chosen) < min(count, len(rows)):
        rest = (at for at in range(len(rows)) if at not in chosen)
        best = max(rest, key=lambda at: sum(max(0.0, n - c) for n, c in zip(near[at], covered, strict=True)))  # fmt: skip
        chosen.append(best)
        covered = [max(n, c) for n, c in zip(near[best], covered, strict=True)]
    return [rows[at] for at in chosen]


METHODS.register("nearest")(
    Entry(nearest, "the train rows that stand closest to all others, as examples")
)

"""Recorded: answers that people praised in life become the examples.

As bootstrap (arXiv:2310.03714), but the teacher is the traffic: an answer that somebody was
content with shows form and tone that no label holds.
"""

from volano.evals.wording.change import with_examples
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods.examples import draw, pool, sizes
from volano.evals.wording.methods.registry import METHODS, Entry


def recorded(ground: Ground, trials: int) -> None:
    """Draw examples from the learn rows that have a praised answer, and try them."""
    rows = [row for row in pool(ground.learn) if row.id in ground.recorded]
    counts = sizes(rows, ground.shots)
    for number in range(trials if counts else 0):
        count = counts[::-1][number % len(counts)]
        drawn = draw(rows, count, ground.rng)
        examples = [(row.text, ground.recorded[row.id]) for row in drawn]
        ground.try_(with_examples(ground.incumbent, examples), f"{len(drawn)} praised answers")


METHODS.register("recorded")(
    Entry(recorded, "answers of recorded traces to train rows that got good feedback, as examples")
)

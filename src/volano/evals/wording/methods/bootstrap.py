"""Bootstrap: the model's own answers that scored best become the examples.

Khattab et al. 2023 (arXiv:2310.03714, BootstrapFewShot): an answer of its own
shows a model the form that it can keep, with the reasoning it came by.
"""

from volano.evals.wording.change import with_examples
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods.examples import draw, pool, sizes
from volano.evals.wording.methods.registry import METHODS, Entry

ASKED = 60
"""Learn rows that the prompt as it is answers."""


def bootstrap(ground: Ground, trials: int) -> None:
    """Have the prompt as it is answer learn rows; draw examples from the answers with full score."""
    rows = draw(pool(ground.learn), ASKED, ground.rng)
    seen = ground.see(ground.incumbent, rows)
    good = {one.row.id: one for one in seen if one.score is not None and one.score >= 1}
    right = [row for row in rows if row.id in good]
    counts = sizes(right, ground.shots)
    for number in range(trials if counts else 0):
        count = counts[::-1][number % len(counts)]
        drawn = draw(right, count, ground.rng)
        examples = [(row.text, good[row.id].answered.answer) for row in drawn]
        ground.try_(with_examples(ground.incumbent, examples), f"{count} own answers")


METHODS.register("bootstrap")(
    Entry(bootstrap, "the model's own answers to train rows that scored full, as examples")
)

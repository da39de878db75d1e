"""Random few-shot search: examples drawn from the learn rows, and the draw that serves best."""

from volano.evals.wording.change import with_examples
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods.examples import draw, pairs, pool, sizes
from volano.evals.wording.methods.registry import METHODS, Entry


def few_shot(ground: Ground, trials: int) -> None:
    """Try draws of each size in turn; the labels are drawn evenly."""
    rows = pool(ground.learn)
    counts = sizes(rows, ground.shots)
    for number in range(trials):
        count = counts[::-1][number % len(counts)]
        drawn = draw(rows, count, ground.rng)
        ground.try_(with_examples(ground.incumbent, pairs(drawn)), f"{count} examples drawn")


METHODS.register("few-shot")(
    Entry(few_shot, "examples drawn at random from train rows, all labels in turn")
)

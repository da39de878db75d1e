"""Nearest: for each input anew, the train rows most like it stand before it as examples.

Liu et al. 2022 (arXiv:2101.06804): examples near the input serve better than
fixed ones. Nearness is that of `core.template.nearest`, which gateway and
applications compute, too.
"""

from volano.evals.wording.change import with_nearest
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods.examples import pool, sizes
from volano.evals.wording.methods.registry import METHODS, Entry


def nearest(ground: Ground, trials: int) -> None:
    """Try each number of examples; the pool is all learn rows."""
    rows = pool(ground.learn)
    for count in [1, *sizes(rows, ground.shots)][:trials]:
        changed = with_nearest(ground.incumbent, rows, count, ground.source)
        ground.try_(changed, f"the {count} most like the input")


METHODS.register("nearest")(
    Entry(nearest, "for each input the train rows most like it, as examples")
)

"""Settings: temperature and top_p on a grid, the words as they are."""

from itertools import product

from volano.evals.wording.change import with_settings
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods.registry import METHODS, Entry

TEMPERATURES = (0, 0.2, 0.5, 0.8, 1.1)
TOPS = (1, 0.9, 0.6)


def settings(ground: Ground, trials: int) -> None:
    """Try the grid in a random order; at temperature 0 top_p does nothing and is not tried."""
    grid = [(0, 1), *((t, p) for t, p in product(TEMPERATURES, TOPS) if t)]
    for temperature, top_p in ground.rng.sample(grid, len(grid))[:trials]:
        changed = with_settings(ground.incumbent, {"temperature": temperature, "top_p": top_p})
        ground.try_(changed, f"temperature {temperature}, top_p {top_p}")


METHODS.register("settings")(Entry(settings, "temperature and top_p on a grid"))

"""How large a sample must be before "nothing was found" means that nothing is there."""

import math
from collections.abc import Callable

from volano.stats.shuffle import Chance
from volano.stats.special import normal_quantile

POWER = 0.8
_MOST = 1 << 20


def needed_for_texts(
    chance: Chance, *, level: float, first: int, second: int, shift: float, whole: float,
    witness: float,
) -> int | None:  # fmt: skip
    """Return how many units must be in the second sample to find a shift of this share, or None.

    Under "nothing moved", MMD² of samples of n and m spreads as 1/n + 1/m; where a share s of the
    sample comes from topics as unlike as the reference's own halves, it is s² `whole` on average,
    with the variance 4 s² `witness` / n (Gretton et al. 2012, theorem 8 and corollary 16).
    """
    signal = shift * shift * whole

    def found(n: int) -> bool:
        scale = (1 / n + 1 / first) / (1 / second + 1 / first)
        spread = math.hypot(chance.spread * scale, 2 * shift * math.sqrt(witness / n))
        return signal >= chance.quantile(level) * scale + normal_quantile(POWER) * spread

    return _least(found) if whole > 0 else None


def needed_for_novelty(
    chance: Chance, *, level: float, first: int, second: int, shift: float, whole: float,
    variance: float,
) -> int | None:  # fmt: skip
    """Return the same for a gap of means (`Novelty.measure`), of which a share s moves s `whole`.

    The gap is normal around that, folded at zero where nothing moved. `variance` is that of one
    text; between texts that are new and those that are not the gap adds s (1 - s) `whole`².
    """
    null = math.hypot(chance.mean, chance.spread)
    one = variance + shift * (1 - shift) * whole * whole

    def found(n: int) -> bool:
        scale = math.sqrt((1 / n + 1 / first) / (1 / second + 1 / first))
        spread = max(null * scale, math.sqrt(one / n))
        critical = normal_quantile(1 - level / 2) * null * scale
        return shift * whole >= critical + normal_quantile(POWER) * spread

    return _least(found) if whole > 0 else None


def needed_for_shares(
    chance: Chance, *, level: float, first: int, second: int, shift: float
) -> int | None:
    """Return the same for a `gap` of shares (`Ranks.gap`, `Counts.gap`), which falls as 1/sqrt n."""

    def found(n: int) -> bool:
        scale = math.sqrt((1 / n + 1 / first) / (1 / second + 1 / first))
        half = 0.5 * scale * math.sqrt(1 / second + 1 / first)
        spread = max(half, chance.spread * scale)
        return shift >= chance.quantile(level) * scale + normal_quantile(POWER) * spread

    return _least(found)


def _least(found: Callable[[int], bool]) -> int | None:
    if not found(_MOST):
        return None
    low, high = 1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high

"""One arm against the first, in the goal: what was found first, and the curve so far."""

from volano.releases.experiment.series import Series
from volano.stats.difference import Interval

_EACH, _STEPS = 2_000, 1_000


class Against:
    """What is seen of an arm's difference to the first, look by look."""

    def __init__(self, arm: int, *, detect: float, sign: int):
        self.arm = arm
        self.found: str = ""
        """`better`, `worse` or `same` as soon as it was proven; never taken back by units that come later."""
        self.found_at: tuple[int, Interval] | None = None
        self.series = Series()
        self._detect, self._sign = detect, sign

    def see(self, n: int, found: Interval) -> None:
        """Take a look: how the difference stands with `n` units of both arms."""
        self.series.add(n, found)
        if self.found:
            return
        if found.low > 0 or found.high < 0:
            self.found = "better" if found.value * self._sign > 0 else "worse"
        elif max(found.high, -found.low) < self._detect:
            self.found = "same"
        if self.found:
            self.found_at = (n, found)

    def again(self) -> int | None:
        """Forget all looks, as values were corrected; return at how many units it was proven."""
        at = None if self.found_at is None else self.found_at[0]
        self.found, self.found_at, self.series = "", None, Series()
        return at


def due(n: int) -> bool:
    """Whether to look at `n` units when all are gone through again: at each, later at each thousandth more."""
    return n < _EACH or n % (n // _STEPS) == 0

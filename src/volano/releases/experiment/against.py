"""One arm against the first, in the goal: what was found first, and the curve so far."""

from volano.releases.experiment.series import Series
from volano.stats.difference import Interval


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

    def doubt(self) -> None:
        """Forget what was found, for values that it was found by were put right since."""
        self.found, self.found_at = "", None

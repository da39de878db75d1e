"""Pace: how far a run is, how fast, and how long it will take."""

import time
from collections.abc import Callable

Tell = Callable[..., None]
EVERY_S = 0.5


class Pace:
    """Counts pieces of work (a shard collected, surveyed or passed through steps).

    `tell(step, of, rows=, rows_per_s=, left_s=)` is called at most twice a
    second, and once at the end. What comes from the cache does not count into
    the rate. `of` is 0 as long as nobody knows how much there is.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic):
        self._tell = tell
        self._clock = clock
        self._began = self._told = clock()
        self._fresh = self._fresh_rows = self._rows = 0
        self.done = 0
        self.of = 0

    def piece(self, rows: int, *, cached: bool) -> None:
        """Note that one more piece is done."""
        self.done += 1
        self._rows += rows
        self._fresh += not cached
        self._fresh_rows += 0 if cached else rows
        if self._clock() - self._told >= EVERY_S:
            self.say()

    def say(self) -> None:
        """Tell where it stands."""
        self._told = self._clock()
        spent = self._told - self._began
        metrics: dict[str, float] = {"rows": self._rows}
        if self._fresh and spent > 0:
            metrics["rows_per_s"] = round(self._fresh_rows / spent, 1)
            if self.of:
                metrics["left_s"] = round(spent / self._fresh * max(0, self.of - self.done), 1)
        self._tell(self.done, self.of, **metrics)

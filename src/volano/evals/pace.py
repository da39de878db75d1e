"""Pace: when the next call may go out, and how long to wait after one that failed."""

import random
from dataclasses import dataclass

MOST_PAUSE_S = 60.0
MOST_TOLD_S = 600.0


@dataclass(frozen=True, slots=True)
class Patience:
    """What is done when the other side does not answer.

    A call is made `tries` times, with pauses that double from `pause_s` (and end at 60 s). When
    `away` rows in a row got no answer after all their tries, nobody is there: the suite stops.
    """

    tries: int = 5
    away: int = 10
    pause_s: float = 0.5

    def pause(self, failed: int, chance: random.Random) -> float:
        """Return how long to wait after so many failures of a call: half of it is chance.

        Equal jitter (M. Brooker, "Exponential Backoff And Jitter", AWS, 2015): calls that
        failed together do not come back together.
        """
        full = min(MOST_PAUSE_S, self.pause_s * 2 ** min(failed - 1, 16))
        return full / 2 + chance.random() * full / 2


NONE = Patience(tries=1, away=1)
"""Stop at the first call that is not answered."""


class Pace:
    """Spaces calls evenly, and holds all back while the other side wants none.

    Times are seconds of one clock that does not go back.
    """

    def __init__(self, per_minute: int | None = None):
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Return how long the next call must wait; 0 when it may go now."""
        return max(0.0, self._next - now)

    def went(self, now: float) -> None:
        """Take note of a call."""
        if self._gap:
            self._next = max(self._next, now) + self._gap

    def hold(self, now: float, seconds: float) -> None:
        """Let no call out for so long: what `Retry-After` says, ten minutes at most."""
        self._next = max(self._next, now + min(seconds, MOST_TOLD_S))

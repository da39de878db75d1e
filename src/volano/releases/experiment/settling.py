"""Settling: whether what is known of units still changes, as much of it is told after their windows.

While the words of one night come in, one arm may be told of before the other, and all that is
silent yet counts as a no. What is seen then is about who was told of first. So nothing is decided
while more than `SHARE` of what is known was put right within the last window's time.
"""

from collections import deque

SHARE = 0.05
_PARTS = 100
"""Moments are kept to a hundredth of the window, so that memory has a limit."""


class Settling:
    """Counts units that something is `known` of, and those put right of late."""

    def __init__(self, window_us: int):
        self.known = 0
        self._window_us = window_us
        self._part_us = max(1, window_us // _PARTS)
        self._late: deque[tuple[int, int]] = deque()
        self._until_us = 0

    def late(self, units: int, now_us: int) -> None:
        """Note that so many units were put right now, after their windows."""
        part = now_us // self._part_us
        before = self._late.pop()[1] if self._late and self._late[-1][0] == part else 0
        self._late.append((part, before + units))

    def wait(self, until_us: int) -> None:
        """Take what is known for unsettled until then: nobody here saw when it was told."""
        self._until_us = until_us

    def of_late(self, now_us: int) -> int:
        """Return how many units were put right within the last window's time."""
        while self._late and (self._late[0][0] + 1) * self._part_us <= now_us - self._window_us:
            self._late.popleft()
        return sum(units for _, units in self._late)

    @property
    def until_us(self) -> int:
        """The moment from which nothing that was seen so far is late any more; 0: nothing was."""
        last = (self._late[-1][0] + 1) * self._part_us + self._window_us if self._late else 0
        return max(last, self._until_us)

    def over(self, now_us: int) -> bool:
        """Whether what is known may be decided by."""
        return now_us >= self._until_us and self.of_late(now_us) <= SHARE * self.known

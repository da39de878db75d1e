"""A curve of evidence: an interval at ever larger numbers of units, thinned as it grows."""

from typing import NamedTuple

from volano.stats.difference import Interval

_GROWTH = 1.03
"""A point is kept when there are this many times as many units: about 240 from 200 to 200,000."""


class Point(NamedTuple):
    """How the difference stood when so many units had entered."""

    n: int
    value: float
    low: float
    high: float


class Series:
    """Points in order; the last one is always how it stands now."""

    __slots__ = ("_kept", "_last", "_next")

    def __init__(self) -> None:
        self._kept: list[Point] = []
        self._last: Point | None = None
        self._next = 0

    def add(self, n: int, found: Interval) -> None:
        """Take how it stands now."""
        self._last = point = Point(n, *found)
        if n >= self._next:
            self._kept.append(point)
            self._next = max(n + 1, int(n * _GROWTH))

    @property
    def points(self) -> list[Point]:
        """What was kept, and the last one."""
        if self._last is None or self._kept[-1] == self._last:
            return [*self._kept]
        return [*self._kept, self._last]

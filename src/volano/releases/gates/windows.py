"""Windows: units whose feedback takes time. A unit counts when its window is over, and then once.

What is told of a unit from its first call at a step on, until its window closes, makes one value;
what nobody told is left out, or nothing where it is an outcome (no sale is a sale of nothing). Units
enter in the order in which their windows close, whichever arm, so that neither the slow nor the
silent are left out of one arm more than of another. That a window is over is told by the rollout's
own calls, the newest of them, and by no other clock.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from volano.releases.experiment.exposure import Exposure
from volano.releases.gate import Gate
from volano.releases.gates.step import Arm

MOST_UNITS = 200_000
"""Units that may wait; those after them are not counted, so that memory has a limit."""


@dataclass(frozen=True, slots=True)
class Matured:
    """A unit's value once its window is over."""

    unit: str
    arm: Arm
    share: int
    value: float


class Windows:
    """The units of one measure that wait for their windows."""

    def __init__(self, gate: Gate):
        assert gate.measure is not None
        self._gate, self._measure = gate, gate.measure
        self._waiting: list[tuple[int, int, str, Arm, int]] = []
        self._units: dict[str, dict[tuple[Arm, int], Exposure]] = {}
        self._seen: set[tuple[str, Arm, int]] = set()

    @property
    def pending(self) -> int:
        """How many units wait for their windows."""
        return len(self._waiting)

    def expose(self, unit: str, arm: Arm, share: int, at_us: int) -> None:
        """Take a call: the first of a unit in an arm and step opens its window."""
        if (unit, arm, share) in self._seen or len(self._seen) >= MOST_UNITS:
            return
        self._seen.add((unit, arm, share))
        self._units.setdefault(unit, {})[arm, share] = Exposure(0, at_us)
        heapq.heappush(
            self._waiting, (at_us + self._gate.window_us, len(self._seen), unit, arm, share)
        )

    def said(self, unit: str, thread: str, value: float | None, at_us: int) -> bool:
        """Take what was said of a unit; None: taken back. False: nobody waits for it (yet)."""
        found = self._units.get(unit)
        if found is None:
            return False
        for one in found.values():
            if 0 <= at_us - one.since_us <= self._gate.window_us:
                one.judged(0, thread, value)
        return True

    def mature(self, now_us: int) -> Iterator[Matured]:
        """Yield the units whose windows are over, in the order in which they closed."""
        while self._waiting and self._waiting[0][0] <= now_us:
            _, _, unit, arm, share = heapq.heappop(self._waiting)
            value = self._units[unit].pop((arm, share)).value(0, self._measure)
            if not self._units[unit]:
                del self._units[unit]
            if value is not None:
                yield Matured(unit, arm, share, self._gate.good(value))

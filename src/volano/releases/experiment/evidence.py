"""What an experiment has seen: each unit once, when its window is over, in the arm it was assigned.

A unit is exposed by its first call. What is told of it within its window, from
that call on, makes one value of each measure. When the window is over the unit
enters: in order of maturity, whichever arm and whatever came of it, so that
neither the slow nor the silent are left out of one arm more than of another.

What is recorded later although it happened within the window corrects the
unit's value. So the sums are the same whatever the order of arrival, and a
control that starts again reads the same ones from the records. What was found
before counts no more then, unless it shows now, too: nothing stays found because
one arm was told of before the other. One look a time, at all units: to go through
the earlier looks with other values would be as many chances more to find what is not
there. While much is put right, nothing is decided (`settling`).

Harm is asked differently: by each unit's first bad call, at once, without
waiting for windows (`stats.attribution`).
"""

import heapq
from collections import deque
from collections.abc import Sequence
from typing import Any

from volano.releases.experiment.against import Against
from volano.releases.experiment.design import Design
from volano.releases.experiment.exposure import Exposure
from volano.releases.experiment.settling import Settling
from volano.stats.assignment import Assignment
from volano.stats.attribution import Attribution
from volano.stats.difference import Difference, Interval, Moments

MOST_UNITS = 200_000
"""Units after these are not counted, so that memory has a limit."""
_PACED = 400


class Evidence:
    """The units of an experiment by arm; fed with calls and feedback, read by `verdict.decide`."""

    def __init__(self, design: Design):
        arms, self.design = len(design.shares), design
        self.exposed = [0] * arms
        self.entered = [0] * arms
        self.outside = 0
        """Told after a window, or of units beyond the limit: not counted."""
        self.means = [[Moments() for _ in design.measures] for _ in range(arms)]
        self.split = Assignment(design.shares, design.alpha_split)
        self.out: dict[int, str] = {}
        """Arms that were taken out, with the reason."""
        self.against = [
            Against(arm, detect=design.detect, sign=design.goal.sign) for arm in range(1, arms)
        ]
        self.tests = [
            Difference(design.detect if n == 0 else 0.02, alpha)
            for n, alpha in enumerate(_alphas(design))
        ]
        self.harm = _harms(design)
        self.calls = [0] * arms
        self._units: dict[str, Exposure] = {}
        self._waiting: list[tuple[int, int, str]] = []
        self._newest: deque[int] = deque(maxlen=_PACED)
        self._failed: set[tuple[int, str]] = set()
        self.settling = Settling(design.window_us)
        self.settled = True
        """Whether the goal's values may be decided by."""
        self._silent = 0.0 if design.goal.zero else None
        self._put_right: set[int] = set()

    # taking

    def expose(self, unit: str, arm: int, at_us: int) -> None:
        """Take a call of a unit: the first one assigns it to its arm, and its window begins."""
        self.calls[arm] += 1
        if unit in self._units or arm in self.out:
            return
        if len(self._units) >= MOST_UNITS:
            self.outside += 1
            return
        self._units[unit] = Exposure(arm, at_us)
        self.exposed[arm] += 1
        self.split.observe(arm)
        self._newest.append(at_us)
        heapq.heappush(self._waiting, (at_us + self.design.window_us, len(self._units), unit))

    def call(self, unit: str, arm: int, values: Sequence[float | None], at_us: int) -> None:
        """Take what a call told of each measure, None where it tells nothing."""
        for place, value in enumerate(values):
            if value is None:
                continue
            if value > 0 and place in self.harm:
                self._fail(place, unit, arm)
            found = self._within(unit, at_us)
            if found is not None:
                found.called(place, value)
                self._correct(place, found)

    def judge(self, unit: str, place: int, thread: str, value: float | None, at_us: int) -> bool:
        """Take what was said of a unit at a moment; None: taken back. False: nobody knows it (yet)."""
        if unit not in self._units:
            return False
        found = self._within(unit, at_us)
        if found is not None:
            found.judged(place, thread, value)
            self._correct(place, found)
        return True

    def mature(self, now_us: int) -> None:
        """Let the units enter whose window is over by now, one by one, and look after each.

        Where units were put right since the last time, what was found must show anew.
        """
        while self._waiting and self._waiting[0][0] <= now_us:
            _, _, unit = heapq.heappop(self._waiting)
            self._enter(self._units[unit])
        if self._put_right:
            self.settling.late(len(self._put_right), now_us)
            self._put_right.clear()
            for one in self.against:
                if one.arm not in self.out:
                    one.doubt()
            self._look(0)
        self.settled = self.settling.over(now_us)

    def take_out(self, arm: int, why: str) -> None:
        """Take an arm out: its units count no more, nobody comes to it."""
        self.out[arm] = why
        self.split.close(arm)

    # reading

    @property
    def pending(self) -> list[int]:
        """Units whose window is not over yet, by arm."""
        return [all_ - in_ for all_, in_ in zip(self.exposed, self.entered, strict=True)]

    @property
    def pace(self) -> float:
        """New units a second, of late; 0 while nothing can be said."""
        if len(self._newest) < 2:
            return 0.0
        took = max(self._newest) - min(self._newest)
        return (len(self._newest) - 1) / took * 1e6 if took > 0 else 0.0

    def interval(self, arm: int, place: int = 0) -> Interval | None:
        """Return the difference of an arm to the first one in a measure, with its bounds."""
        return self.tests[place].interval(self.means[arm][place], self.means[0][place])

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        design = self.design
        names = [one.name for one in design.measures]
        return {
            "unit": design.unit,
            "goal": design.goal.name,
            "arms": [
                {
                    "exposed": self.exposed[arm], "entered": self.entered[arm], "pending": pending,
                    "calls": self.calls[arm], "out": self.out.get(arm),
                    "measures": {
                        name: {"n": found.n, "mean": found.mean}
                        for name, found in zip(names, self.means[arm], strict=True)
                    },
                }
                for arm, pending in enumerate(self.pending)
            ],
            "against": [self._told(one) for one in self.against],
            "split": self.split.to_dict(),
            "harm": [
                {"measure": names[place], "arm": arm, **test.to_dict()}
                for place, tests in self.harm.items()
                for arm, test in tests.items()
            ],
            "outside": self.outside,
            "settled": self.settled,
            "pace_per_s": self.pace,
        }  # fmt: skip

    # inside

    def _within(self, unit: str, at_us: int) -> Exposure | None:
        found = self._units.get(unit)
        if found is None:
            return None
        if not 0 <= at_us - found.since_us <= self.design.window_us:
            self.outside += 1
            return None
        return found

    def _fail(self, place: int, unit: str, arm: int) -> None:
        """Count a unit's first bad call: against the first arm, or for it, in every comparison."""
        if (place, unit) in self._failed or arm in self.out or unit not in self._units:
            return
        self._failed.add((place, unit))
        shares = self.design.shares
        for other, test in self.harm[place].items():
            if other not in self.out and arm in (0, other):
                test.observe(arm == other, shares[other] / (shares[0] + shares[other]))

    def _enter(self, unit: Exposure) -> None:
        if unit.arm in self.out:
            return
        self.entered[unit.arm] += 1
        unit.values = []
        for place, measure in enumerate(self.design.measures):
            value = unit.value(place, measure)
            unit.values.append(value)
            if value is not None:
                self.means[unit.arm][place].add(value)
        self.settling.known += unit.values[0] != self._silent
        self._look(unit.arm)

    def _correct(self, place: int, unit: Exposure) -> None:
        """Put right what a unit entered with, when it is told later than it happened."""
        if unit.values is None or unit.arm in self.out:
            return
        before, after = unit.values[place], unit.value(place, self.design.measures[place])
        if before == after:
            return
        means = self.means[unit.arm][place]
        if before is not None:
            means.remove(before)
        if after is not None:
            means.add(after)
        unit.values[place] = after
        if place == 0:
            self._put_right.add(id(unit))
            self.settling.known += (after != self._silent) - (before != self._silent)

    def _look(self, arm: int) -> None:
        """Look at what changed: at one comparison, or at all where the first arm did."""
        for one in self.against:
            if arm in (0, one.arm) and one.arm not in self.out:
                found = self.interval(one.arm)
                if found is not None:
                    one.see(self.entered[0] + self.entered[one.arm], found)

    def _told(self, one: Against) -> dict[str, Any]:
        now = self.interval(one.arm)
        test = self.tests[0]
        return {
            "arm": one.arm,
            "found": one.found,
            "found_at": None if one.found_at is None else one.found_at[0],
            "value": None if now is None else now.value,
            "low": None if now is None else now.low,
            "high": None if now is None else now.high,
            "lacks": test.lacks(self.means[one.arm][0], self.means[0][0]),
            "series": [list(point) for point in one.series.points],
        }


def _alphas(design: Design) -> list[float]:
    """Return alpha of each measure's intervals: the goal's over its arms, harm's over arms and guardrails."""
    rivals = len(design.shares) - 1
    guarded = design.alpha_harm / max(1, len(design.guardrails)) / rivals
    # a guardrail asks one side only, so its two-sided interval has twice the level
    return [design.alpha / rivals, *[min(0.49, 2 * guarded)] * len(design.guardrails)]


def _harms(design: Design) -> dict[int, dict[int, Attribution]]:
    """Return the tests of harm: by the place of their measure, then by arm."""
    rivals = range(1, len(design.shares))
    alpha = design.alpha_harm / max(1, len(design.guardrails)) / len(rivals)
    return {
        place: {arm: Attribution(design.tolerance, alpha) for arm in rivals}
        for place, one in enumerate(design.measures)
        if place and one.is_event
    }

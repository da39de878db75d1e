"""A Lack: what a gate that waits is short of, and how long that takes as things go.

If both arms go on as they did, after how many times the units would the gate open? That is looked
up by halving, on the very bounds that decide. It is a forecast, and decides nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from volano.releases.gate import Gate
from volano.releases.gates.evidence import Evidence
from volano.releases.gates.promotion import worst_loss
from volano.releases.gates.step import Step
from volano.releases.plan import Plan
from volano.releases.stage import Stage
from volano.stats.average import RunningMean
from volano.stats.quantile import QuantileRatio
from volano.stats.ratio import LEAST, MeanRatio

MOST_TIMES = 1_000.0
CLOSE = 1.05


@dataclass(frozen=True, slots=True)
class Lack:
    """So many units of the candidate more, and so many seconds; None: never, as it is, or not known."""

    metric: str
    units: int | None
    seconds: float | None
    left_s: float
    """How long the step may still take before it is overdue."""

    @property
    def in_time(self) -> bool:
        """Whether it can be shown before the step is overdue."""
        return self.seconds is not None and self.seconds <= self.left_s

    def __str__(self) -> str:
        if self.units is None:
            return f"{self.metric}: cannot be shown with this margin as it is"
        text = f"{self.metric}: about {_rough(self.units):,} more candidate units"
        if self.seconds is None:
            return text
        text += f", {_while(self.seconds)} at this rate"
        return text if self.in_time else f"{text}, longer than this step may take"


def lack(plan: Plan, metric: str, stage: Stage, evidence: Evidence, waited_s: float) -> Lack | None:
    """Return what a metric is short of at this step; None while nothing can be said yet."""
    gate, step = evidence.gates[metric], evidence.step(stage.share)
    mine, others = step.n(metric)
    if not mine or not others or waited_s <= 0:
        return None
    left_s = max(0.0, plan.longest_s(stage) - waited_s)
    times = _times(plan, gate, step)
    if times is None:
        return Lack(metric, None, None, left_s)
    more = max(1, ceil(mine * (times - 1)))
    return Lack(metric, more, more * waited_s / mine, left_s)


def of_units(plan: Plan, stage: Stage, evidence: Evidence, waited_s: float) -> Lack | None:
    """Return how many units the step is short of; None where it is not, or nothing can be said."""
    seen = evidence.step(stage.share).units
    more = (stage.units or plan.min_units) - seen
    if more <= 0 or not seen or waited_s <= 0:
        return None
    left_s = max(0.0, plan.longest_s(stage) - waited_s)
    return Lack("units", more, more * waited_s / seen, left_s)


def _times(plan: Plan, gate: Gate, step: Step) -> float | None:
    """Return after how many times the units it would pass; None: not after a thousand times."""
    if not gate.is_relative:
        mine, others = step.means["candidate", gate.name], step.baseline(gate.name)
        return _least(
            lambda k: worst_loss(plan, gate, _grown(mine, k), _grown(others, k)) <= gate.margin
        )
    test = step.ratios[gate.name]
    if isinstance(test, QuantileRatio):
        return _least(lambda k: test.stays_below(gate.margin, k))
    if not test.ready:
        return max(1.0, LEAST / max(1, min(one.n for one in test.arms)))
    return _least(lambda k: _inside(test, gate.margin, k))


def _inside(test: MeanRatio, margin: float, times: float) -> bool:
    found = test.interval(times)
    return found is not None and found.high <= 1 + margin


def _least(holds: Callable[[float], bool]) -> float | None:
    """Return the least factor that suffices, to within 5 %; it is looked for only so far."""
    low, high = 1.0, MOST_TIMES
    if not holds(high):
        return None
    while high / low > CLOSE:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _grown(mean: RunningMean, times: float) -> RunningMean:
    """Return the mean as it would be after so many times the units, alike."""
    grown = RunningMean()
    grown.n = ceil(mean.n * times)
    grown.total = min(float(grown.n), mean.total * grown.n / mean.n)
    return grown


def _rough(units: int) -> int:
    """Return two digits of a forecast: no more of it is known."""
    return max(1, round(units, 2 - len(str(units))))


def _while(seconds: float) -> str:
    for name, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(1, seconds):.0f} s"

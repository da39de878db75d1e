"""A Step: what was seen at one share of the candidate, each unit once in each arm.

Rates and scores keep a running mean of each arm; what has a tail keeps the comparison of the
candidate with its baseline cohort. A step's gate reads only calls that were assigned at this
step's share: there the arms see the same moments, so a rate that drifts moves both. Pooling
steps of 5 % and 25 % would compare a late candidate with an early baseline.
"""

from collections.abc import Iterable
from typing import Any, Literal

from volano.core.errors import InvalidError
from volano.releases.gate import Gate
from volano.stats.average import RunningMean
from volano.stats.quantile import QuantileRatio
from volano.stats.ratio import MeanRatio

Arm = Literal["stable", "candidate", "baseline"]
ARMS: tuple[Arm, ...] = ("stable", "candidate")
COHORT: Arm = "baseline"
"""The cohort of stable that is as large as the candidate's share."""

Ratio = MeanRatio | QuantileRatio

MAX_UNITS = 100_000


class UnknownArmError(InvalidError):
    """A call was counted for the arm `{arm}`, which a rollout does not have."""

    hint = "Arms are `stable`, `candidate` and `baseline`."


class Step:
    """What was seen at one share: by arm the means of rates and scores, and the ratios."""

    def __init__(self, gates: Iterable[Gate] = (), alpha: float = 0.05, *, cohort: bool = False):
        means = [one.name for one in gates if not one.is_relative]
        self.means = {(arm, name): RunningMean() for arm in (*ARMS, COHORT) for name in means}
        self.ratios = {one.name: ratio(one, alpha) for one in gates if one.is_relative}
        self.others: Arm = COHORT if cohort else "stable"
        """Which arm the candidate's tails are compared with."""
        self._seen: set[tuple[str, str, str]] = set()

    def observe(self, metric: str, arm: Arm, unit: str, value: float) -> None:
        """Take a unit's first value of this metric in this arm; later ones count no more."""
        key = (metric, arm, unit)
        if key in self._seen or self._full(metric):
            return
        if metric in self.ratios:
            if arm not in ("candidate", self.others):
                return
            self.ratios[metric].observe(arm == "candidate", value)
        else:
            self.means[arm, metric].observe(value)
        self._seen.add(key)

    def baseline(self, metric: str) -> RunningMean:
        """Return the mean of all that had the old release: stable, and its cohort."""
        both = RunningMean()
        for arm in ("stable", COHORT):
            both.n += self.means[arm, metric].n
            both.total += self.means[arm, metric].total
        return both

    def n(self, metric: str) -> tuple[int, int]:
        """Return how many units of the candidate, and of what it is compared with, were counted."""
        if metric in self.ratios:
            others, mine = self.ratios[metric].arms
            return mine.n, others.n
        return self.means["candidate", metric].n, self.baseline(metric).n

    @property
    def units(self) -> int:
        """The candidate's units, by the measure that saw most of them."""
        return max((self.n(name)[0] for name in self._names()), default=0)

    def to_dict(self) -> dict[str, Any]:
        """Return what was seen in plain values."""
        shown = {
            f"{arm}_{name}": mean.to_dict()
            for (arm, name), mean in self.means.items()
            if arm != COHORT or mean.n
        }
        return shown | {name: one.to_dict() for name, one in self.ratios.items()}

    def _names(self) -> tuple[str, ...]:
        return (*dict.fromkeys(name for _, name in self.means), *self.ratios)

    def _full(self, metric: str) -> bool:
        return sum(self.n(metric)) >= MAX_UNITS


def ratio(gate: Gate, alpha: float) -> Ratio:
    """Return the comparison of two arms that a gate of tails makes."""
    if gate.kind == "quantile":
        return QuantileRatio(gate.p, margin=gate.margin, tolerated=gate.tolerance, alpha=alpha)
    return MeanRatio(logged=gate.logged, margin=gate.margin, tolerated=gate.tolerance, alpha=alpha)


def known(arm: str) -> None:
    """Make sure that a rollout has this arm.

    Raises:
        UnknownArmError: it has not.
    """
    if arm not in (*ARMS, COHORT):
        raise UnknownArmError(arm=str(arm)[:40])

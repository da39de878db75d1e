"""What a rollout has seen: fed with outcomes in order, read by the gates.

A unit counts once: by its *first* failure for harm, by its first call and its first score at
each step. The unit counted must be the unit assigned, else one unlucky user with a hundred
failures is taken for a hundred users. The weight of a failure is the candidate's share when
that call was assigned, so shares may change between steps.
"""

from collections import deque
from typing import Any

from volano.releases.gate import ERRORS, QUALITY, Gate
from volano.releases.gates.step import ARMS, COHORT, Arm, Step, known, ratio
from volano.releases.pairs.evidence import PairEvidence
from volano.releases.plan import Plan
from volano.releases.stage import WHOLE
from volano.stats.attribution import Attribution
from volano.stats.blocks import BlockTest
from volano.stats.quantile import QuantileRatio
from volano.stats.ratio import MeanRatio

Harm = Attribution | BlockTest | MeanRatio | QuantileRatio


class Evidence:
    """What a rollout has seen so far.

    A step counts up to 100,000 units of a metric and then only watches for
    harm, so that memory has a limit.
    """

    def __init__(self, plan: Plan):
        self.gates = {one.name: one for one in plan.gates}
        alpha = plan.alpha_users / len(self.gates)
        self.harm: dict[str, Any] = {name: _harm(one, alpha) for name, one in self.gates.items()}
        self.calls: dict[Arm, int] = dict.fromkeys(ARMS, 0)
        self.guard_tripped = False
        self.pairs = PairEvidence(plan)
        self._plan = plan
        self._cohorts = {one.share for one in plan.stages if one.cohort}
        self._steps: dict[int, Step] = {}
        self._failed: set[tuple[str, str]] = set()
        self._recent: deque[bool] = deque(maxlen=plan.guard.of)

    def observe_call(self, unit: str, arm: Arm, share: int, failed: bool) -> None:
        """Take one finished call. `share`: the candidate's, in millionths, when it was assigned.

        Raises:
            UnknownArmError: a rollout has no such arm.
        """
        known(arm)
        side: Arm = "stable" if arm == COHORT else arm
        self.calls[side] += 1
        if arm == "candidate":
            self._recent.append(failed)
            self.guard_tripped |= sum(self._recent) >= self._plan.guard.failed
        self._observe(ERRORS, unit, arm, share, value=float(failed), bad=failed)

    def observe_score(self, unit: str, arm: Arm, share: int, value: float) -> None:
        """Take one score in [0, 1], 1 is good. `share` as at the call that is scored.

        Raises:
            UnknownArmError: a rollout has no such arm.
            StatsInputError: the value is not inside [0, 1].
        """
        known(arm)
        self._observe(QUALITY, unit, arm, share, value=value, bad=value < self._plan.bad_below)

    def observe(self, metric: str, unit: str, arm: Arm, share: int, value: float) -> None:
        """Take a unit's value of any other measure: 1 for what happened, a score, an amount.

        Raises:
            UnknownArmError: a rollout has no such arm.
            StatsInputError: the value is not inside its range.
        """
        known(arm)
        self._observe(metric, unit, arm, share, value=value, bad=value > 0)

    def step(self, share: int) -> Step:
        """Return what was seen at this share; an empty step when nothing was."""
        return self._steps.get(share) or self._fresh(share)

    def has(self, metric: str) -> bool:
        """Say whether this metric was ever seen during the rollout."""
        return any(any(step.n(metric)) for step in self._steps.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        return {
            "calls": dict(self.calls),
            "guard_tripped": self.guard_tripped,
            "pairs": self.pairs.to_dict(),
            "harm": {name: test.to_dict() for name, test in self.harm.items()},
            "steps": {str(share): step.to_dict() for share, step in sorted(self._steps.items())},
        }

    def _observe(
        self, metric: str, unit: str, arm: Arm, share: int, *, value: float, bad: bool
    ) -> None:
        if metric not in self.harm or not 0 < share < WHOLE:
            return  # without chance in the assignment there is nothing to compare
        step = self._steps.get(share)
        if step is None:
            step = self._steps[share] = self._fresh(share)
        step.observe(metric, arm, unit, value)
        test = self.harm[metric]
        if isinstance(test, Attribution):
            if bad and self._first(metric, unit):
                test.observe(arm == "candidate", share / WHOLE)
            return
        compared = isinstance(test, BlockTest) or arm in ("candidate", step.others)
        if compared and self._first(f"{metric}/{arm == 'candidate'}", unit):
            test.observe(arm == "candidate", value)

    def _first(self, what: str, unit: str) -> bool:
        if (what, unit) in self._failed:
            return False
        self._failed.add((what, unit))
        return True

    def _fresh(self, share: int) -> Step:
        gates, alpha = tuple(self.gates.values()), self._plan.alpha_promote
        return Step(gates, alpha, cohort=share in self._cohorts)


def _harm(gate: Gate, alpha: float) -> Harm:
    if gate.kind == "event" or gate.name == QUALITY:
        return Attribution(gate.tolerance, alpha)
    if gate.kind == "score":
        return BlockTest(gate.tolerance, alpha)
    return ratio(gate, alpha)

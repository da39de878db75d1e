"""What the evidence says: harm, promotion, guard. Counted once for each unit.

Two questions, two kinds of test, both valid at every look:

Harm, over the whole rollout: of all first failures, do too many belong to the
candidate? (`stats.attribution`; alpha_harm split evenly over the metrics, as
any one of them takes the rollout back.) A unit counts by its *first* failure
alone: the unit counted must be the unit assigned, else one unlucky user with a
hundred failures is taken for a hundred users. The weight is the candidate's
share when that call was assigned, so shares may change between steps.

Promotion, at each step anew: is the candidate inside the absolute margin? Both
arms get a bound on their running mean (`stats.average`), alpha_promote split
4 : 1, the larger part to the candidate, the smaller arm:

    errors:   upper(candidate) - lower(baseline) <= margin
    quality:  lower(candidate) - upper(baseline) >= -margin

Bound against bound, not against the baseline's point estimate, which is
uncertain too. Were the truth outside the margin, the gate could open only if
one of the bounds failed: chance at most alpha_promote over all looks at this
step. All metrics must pass, so alpha is not split over metrics. No ratio is
taken, so no errors in either arm passes: 75 candidate units without an error
suffice for a margin of 5 points at alpha_promote = 0.05. That is the least it
can take: one error among them asks for about 150, two for 200.

A step's gate reads only calls that were assigned at this step's share: there
the arms see the same moments, so a rate that drifts moves both. Pooling steps
of 5 % and 25 % would compare a late candidate with an early baseline.
A unit counts once a step and arm, by its first call and its first score there.
"""

import math
from collections import deque
from typing import Any, Literal

from volano.core.errors import InvalidError
from volano.core.verdict import Outcome, Verdict
from volano.releases.pairs.evidence import PairEvidence
from volano.releases.plan import ERRORS, QUALITY, Plan
from volano.releases.stage import WHOLE, Stage, percent
from volano.stats.attribution import Attribution
from volano.stats.average import RunningMean

Arm = Literal["stable", "candidate"]
ARMS: tuple[Arm, ...] = ("stable", "candidate")

CANDIDATE_PART = 0.8
MAX_UNITS = 100_000


class UnknownArmError(InvalidError):
    """A call was counted for the arm `{arm}`, which a rollout does not have."""

    hint = "Arms are `stable` and `candidate`."


class Step:
    """What was seen at one share: each arm's running mean of errors and of scores."""

    def __init__(self) -> None:
        self.means = {(arm, name): RunningMean() for arm in ARMS for name in (ERRORS, QUALITY)}
        self._seen: set[tuple[str, str, str]] = set()

    def observe(self, metric: str, arm: Arm, unit: str, value: float) -> None:
        """Take a unit's first value of this metric in this arm; later ones count no more."""
        key = (metric, arm, unit)
        if key in self._seen or self._full(metric):
            return
        self.means[arm, metric].observe(value)
        self._seen.add(key)

    def _full(self, metric: str) -> bool:
        return sum(self.means[arm, metric].n for arm in ARMS) >= MAX_UNITS


class Evidence:
    """What a rollout has seen so far: fed with outcomes in order, read by `decide`.

    A step counts up to 100,000 units of a metric and then only watches for
    harm, so that memory has a limit.
    """

    def __init__(self, plan: Plan):
        alpha = plan.alpha_users / len(plan.margins)
        self.harm = {name: Attribution(plan.tolerances[name], alpha) for name in plan.margins}
        self.calls = dict.fromkeys(ARMS, 0)
        self.guard_tripped = False
        self.pairs = PairEvidence(plan)
        self._plan = plan
        self._steps: dict[int, Step] = {}
        self._failed: set[tuple[str, str]] = set()
        self._recent: deque[bool] = deque(maxlen=plan.guard.of)

    def observe_call(self, unit: str, arm: Arm, share: int, failed: bool) -> None:
        """Take one finished call. `share`: the candidate's, in millionths, when it was assigned.

        Raises:
            UnknownArmError: the arm is neither `stable` nor `candidate`.
        """
        _known(arm)
        self.calls[arm] += 1
        if arm == "candidate":
            self._recent.append(failed)
            self.guard_tripped |= sum(self._recent) >= self._plan.guard.failed
        self._observe(ERRORS, unit, arm, share, value=float(failed), bad=failed)

    def observe_score(self, unit: str, arm: Arm, share: int, value: float) -> None:
        """Take one score in [0, 1], 1 is good. `share` as at the call that is scored.

        Raises:
            UnknownArmError: the arm is neither `stable` nor `candidate`.
            StatsInputError: the value is not inside [0, 1].
        """
        _known(arm)
        self._observe(QUALITY, unit, arm, share, value=value, bad=value < self._plan.bad_below)

    def step(self, share: int) -> Step:
        """Return what was seen at this share; an empty step when nothing was."""
        return self._steps.get(share) or Step()

    def has(self, metric: str) -> bool:
        """Say whether this metric was ever seen during the rollout."""
        return any(step.means[arm, metric].n for step in self._steps.values() for arm in ARMS)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        return {
            "calls": dict(self.calls),
            "guard_tripped": self.guard_tripped,
            "pairs": self.pairs.to_dict(),
            "harm": {name: test.to_dict() for name, test in self.harm.items()},
            "steps": {
                str(share): {f"{a}_{name}": mean.to_dict() for (a, name), mean in s.means.items()}
                for share, s in sorted(self._steps.items())
            },
        }

    def _observe(
        self, metric: str, unit: str, arm: Arm, share: int, *, value: float, bad: bool
    ) -> None:
        if metric not in self.harm or not 0 < share < WHOLE:
            return  # without chance in the assignment there is nothing to compare
        self._steps.setdefault(share, Step()).observe(metric, arm, unit, value)
        if bad and (metric, unit) not in self._failed:
            self._failed.add((metric, unit))
            self.harm[metric].observe(arm == "candidate", share / WHOLE)


def guard(plan: Plan, evidence: Evidence) -> Verdict:
    """Say whether the candidate's calls fail one after another."""
    facts = {"gate": "guard", "rule": str(plan.guard), "calls": evidence.calls["candidate"]}
    if evidence.guard_tripped:
        return Verdict("fail", f"guard: {plan.guard} at the candidate", facts)
    return Verdict("pass", f"guard: the candidate never had {plan.guard}", facts)


def harm(metric: str, evidence: Evidence) -> Verdict:
    """Say whether it is proven that the candidate fails too often against the baseline."""
    test = evidence.harm[metric]
    facts = {"gate": "harm", "metric": metric, **test.to_dict()}
    what = "failed" if metric == ERRORS else "scored low"
    counts = f"{test.candidate} candidate and {test.baseline} baseline units {what}"
    limit = "more often than at the baseline"
    if test.ratio > 1:
        limit = f"more than {test.ratio:g} times as often"
    if test.rejected:
        numbers = f"e = {test.peak:.3g}, {1 / test.alpha:.3g} is proof"
        return Verdict("fail", f"{metric}: {counts}, which is {limit} ({numbers})", facts)
    numbers = f"e = {test.e_value:.2g} of {1 / test.alpha:.3g}"
    return Verdict("pass", f"{metric}: {counts}; {limit} is not proven ({numbers})", facts)


def units(plan: Plan, stage: Stage, evidence: Evidence) -> Verdict:
    """Say whether the candidate served enough units at this step."""
    means = evidence.step(stage.share).means
    needed = stage.units or plan.min_units
    seen = max(means["candidate", metric].n for metric in (ERRORS, QUALITY))
    facts = {"gate": "units", "seen": seen, "needed": needed, "share": stage.share}
    outcome: Outcome = "pass" if seen >= needed else "wait"
    text = f"units: {seen} of {needed} candidate units at {percent(stage.share)}"
    return Verdict(outcome, text, facts)


def time(stage: Stage, waited_s: float) -> Verdict:
    """Say whether the step has lasted as long as it must at least."""
    facts = {"gate": "time", "waited_s": round(waited_s, 1), "at_least_s": stage.at_least_s}
    outcome: Outcome = "pass" if waited_s >= stage.at_least_s else "wait"
    return Verdict(outcome, f"time: {waited_s:.0f} of {stage.at_least_s:g} s at this step", facts)


def promotion(plan: Plan, metric: str, evidence: Evidence, share: int) -> Verdict:
    """Say whether the candidate is proven inside (pass) or outside (fail) the margin."""
    means = evidence.step(share).means
    candidate, stable = means["candidate", metric], means["stable", metric]
    mine = candidate.to_dict(plan.alpha_promote * CANDIDATE_PART)
    theirs = stable.to_dict(plan.alpha_promote * (1 - CANDIDATE_PART))
    best, worst = _loss_bounds(metric, mine, theirs)
    margin = plan.margins[metric]
    facts = {
        "gate": "promotion",
        "metric": metric,
        "share": share,
        "margin": margin,
        "alpha": plan.alpha_promote,
        "loss_low": best,
        "loss_high": worst,
        "candidate": mine,
        "stable": theirs,
    }
    counts = f"{_counts(metric, candidate)} against {_counts(metric, stable)}"
    if not candidate.n or not stable.n:
        lacking = "candidate" if not candidate.n else "baseline"
        return Verdict("wait", f"{metric}: no data of the {lacking} at this step yet", facts)
    rest = f"{100 * margin:g} points allowed ({counts})"
    limit = _limit(metric, worst)
    if worst <= margin:
        return Verdict("pass", f"{metric}: {limit}, {rest}", facts)
    if best > margin:
        least = -_rounded_up(-best)
        return Verdict("fail", f"{metric}: at least {least} points worse, {rest}", facts)
    return Verdict("wait", f"{metric}: {limit} so far, {rest}", facts)


def _limit(metric: str, worst: float) -> str:
    """Say how much worse the candidate is at most; below zero it is better for sure."""
    if worst < 0:
        return f"at least {-_rounded_up(worst)} points better"
    return f"at most {_rounded_up(worst)} points {'more errors' if metric == ERRORS else 'worse'}"


def _loss_bounds(
    metric: str, candidate: dict[str, Any], stable: dict[str, Any]
) -> tuple[float, float]:
    """Return at least and at most how much worse the candidate is."""
    high, low = candidate["high"] - stable["low"], candidate["low"] - stable["high"]
    return (low, high) if metric == ERRORS else (-high, -low)


def _counts(metric: str, mean: RunningMean) -> str:
    if metric == ERRORS:
        return f"{mean.total:.0f} of {mean.n} units"
    return f"{100 * (mean.mean or 0):.1f} % on {mean.n} units"


def _rounded_up(value: float) -> float:
    """Return percent points with one decimal, so rounded that no bound looks better than it is."""
    return math.ceil(value * 1000 - 1e-6) / 10


def _known(arm: str) -> None:
    if arm not in ARMS:
        raise UnknownArmError(arm=str(arm)[:40])

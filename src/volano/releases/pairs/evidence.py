"""What the pairs of a rollout prove, at every look, counted once for each unit.

Both answers are to the same call, so what makes a question hard weighs on both, and on the
difference hardly at all. With losses l (1 for a failed answer, or 1 - score) and a tolerated
ratio r,

    x = (l_copy - r l_original + r) / (1 + r)        in [0, 1]

has a mean of at most r / (1 + r) while the candidate loses at most r times as much. For r = 1
that is x = (score_original - score_copy + 1) / 2 against 1/2. Harm is a proof that the mean is
higher. Promotion is a proof that the mean of (l_original - l_copy + 1) / 2 is above
(1 - margin) / 2: the candidate is less than the margin worse. Both are bets aimed at the
margin (`stats.aimed`).

A unit counts by its first pair for errors, and by its first pair that was scored for a judge:
its second question is not another coin toss. A judge's pairs are those that both answered;
those that did not are errors.

Pairs take half of the plan's `alpha_harm`, the users' calls keep the other (`Plan.alpha_users`).
Of that half four parts of five are for scores: a difference between scores is small and
takes hundreds of pairs, one between failures is seen soon.
"""

import math
from dataclasses import dataclass
from typing import Any

from volano.monitor.evaluators.evaluator import Evaluator
from volano.releases.pairs.pair import Pair
from volano.releases.plan import ERRORS, QUALITY, Plan
from volano.stats.aimed import AimedTest
from volano.stats.betting import MeanBounds

JUDGED_PART = 0.8
MOST = 20_000
"""Units that a comparison counts; later ones change nothing."""
CELLS = 400
OWN = "release.pairs."
"""Begins the names of scores that a step's judge was asked for (`judging`)."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What two answers cost, or took, together: `ratio` is the copy's by the original's."""

    n: int = 0
    original: float = 0.0
    copy: float = 0.0

    def plus(self, both: tuple[float, float] | None) -> "Sums":
        """Return them with another pair, where there is one."""
        if both is None:
            return self
        return Sums(self.n + 1, self.original + both[0], self.copy + both[1])

    @property
    def ratio(self) -> float | None:
        """The copy's by the original's; None where there is none."""
        return self.copy / self.original if self.original else None


class Compared:
    """One measure over pairs: harm, non-inferiority, and an interval of the difference."""

    def __init__(self, *, ratio: float, margin: float, harm: float, promote: float):
        self.ratio, self.margin = ratio, margin
        self.harm = AimedTest(ratio / (1 + ratio), margin / (1 + ratio), harm)
        self.within = AimedTest((1 - margin) / 2, margin / 2, promote)
        self.bounds = MeanBounds(promote, CELLS)
        self._units: set[str] = set()
        self.original = self.copy = 0.0

    @property
    def n(self) -> int:
        """Units counted."""
        return len(self._units)

    def observe(self, unit: str, original: float, copy: float) -> bool:
        """Take the losses of a unit's pair; return whether it counted."""
        if unit in self._units or self.n >= MOST:
            return False
        self._units.add(unit)
        self.harm.observe((copy - self.ratio * original + self.ratio) / (1 + self.ratio))
        better = (original - copy + 1) / 2
        self.within.observe(better)
        self.bounds.observe(better)
        self.original += original
        self.copy += copy
        return True

    @property
    def difference(self) -> float | None:
        """How much better the copies are on average (below zero: worse)."""
        return (self.original - self.copy) / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the difference that hold at every look, cut where a test has proven more."""
        low, high = (2 * bound - 1 for bound in self.bounds.interval)
        if self.harm.rejected and self.ratio == 1:
            high = min(high, 0.0)
        if self.within.rejected:
            low = max(low, -self.margin)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        low, high = self.interval
        return {
            "n": self.n, "difference": self.difference, "low": low, "high": high,
            "original": self.original, "copy": self.copy, "margin": self.margin,
            "harm": self.harm.to_dict(), "within": self.within.to_dict(),
        }  # fmt: skip


class PairEvidence:
    """All pairs of a rollout: tallies of all, tests on one of each unit."""

    def __init__(self, plan: Plan):
        self.pairs = self.left_out = self.equal = self.differing = 0
        self.failed, self.formless, self.refused = [0, 0], [0, 0], [0, 0]
        self.cost, self.latency = Sums(), Sums()
        shadows = [one for one in plan.stages if one.kind == "shadow"]
        judges = (
            tuple(dict.fromkeys(one.judge for one in shadows)) if QUALITY in plan.margins else ()
        )
        self.scored = {name: _compared(plan, QUALITY, len(judges)) for name in judges}
        self.errors = _compared(plan, ERRORS, 1) if shadows and ERRORS in plan.margins else None

    def observe(self, pair: Pair) -> None:
        """Take a pair, with what is known of it without asking anybody."""
        self.pairs += 1
        self.equal += pair.equal is True
        self.differing += pair.equal is False
        for at, side in enumerate((pair.original, pair.copy)):
            self.failed[at] += side.failed
            self.formless[at] += side.formless
            self.refused[at] += side.refused
        self.cost = self.cost.plus(pair.costs)
        took = pair.latencies_us
        logs = took and (math.log(max(1, took[0])), math.log(max(1, took[1])))
        self.latency = self.latency.plus(logs or None)
        if self.errors is not None:
            self.errors.observe(pair.unit, float(pair.original.failed), float(pair.copy.failed))

    def wants(self, name: str) -> bool:
        """Say whether scores of this name count for something."""
        return "" in self.scored or self._judge(name) is not None

    def score(self, unit: str, name: str, original: float, copy: float) -> None:
        """Take the scores, in [0, 1], that both answers of a unit's pair were given.

        A step without a judge of its own takes whatever score both have first.
        """
        for judge in (self._judge(name), ""):
            if judge is not None and judge in self.scored:
                self.scored[judge].observe(unit, 1 - original, 1 - copy)

    def _judge(self, name: str) -> str | None:
        """Return the judge of a step that this is a score of."""
        for judge in filter(None, self.scored):
            if name == judge or name == own_name(judge):
                return judge
        return None

    @property
    def slower(self) -> float | None:
        """How many times as long the copies took, in the geometric mean."""
        n = self.latency.n
        return math.exp((self.latency.copy - self.latency.original) / n) if n else None

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values; of `failed` and the like first the originals'."""
        return {
            "pairs": self.pairs, "left_out": self.left_out, "equal": self.equal,
            "differing": self.differing, "failed": list(self.failed),
            "formless": list(self.formless), "refused": list(self.refused),
            "cost": {"n": self.cost.n, "original": self.cost.original, "copy": self.cost.copy,
                     "ratio": self.cost.ratio},
            "latency_ratio": self.slower,
            "errors": self.errors and self.errors.to_dict(),
            "scored": {name: one.to_dict() for name, one in self.scored.items()},
        }  # fmt: skip


def own_name(judge: str) -> str:
    """Return under which name the scores of a step's judge are told: `release.pairs.helpful`."""
    return Evaluator(OWN.rstrip(".")).metric(judge.partition("@")[0])


def _compared(plan: Plan, metric: str, among: int) -> Compared:
    judged = JUDGED_PART if QUALITY in plan.margins else 0.0
    part = judged if metric == QUALITY else 1 - judged
    return Compared(
        ratio=plan.tolerances[metric], margin=plan.margins[metric],
        harm=plan.alpha_shadow * part / among, promote=plan.alpha_promote,
    )  # fmt: skip

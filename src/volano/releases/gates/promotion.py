"""Promotion, at each step anew: is the candidate proven inside the margin?

Rates and scores: both arms get a bound on their running mean (`stats.average`), alpha_promote
split 4 : 1, the larger part to the candidate, the smaller arm:

    rates:    upper(candidate) - lower(baseline) <= margin
    scores:   lower(candidate) - upper(baseline) >= -margin

Bound against bound, not against the baseline's point estimate, which is
uncertain too. Were the truth outside the margin, the gate could open only if
one of the bounds failed: chance at most alpha_promote over all looks at this
step. No ratio is taken, so no errors in either arm passes: 75 candidate units without an error
suffice for a margin of 5 points at alpha_promote = 0.05. That is the least it
can take: one error among them asks for about 150, two for 200.

Means and quantiles of what has a tail are ratios to the baseline cohort: upper(ratio) <= 1 + margin.
"""

import math
from typing import Any

from volano.core.verdict import Verdict
from volano.releases.gate import ERRORS, Gate
from volano.releases.gates.evidence import Evidence
from volano.releases.gates.step import Step
from volano.releases.plan import Plan
from volano.stats.average import RunningMean
from volano.stats.quantile import QuantileRatio
from volano.stats.ratio import MeanRatio

CANDIDATE_PART = 0.8


def promotion(plan: Plan, metric: str, evidence: Evidence, share: int) -> Verdict:
    """Say whether the candidate is proven inside (pass) or outside (fail) the margin."""
    gate, step = evidence.gates[metric], evidence.step(share)
    if not gate.is_relative:
        return _bounded(plan, gate, step, share)
    mine, others = step.n(metric)
    facts = {
        "gate": "promotion", "metric": metric, "share": share, "margin": gate.margin,
        "alpha": plan.alpha_promote, **step.ratios[metric].to_dict(),
    }  # fmt: skip
    if not mine or not others:
        return Verdict("wait", _nothing(metric, mine), facts)
    test = step.ratios[metric]
    return _mean(gate, test, facts) if isinstance(test, MeanRatio) else _quantile(gate, test, facts)


def loss_bounds(
    plan: Plan, gate: Gate, mine: RunningMean, others: RunningMean
) -> tuple[float, float]:
    """Return at least and at most how much worse the candidate is."""
    a, b = plan.alpha_promote * CANDIDATE_PART, plan.alpha_promote * (1 - CANDIDATE_PART)
    high, low = mine.upper(a) - others.lower(b), mine.lower(a) - others.upper(b)
    return (low, high) if gate.kind == "event" else (-high, -low)


def worst_loss(plan: Plan, gate: Gate, mine: RunningMean, others: RunningMean) -> float:
    """Return at most how much worse the candidate is: half the work of both bounds."""
    a, b = plan.alpha_promote * CANDIDATE_PART, plan.alpha_promote * (1 - CANDIDATE_PART)
    if gate.kind == "event":
        return mine.upper(a) - others.lower(b)
    return others.upper(b) - mine.lower(a)


def _bounded(plan: Plan, gate: Gate, step: Step, share: int) -> Verdict:
    metric = gate.name
    candidate, stable = step.means["candidate", metric], step.baseline(metric)
    best, worst = loss_bounds(plan, gate, candidate, stable)
    facts = {
        "gate": "promotion",
        "metric": metric,
        "share": share,
        "margin": gate.margin,
        "alpha": plan.alpha_promote,
        "loss_low": best,
        "loss_high": worst,
        "candidate": candidate.to_dict(plan.alpha_promote * CANDIDATE_PART),
        "stable": stable.to_dict(plan.alpha_promote * (1 - CANDIDATE_PART)),
    }
    if not candidate.n or not stable.n:
        return Verdict("wait", _nothing(metric, candidate.n), facts)
    counts = f"{_counts(gate, candidate)} against {_counts(gate, stable)}"
    rest = f"{100 * gate.margin:g} points allowed ({counts})"
    limit = _limit(gate, worst)
    if worst <= gate.margin:
        return Verdict("pass", f"{metric}: {limit}, {rest}", facts)
    if best > gate.margin:
        least = -_rounded_up(-best)
        return Verdict("fail", f"{metric}: at least {least} points worse, {rest}", facts)
    return Verdict("wait", f"{metric}: {limit} so far, {rest}", facts)


def _mean(gate: Gate, test: MeanRatio, facts: dict[str, Any]) -> Verdict:
    others, mine = test.arms
    rest = f"{100 * gate.margin:g} % more allowed ({mine.n} units against {others.n})"
    found = test.interval()
    if found is None:
        return Verdict("wait", f"{gate.name}: not enough units to compare, {rest}", facts)
    facts |= {"loss_low": found.low - 1, "loss_high": found.high - 1}
    between = f"between {_percent(found.low)} and {_percent(found.high)}"
    return _ratio(gate, between, rest, facts, within=found.high <= 1 + gate.margin,
                  outside=found.low > 1 + gate.margin)  # fmt: skip


def _quantile(gate: Gate, test: QuantileRatio, facts: dict[str, Any]) -> Verdict:
    others, mine = test.arms
    now = f"{(mine.quantile(gate.p) or 0) / 1e6:.3g} s against {(others.quantile(gate.p) or 0) / 1e6:.3g} s"
    rest = f"{100 * gate.margin:g} % more allowed ({mine.n} units against {others.n})"
    return _ratio(gate, now, rest, facts, within=test.stays_below(gate.margin),
                  outside=test.exceeds(gate.margin))  # fmt: skip


def _ratio(
    gate: Gate, now: str, rest: str, facts: dict[str, Any], *, within: bool, outside: bool
) -> Verdict:
    if within:
        return Verdict("pass", f"{gate.name}: {now}, inside {rest}", facts)
    if outside:
        return Verdict("fail", f"{gate.name}: {now}, outside {rest}", facts)
    return Verdict("wait", f"{gate.name}: {now}, not proven inside {rest}", facts)


def _nothing(metric: str, mine: int) -> str:
    return f"{metric}: no data of the {'baseline' if mine else 'candidate'} at this step yet"


def _limit(gate: Gate, worst: float) -> str:
    """Say how much worse the candidate is at most; below zero it is better for sure."""
    if worst < 0:
        return f"at least {-_rounded_up(worst)} points better"
    more = {ERRORS: "more errors"}.get(gate.name, "worse" if gate.kind == "score" else "more")
    return f"at most {_rounded_up(worst)} points {more}"


def _counts(gate: Gate, mean: RunningMean) -> str:
    if gate.kind == "event":
        return f"{mean.total:.0f} of {mean.n} units"
    return f"{100 * (mean.mean or 0):.1f} % on {mean.n} units"


def _rounded_up(value: float) -> float:
    """Return percent points with one decimal, so rounded that no bound looks better than it is."""
    return math.ceil(value * 1000 - 1e-6) / 10


def _percent(ratio: float) -> str:
    """Return a ratio as more or less: 1.1 -> `+10.0 %`."""
    return f"{100 * (ratio - 1):+.1f} %".replace("-", "−")

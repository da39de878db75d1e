"""Gates that need no statistics: the count guard, whether it is up, units served, time."""

from volano.core.verdict import Outcome, Verdict
from volano.releases.gates.evidence import Evidence
from volano.releases.plan import Plan
from volano.releases.stage import Stage, percent


def guard(plan: Plan, evidence: Evidence) -> Verdict:
    """Say whether the candidate's calls fail one after another."""
    facts = {"gate": "guard", "rule": str(plan.guard), "calls": evidence.calls["candidate"]}
    if evidence.guard_tripped:
        return Verdict("fail", f"guard: {plan.guard} at the candidate", facts)
    return Verdict("pass", f"guard: the candidate never had {plan.guard}", facts)


def health(plan: Plan, down_s: float) -> Verdict:
    """Say whether what the candidate needs answers; where the old release's does, too, it is not asked."""
    facts = {"gate": "health", "down_s": round(down_s, 1), "most_s": plan.down_s}
    if not down_s:
        return Verdict("pass", "health: what the candidate needs answers", facts)
    text = f"health: what the candidate needs is down for {down_s:.0f} s, {plan.down_s:g} s are allowed"
    return Verdict("fail" if down_s > plan.down_s else "wait", text, facts)


def units(plan: Plan, stage: Stage, evidence: Evidence) -> Verdict:
    """Say whether the candidate served enough units at this step."""
    needed = stage.units or plan.min_units
    seen = evidence.step(stage.share).units
    facts = {"gate": "units", "seen": seen, "needed": needed, "share": stage.share}
    outcome: Outcome = "pass" if seen >= needed else "wait"
    text = f"units: {seen} of {needed} candidate units at {percent(stage.share)}"
    return Verdict(outcome, text, facts)


def time(stage: Stage, waited_s: float) -> Verdict:
    """Say whether the step has lasted as long as it must at least."""
    facts = {"gate": "time", "waited_s": round(waited_s, 1), "at_least_s": stage.at_least_s}
    outcome: Outcome = "pass" if waited_s >= stage.at_least_s else "wait"
    return Verdict(outcome, f"time: {waited_s:.0f} of {stage.at_least_s:g} s at this step", facts)

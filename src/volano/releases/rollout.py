"""A rollout's decision, pure: plan, place and evidence in; one action and its reasons out.

    guard tripped, harm proven, an alarm,
    or down for too long                -> back
    no baseline (first on its channel)  -> done
    engines are replaced one by one     -> advance when the next one is warm, back when it never is
    at 100 %                            -> done
    somebody paused it                  -> hold
    all gates of this step pass         -> advance, or done when the next step is 100 %
    longer than `at_most`               -> what the step says: hold, back, advance
    otherwise                           -> hold, and say what is missing

Going back comes before everything else, and the evidence for it never fades:
once it is `back`, more data cannot make it anything else.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from volano.core.verdict import Verdict
from volano.releases import gates
from volano.releases.errors import InvalidPlanError
from volano.releases.gates import Evidence, lack
from volano.releases.pairs.verdicts import pair_gates, pair_harm
from volano.releases.plan import Plan
from volano.releases.rolling import ALL, Replicas, first_share, gate, next_share
from volano.releases.stage import WHOLE, Stage, percent

Action = Literal["advance", "hold", "back", "done"]


@dataclass(frozen=True, slots=True)
class State:
    """Where a rollout stands: which step, since when, and whether there is a baseline.

    `since_us` is read from the same clock as `decide`'s `now_us`: a monotonic one.
    `paused` says in words who paused it and why, `alarm` which alert or budget wants it back;
    `down_s` how long what the candidate needs has not answered.
    """

    step: int = 0
    since_us: int = 0
    has_baseline: bool = True
    paused: str = ""
    share: int = WHOLE
    """The candidate's now: less than its step's while engines are replaced one by one."""
    replicas: Replicas = ALL
    alarm: str = ""
    """What an alert or a budget says against it."""
    down_s: float = 0.0
    """How long what it needs has not answered."""


ROLL_WITHIN_S = 60.0
"""How long an engine that replaces another may take until it is warm."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next, why, and the candidate's share (millionths) once it is done.

    `lacks` says of what waits how much it is short of, and how long that takes; with `overdue`
    the evidence is inconclusive.
    """

    action: Action
    reason: str
    share: int
    verdicts: tuple[Verdict, ...] = ()
    overdue: bool = False
    lacks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain = asdict(self)
        return {
            **plain,
            "lacks": list(self.lacks),
            "verdicts": [_plain(verdict) for verdict in self.verdicts],
        }


def decide(plan: Plan, state: State, evidence: Evidence, now_us: int) -> Decision:
    """Return what a rollout should do now.

    Raises:
        InvalidPlanError: the state names a step that the plan does not have.
    """
    if not 0 <= state.step < len(plan.stages):
        raise InvalidPlanError(why=f"it has no step {state.step + 1}")
    safety = _safety(plan, state, evidence)
    broken = [verdict.reason for verdict in safety if verdict.outcome == "fail"]
    if broken or state.alarm:
        reason = "Taken back: " + "; ".join((*broken, *filter(None, (state.alarm,)))) + "."
        return Decision("back", reason, 0, safety)
    if not state.has_baseline:
        reason = "The channel was empty: nothing to compare with, all traffic goes to it."
        return Decision("done", reason, WHOLE, safety)
    stage = plan.stages[state.step]
    if stage.kind == "rolling" and state.share < WHOLE:
        return _roll(stage, state, safety, max(0, now_us - state.since_us) / 1e6)
    if stage.share == WHOLE:
        return Decision("done", "All traffic goes to it.", WHOLE, safety)
    waited_s = max(0, now_us - state.since_us) / 1e6
    step_gates = _step_gates(plan, stage, evidence, waited_s)
    waiting = tuple(verdict for verdict in safety if verdict.outcome == "wait")
    verdicts, step_gates = safety + step_gates, step_gates + waiting
    if state.paused:
        return Decision("hold", f"Paused at {stage}: {state.paused}.", stage.share, verdicts)
    if all(step_gates):
        return _onwards(plan, state, verdicts, step_gates)
    lacks = _lacks(plan, stage, evidence, step_gates, waited_s)
    return _hold(plan, state, verdicts, step_gates, waited_s, lacks)


def over(plan: Plan, state: State, waits: Decision, why: str) -> Decision:
    """Return the decision to leave a step although what it waits for is not there."""
    stage = plan.stages[state.step]
    if stage.kind == "rolling" and state.share < WHOLE:  # one engine on, not all of them
        share = next_share(state.share, state.replicas)
        action: Action = "done" if share == WHOLE else "advance"
        reason = f"{stage}, {percent(state.share)} → {percent(share)}: skipped, {why}."
        return Decision(action, reason, share, waits.verdicts, waits.overdue)
    if state.step + 1 == len(plan.stages):
        return Decision("done", f"{stage}: skipped, {why}.", WHOLE, waits.verdicts, waits.overdue)
    reason = f"{stage} → {plan.stages[state.step + 1]}: skipped, {why}."
    return _step_to(plan, state, reason, waits.verdicts, overdue=waits.overdue)


def standing(plan: Plan, share: int, evidence: Evidence) -> tuple[Verdict, ...]:
    """Return what all gates say at the candidate's share, whatever is done about it."""
    stage = next((one for one in plan.stages if one.share == share), None)
    waits = _step_gates(plan, stage, evidence, 0) if stage is not None else ()
    return _safety(plan, State(), evidence) + waits


def _roll(stage: Stage, state: State, safety: tuple[Verdict, ...], waited_s: float) -> Decision:
    """Replace the next engine when its successor is warm; `at_least` is the time between two."""
    time = (gates.time(stage, waited_s),) if stage.at_least_s else ()
    waiting = (verdict for verdict in safety if verdict.outcome == "wait")
    mine = (gate(state.share, state.replicas, ROLL_WITHIN_S), *time, *waiting)
    verdicts, at = safety + mine, f"{stage}, {percent(state.share)}"
    if state.paused:
        return Decision("hold", f"Paused at {at}: {state.paused}.", state.share, verdicts)
    if mine[0].outcome == "fail":
        return Decision("back", f"Taken back: {mine[0].reason}.", 0, verdicts)
    if not all(mine):
        missing = "; ".join(verdict.reason for verdict in mine if not verdict)
        return Decision("hold", f"Stays at {at}: {missing}.", state.share, verdicts)
    share = next_share(state.share, state.replicas)
    action: Action = "done" if share == WHOLE else "advance"
    return Decision(action, f"{at} → {percent(share)}: {mine[0].reason}.", share, verdicts)


def _safety(plan: Plan, state: State, evidence: Evidence) -> tuple[Verdict, ...]:
    harms = (gates.harm(metric, evidence) for metric in plan.margins)
    down = (gates.health(plan, state.down_s),) if state.down_s else ()
    return (gates.guard(plan, evidence), *pair_harm(evidence.pairs), *harms, *down)


def _step_gates(
    plan: Plan, stage: Stage, evidence: Evidence, waited_s: float
) -> tuple[Verdict, ...]:
    """Return what this step waits for: time, then copies that were compared, or units served."""
    time = (gates.time(stage, waited_s),) if stage.at_least_s else ()
    if stage.kind == "shadow":
        return (*pair_gates(plan, stage, evidence.pairs), *time)
    demanded = [m for m in plan.margins if m in plan.required or evidence.has(m)]
    promotions = (gates.promotion(plan, metric, evidence, stage.share) for metric in demanded)
    return (gates.units(plan, stage, evidence), *promotions, *time)


def _onwards(
    plan: Plan, state: State, verdicts: tuple[Verdict, ...], step_gates: tuple[Verdict, ...]
) -> Decision:
    stage, following = plan.stages[state.step], plan.stages[state.step + 1]
    passed = "; ".join(verdict.reason for verdict in step_gates[1:]) or step_gates[0].reason
    return _step_to(plan, state, f"{stage} → {following}: {passed}.", verdicts)


def _step_to(
    plan: Plan,
    state: State,
    reason: str,
    verdicts: tuple[Verdict, ...],
    *,
    overdue: bool = False,
) -> Decision:
    following = plan.stages[state.step + 1]
    share = first_share(following, plan.stages[state.step].share, state.replicas)
    action: Action = "done" if share == WHOLE else "advance"
    return Decision(action, reason, share, verdicts, overdue)


def _hold(
    plan: Plan,
    state: State,
    verdicts: tuple[Verdict, ...],
    step_gates: tuple[Verdict, ...],
    waited_s: float,
    lacks: tuple[str, ...],
) -> Decision:
    stage = plan.stages[state.step]
    overdue = waited_s > plan.longest_s(stage)
    missing = "; ".join(verdict.reason for verdict in step_gates if not verdict)
    late = f"Overdue at {stage} after {waited_s:.0f} s"
    if overdue and stage.late == "back":
        reason = f"Taken back: {late}: inconclusive: {missing}."
        return Decision("back", reason, 0, verdicts, overdue, lacks)
    down = any(v.outcome != "pass" and v.evidence.get("gate") == "health" for v in verdicts)
    if overdue and stage.late == "advance" and not down:
        following = plan.stages[state.step + 1]
        reason = f"{stage} → {following}: {late}, and no harm is proven: {missing}."
        return _step_to(plan, state, reason, verdicts, overdue=overdue)
    start = late if overdue else f"Stays at {stage}"
    forecast = f" {'Inconclusive' if overdue else 'Missing'}: {'; '.join(lacks)}." if lacks else ""
    return Decision("hold", f"{start}: {missing}.{forecast}", stage.share, verdicts, overdue, lacks)


def _lacks(
    plan: Plan, stage: Stage, evidence: Evidence, step_gates: tuple[Verdict, ...], waited_s: float
) -> tuple[str, ...]:
    """Say of the gates that wait how much they are short of, where that can be forecast."""
    waits = [verdict.evidence for verdict in step_gates if verdict.outcome == "wait"]
    metrics = [facts["metric"] for facts in waits if facts.get("gate") == "promotion"]
    short = [lack.of_units(plan, stage, evidence, waited_s)]
    short += [lack.lack(plan, metric, stage, evidence, waited_s) for metric in metrics]
    return tuple(str(one) for one in short if one is not None)


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "evidence": dict(verdict.evidence),
    }

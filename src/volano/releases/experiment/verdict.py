"""What an experiment says now, in one sentence, and what is to be done. Pure.

the split is not what was asked         -> stop: no number of it can be trusted
guard tripped, or harm proven           -> that arm out; back, where it was the only one
each arm is found better, worse or same -> promote the winner, or say so and wait
otherwise                               -> hold, and say what is lacking

While much is told late, nothing is found, better or worse (`settling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from volano.core.verdict import Verdict
from volano.releases.experiment.against import Against
from volano.releases.experiment.evidence import Evidence
from volano.releases.experiment.measure import Measure
from volano.releases.stage import WHOLE
from volano.stats.difference import EVENTS, LEAST, Interval

Action = Literal["hold", "out", "back", "stop", "conclude"]
_NOUNS = {"user": "users", "session": "sessions", "request": "calls"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to do, why, and with which arms: those to take out, or the winner (0: the first)."""

    action: Action
    reason: str
    verdicts: tuple[Verdict, ...]
    arms: tuple[int, ...] = ()
    decided: bool = False
    overdue: bool = False
    winner: int | None = None
    settled: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        verdicts = [
            {"outcome": one.outcome, "reason": one.reason, "evidence": dict(one.evidence)}
            for one in self.verdicts
        ]
        return {
            "action": self.action, "reason": self.reason, "verdicts": verdicts,
            "decided": self.decided, "overdue": self.overdue, "winner": self.winner,
            "settled": self.settled,
        }  # fmt: skip


def decide(
    evidence: Evidence,
    names: Sequence[str],
    *,
    waited_s: float = 0.0,
    tripped: Mapping[int, str] | None = None,
) -> Judgement:
    """Return what to do now. `names` are what the arms are called; `tripped` guards by arm."""
    design = evidence.design
    split = _split(evidence)
    found = [_comparison(evidence, one, names) for one in evidence.against]
    harms = [verdict for _, verdict in _harms(evidence, names)]
    verdicts = (*found, split, *harms)
    if not split:
        return Judgement("stop", _sentence(f"stopped: {split.reason}"), verdicts)
    bad = {**_harmful(evidence, names), **(tripped or {})}
    bad = {arm: why for arm, why in bad.items() if arm not in evidence.out}
    if bad:
        left = len(design.shares) - 1 - len(evidence.out) - len(bad)
        reason = _sentence("taken back: " + "; ".join(bad.values()))
        return Judgement("out" if left else "back", reason, verdicts, tuple(sorted(bad)))
    overdue = waited_s > design.max_wait_s
    active = [one for one in evidence.against if one.arm not in evidence.out]
    decided = bool(active) and evidence.settled and all(one.found for one in active)
    reason = _sentence("; ".join(verdict.reason for verdict in found))
    winner = _winner(evidence, active) if evidence.settled else None
    over = (decided or (overdue and evidence.settled)) and design.then == "promote"
    if overdue and not decided:
        reason = f"Overdue after {_while(waited_s)}. {reason}"
    action: Action = "conclude" if over else "hold"
    return Judgement(action, reason, verdicts, (), decided, overdue, winner, evidence.settled)


def _winner(evidence: Evidence, active: Sequence[Against]) -> int | None:
    """Return the arm with the best mean of those proven better; the first where none can be any more."""
    better = [one.arm for one in active if one.found == "better"]
    sign = evidence.design.goal.sign
    if better:
        return max(better, key=lambda arm: sign * (evidence.means[arm][0].mean or 0.0))
    return 0 if all(one.found for one in active) else None


def _comparison(evidence: Evidence, one: Against, names: Sequence[str]) -> Verdict:
    """Say how an arm does against the first: as it was when it was found, else as it is now."""
    design, goal = evidence.design, evidence.design.goal
    b, a = names[one.arm], names[0]
    facts: dict[str, Any] = {
        "gate": "difference", "metric": goal.name, "arm": one.arm, "found": one.found,
        "detect": design.detect, "n": [evidence.entered[0], evidence.entered[one.arm]],
    }  # fmt: skip
    if one.arm in evidence.out:
        why = evidence.out[one.arm].removeprefix("Taken back: ").rstrip(".")
        return Verdict("fail", f"{b} was taken out: {why}", facts)
    now = evidence.interval(one.arm)
    if now is not None:
        facts |= {
            "value": now.value,
            "low": now.low,
            "high": now.high,
            "alpha": evidence.tests[0].alpha,
        }
    each = _each(evidence, one.arm)
    sure = f"{100 * (1 - design.alpha):g} %, valid at every look"
    if not evidence.settled:
        return Verdict("wait", _unsettled(evidence, f"{b} against {a}", each), facts)
    if one.found == "same":
        limit = goal.told(design.detect)
        return Verdict("pass", f"no difference larger than {limit} in {goal.name} between {b} and {a} "
                       f"({sure}); {each}", facts)  # fmt: skip
    if one.found:
        assert one.found_at is not None
        shown = now if now is not None and _excludes_zero(now) else one.found_at[1]
        words = _range(goal, shown)
        outcome: Literal["pass", "fail"] = "pass" if one.found == "better" else "fail"
        text = f"{b} does {one.found} than {a} in {goal.name} by {words} ({sure}); {each}"
        return Verdict(outcome, text, facts)
    return Verdict("wait", _undecided(evidence, one, now, f"{b} against {a}", each), facts)


def _undecided(evidence: Evidence, one: Against, now: Interval | None, who: str, each: str) -> str:
    goal = evidence.design.goal
    if now is None:
        least = min(evidence.means[arm][0].n for arm in (0, one.arm))
        if least < LEAST:
            lacking = f"{least} of the {LEAST} {_nouns(evidence)} that each arm must have"
        else:
            lacking = (
                f"{goal.name} must have happened, and not happened, {EVENTS:g} times in each arm"
            )
        return f"not decided: {who}: {lacking}; {each}"
    between = f"{_between(goal, now)} in {goal.name}"
    return f"not decided: {who}: {between}{_lacking(evidence, one)}; {each}"


def _unsettled(evidence: Evidence, who: str, each: str) -> str:
    window = _while(evidence.design.mature_s)
    return (
        f"not decided: {who}: much is told after the window, and values still change; "
        f"once few do for {window}, they count, else begin it again with a longer --mature; {each}"
    )


def _lacking(evidence: Evidence, one: Against) -> str:
    """Say how many units more are wanted, and how long that takes at the present pace."""
    lacks = evidence.tests[0].lacks(evidence.means[one.arm][0], evidence.means[0][0])
    if lacks is None:
        return ""
    rough = max(10, round(lacks, 1 - len(str(lacks)) + 1))
    shares = evidence.design.shares
    pace = evidence.pace * (shares[0] + shares[one.arm]) / WHOLE
    waiting = evidence.pending[0] + evidence.pending[one.arm]
    took = evidence.design.mature_s + max(0, lacks - waiting) / pace if pace else None
    when = f" at the present pace, {_while(took)}" if took is not None else ""
    return f", about {rough:,} more {_nouns(evidence)}{when}"


def _each(evidence: Evidence, arm: int) -> str:
    mine, first = evidence.entered[arm], evidence.entered[0]
    noun = _nouns(evidence)
    counted = f"{mine:,} {noun} each" if mine == first else f"{mine:,} and {first:,} {noun}"
    waiting = evidence.pending[arm] + evidence.pending[0]
    return f"{counted}, {waiting:,} more within their window" if waiting else counted


def _split(evidence: Evidence) -> Verdict:
    """Say whether units came to the arms as was asked."""
    test = evidence.split
    facts = {"gate": "split", **test.to_dict()}
    total = sum(test.counts)
    asked = ":".join(f"{100 * w:.3g}" for w in test.weights)
    if not total:
        return Verdict("pass", f"split: nobody came yet, {asked} is asked", facts)
    seen = ":".join(f"{100 * n / total:.3g}" for n in test.counts)
    if test.rejected:
        text = f"the split is {seen} where {asked} was asked (p < {test.alpha:g}): do not trust the numbers"
        return Verdict("fail", text, facts)
    return Verdict(
        "pass", f"split: {seen} of {total:,} {_nouns(evidence)}, {asked} is asked", facts
    )


def _harms(evidence: Evidence, names: Sequence[str]) -> list[tuple[int, Verdict]]:
    """Say of each guardrail and arm whether harm is proven."""
    told: list[tuple[int, Verdict]] = []
    for place, one in enumerate(evidence.design.measures):
        for arm in range(1, len(names)) if place else ():
            if one.is_event:
                told.append((arm, _event(evidence, place, arm, names)))
            else:
                told.append((arm, _mean(evidence, place, arm, names)))
    return told


def _harmful(evidence: Evidence, names: Sequence[str]) -> dict[int, str]:
    return {
        arm: verdict.reason for arm, verdict in _harms(evidence, names) if verdict.outcome == "fail"
    }


def _event(evidence: Evidence, place: int, arm: int, names: Sequence[str]) -> Verdict:
    test = evidence.harm[place][arm]
    name = evidence.design.measures[place].name
    facts = {"gate": "harm", "metric": name, "arm": arm, **test.to_dict()}
    counts = f"{name}: {test.candidate} {_nouns(evidence)} of {names[arm]}, {test.baseline} of {names[0]}"
    limit = f"more than {test.ratio:g} times as often"
    if test.rejected:
        numbers = f"e = {test.peak:.3g}, {1 / test.alpha:.3g} is proof"
        return Verdict("fail", f"{counts}, which is {limit} ({numbers})", facts)
    numbers = f"e = {test.e_value:.2g} of {1 / test.alpha:.3g}"
    return Verdict("pass", f"{counts}; {limit} is not proven ({numbers})", facts)


def _mean(evidence: Evidence, place: int, arm: int, names: Sequence[str]) -> Verdict:
    measure = evidence.design.measures[place]
    now = evidence.interval(arm, place)
    facts: dict[str, Any] = {"gate": "harm", "metric": measure.name, "arm": arm}
    who = f"{measure.name}: {names[arm]} against {names[0]}"
    if now is None:
        return Verdict("pass", f"{who}: not enough yet", facts)
    facts |= {"value": now.value, "low": now.low, "high": now.high}
    worse = now.high < 0 if measure.better == "more" else now.low > 0
    if worse:
        return Verdict("fail", f"{who}: worse by {_range(measure, now)}", facts)
    return Verdict("pass", f"{who}: {_between(measure, now)}, no harm is proven", facts)


def _excludes_zero(found: Interval) -> bool:
    return found.low > 0 or found.high < 0


def _range(measure: Measure, found: Interval) -> str:
    """Return a difference without its sign: `1.2 to 3.4 points`."""
    low, high = sorted((abs(found.low), abs(found.high)))
    return f"{measure.told(low).partition(' ')[0]} to {measure.told(high)}"


def _between(measure: Measure, found: Interval) -> str:
    """Return both bounds with their signs: `between −0.9 and 3.4 points`."""
    low, high = (("−" if x < 0 else "") + measure.told(abs(x)) for x in (found.low, found.high))
    return f"between {low.partition(' ')[0]} and {high}"


def _nouns(evidence: Evidence) -> str:
    return _NOUNS[evidence.design.unit]


def _while(seconds: float) -> str:
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


def _sentence(text: str) -> str:
    """Return a sentence; one that begins with a release keeps its name as it is."""
    begins = text.startswith(("not ", "no ", "stopped", "taken"))
    return f"{text[0].upper()}{text[1:]}." if begins else f"{text}."

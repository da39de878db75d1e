"""What the answers of both sides come to: scores, gates, the comparison, one verdict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.ci import envelope
from volano.ci.asked import Asked
from volano.ci.rules import Check
from volano.core.errors import VolanoError
from volano.evals.compare import Side
from volano.evals.comparison import comparison
from volano.evals.gates import Gate, Passed
from volano.evals.outcome import outcome_of
from volano.evals.quiet import lines_without
from volano.evals.scored import score_all
from volano.evals.scoring import Tools
from volano.evals.suite import Suite
from volano.evals.summary import summary

BASE, CHANGE = "base", "change"
PASSED, STOPPED, UNMEASURED = "passed", "stopped", "unmeasured"
Report = Callable[[str], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Verdict:
    """What one check came to. `told` is the comparison with the base, where there is one.

    `sides` are the answers, the base's first; `reports` name where a workspace keeps them.
    """

    check: Check
    state: str
    why: str
    reason: str
    gates: Sequence[Passed] = ()
    notes: Sequence[str] = ()
    told: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    sides: Sequence[Side] = ()
    reports: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the rows."""
        return {
            "check": self.check.name, "kind": self.check.kind, "outcome": self.state,
            "why": self.why, "reason": self.reason, "notes": [*self.notes],
            "gates": [one.to_dict() for one in self.gates], "reports": [*self.reports],
            **self.facts,
        }  # fmt: skip


def judged(
    check: Check, suite: Suite, asked: Asked, *, reason: str, subjects: Sequence[str],
    tools: Tools, report: Report, secrets: Sequence[str],
) -> Verdict:  # fmt: skip
    """Return what a check came to. `subjects` name the base's side and this one's.

    Nothing that it says repeats one of the `secrets`; scores are those of the answers as they came.
    """
    cases = list(asked.cases) * suite.repetitions
    scorers = suite.made()
    scored, units = score_all(cases, asked.new, scorers, tools, at_once=8)
    new = lines_without(scored, secrets)
    old = None
    if asked.old:
        old = lines_without(score_all(cases, asked.old, scorers, tools, at_once=8)[0], secrets)
    found, notes = summary(new, units), []
    gates = [*suite.conditions(), *_tolerated(check, new)]
    if old is None:
        left = [one for one in gates if one.than == BASE]
        gates = [one for one in gates if one.than != BASE]
        notes.append("There is no base to compare with; only limits were looked at.")
        if check.envelope or left:
            notes.append(f"Left out: {', '.join([*map(str, left), *check.envelope])}.")
    outcome = outcome_of(
        found, new, gates=gates, most_unmeasured=suite.unmeasured,
        report=lambda ref: (old or []) if ref == BASE else report(ref),
    )  # fmt: skip
    state, why, passed = outcome.state, outcome.why, list(outcome.gates)
    told = None
    sides = [
        Side(ref, subject, lines, units)
        for ref, subject, lines in zip((BASE, CHANGE), subjects, (old, new), strict=True)
        if lines is not None
    ]
    if old is not None:
        passed += (limits := envelope.judged(check.envelope, old, new))
        state, why = _with(state, why, limits)
        told, note = _compared(sides, _margin(check))
        notes += [*note, *_doubts(told, passed, check)]
    if state == PASSED:
        why = (
            f"{len(passed)} gate{'s' * (len(passed) != 1)} hold" if passed else "measured; no gate"
        )
    states = {name: n for name, n in found.states.items() if n}
    facts = {"states": states, "asked": asked.asked, "known": asked.known, "rows": found.rows}
    return Verdict(check, state, why, reason, passed, notes, told, facts, sides)


def _tolerated(check: Check, lines: Sequence[Mapping[str, Any]]) -> list[Gate]:
    """Return tolerances as gates; one without a name is that of the first score."""
    first = next((name for line in lines for name in line["scores"]), "score")
    return [
        Gate(name or first, ">=", one.margin, one.confidence, BASE)
        for name, one in check.tolerance.items()
    ]


def _with(state: str, why: str, limits: Sequence[Passed]) -> tuple[str, str]:
    for word, worse in (("no", STOPPED), ("unmeasured", UNMEASURED)):
        said = next((one for one in limits if one.found == word), None)
        if said is not None and state != STOPPED and (word == "no" or state == PASSED):
            return worse, f"{said.gate}: {said.why}"
    return state, why


def _doubts(told: Mapping[str, Any] | None, passed: Sequence[Passed], check: Check) -> list[str]:
    """Say where a gate said no only because the rows do not tell."""
    scores = told["scores"] if told else []
    return [
        f"{one['name']} is neither shown to be worse by more than the tolerance nor not to be: "
        f"{one['n']} rows are too few."
        for at, one in enumerate(scores)
        for said in [check.tolerance.get(one["name"]) or (check.tolerance.get("") if not at else None)]
        if said is not None and -one["hope"] <= said.margin
        and any(gate.found == "no" and gate.gate.startswith(f"{one['name']} not worse") for gate in passed)
    ]  # fmt: skip


def _margin(check: Check) -> float:
    return min((one.margin for one in check.tolerance.values()), default=0.02)


def _compared(sides: Sequence[Side], margin: float) -> tuple[Mapping[str, Any] | None, list[str]]:
    try:
        return comparison(sides[0], sides[1], margin=min(margin, 0.99)), []
    except VolanoError as error:
        return None, [f"The two sides cannot be compared: {error.message}"]

"""The outcome of a suite: was it measured, and did its gates say yes?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.evals.gates import Gate, Passed, Values, judge, worst
from volano.evals.summary import Summary, by_row, measured, unit_of

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is passed, stopped (a gate said no) or unmeasured; `why` says it in one sentence.

    `lacking` are the scores of which more is missing than the suite allows, with that share.
    """

    state: str
    why: str
    gates: tuple[Passed, ...] = ()
    lacking: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "outcome": self.state, "why": self.why,
            "gates": [gate.to_dict() for gate in self.gates], "lacking": dict(self.lacking or {}),
        }  # fmt: skip


def outcome_of(
    summary: Summary,
    lines: Sequence[Line],
    *,
    gates: Sequence[Gate],
    most_unmeasured: float,
    report: Callable[[str], Sequence[Line]],
) -> Outcome:
    """Return what a suite's answers come to. `report` gives the lines of another report.

    A gate that says no counts before what is unmeasured: what was measured is reason enough.
    """
    found = tuple(_judged(gate, lines, summary, report) for gate in gates)
    lacking = {
        name: share for name, share in missing(lines).items() if share > most_unmeasured
    }  # fmt: skip
    said = worst(found)
    if said == "no":
        first = next(one for one in found if one.found == "no")
        return Outcome("stopped", f"{first.gate}: {first.why}", found, lacking)
    if lacking:
        name = max(lacking, key=lambda one: lacking[one])
        reasons = summary.unmeasured.get(name, {})
        most = max(reasons, key=lambda one: reasons[one]) if reasons else "no reason given"
        why = f"{name} is unmeasured on {lacking[name]:.1%} of the answers, mostly: {most}"
        return Outcome("unmeasured", why, found, lacking)
    if said == "unmeasured":
        first = next(one for one in found if one.found == "unmeasured")
        return Outcome("unmeasured", f"{first.gate}: {first.why}", found)
    return Outcome("passed", f"{len(found)} gates hold" if found else "measured", found)


def missing(lines: Sequence[Line]) -> dict[str, float]:
    """Return for each score the share of the answers to which it could not be given."""
    told: dict[str, list[int]] = {}
    for line in lines:
        for name, value in line["scores"].items():
            counts = told.setdefault(name, [0, 0])
            counts[0] += value is None
            counts[1] += 1
    return {name: lost / of for name, (lost, of) in told.items()}


def _judged(
    gate: Gate, lines: Sequence[Line], summary: Summary, report: Callable[[str], Sequence[Line]]
) -> Passed:
    unit, bigger = unit_of(gate.score, summary.units)
    mine = _values(lines, gate.score, (unit == "share", bigger))
    others = (
        _values(report(gate.than), gate.score, (unit == "share", bigger)) if gate.than else None
    )
    return judge(gate, mine, others)


def _values(lines: Sequence[Line], name: str, kind: tuple[bool, bool]) -> Values:
    rows = {row: measured(group, name) for row, group in by_row(lines).items()}
    clusters = {str(line["id"]): str(line.get("cluster") or "") for line in lines}
    means = {row: sum(got) / len(got) for row, got in rows.items() if got}
    share, bigger = kind
    return Values(means, bigger, share, clusters if any(clusters.values()) else None)

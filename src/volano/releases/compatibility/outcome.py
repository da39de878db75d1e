"""What all gates say together: one that says no stops, and what nobody could tell is no yes."""

from collections.abc import Collection, Mapping
from typing import Any

from volano.core.verdict import Verdict

PASSED, STOPPED, UNMEASURED = "passed", "stopped", "unmeasured"


def outcome(verdicts: Mapping[str, Verdict], required: Collection[str]) -> tuple[str, str]:
    """Return passed, stopped or unmeasured, and why, by the required gates."""
    said = {name: one for name, one in verdicts.items() if name in required}
    for name, one in said.items():
        if one.outcome == "fail":
            return STOPPED, f"{name}: {one.reason}"
    for name in required:
        if name not in said:
            return UNMEASURED, f"{name}: it was not looked at"
        if not said[name]:
            return UNMEASURED, f"{name}: {said[name].reason}"
    return PASSED, f"{len(said)} gates say that nothing breaks"


def told(verdicts: Mapping[str, Verdict]) -> list[dict[str, Any]]:
    """Return plain JSON values, a gate each."""
    return [
        {"gate": name, "found": one.outcome, "why": one.reason, "evidence": dict(one.evidence)}
        for name, one in verdicts.items()
    ]


def read(told: list[Mapping[str, Any]]) -> dict[str, Verdict]:
    """Return the verdicts that were kept so."""
    return {
        one["gate"]: Verdict(one["found"], one["why"], one.get("evidence") or {}) for one in told
    }

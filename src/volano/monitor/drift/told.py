"""What the alerts hear of drift: the newest look at each reference, by slice and signal."""

from collections.abc import Sequence
from typing import Literal

from volano.core.ports import drifted as port
from volano.monitor.drift.finding import State
from volano.monitor.drift.keeper import Drift

_FOUND: dict[State, Literal["moved", "steady", "unsure"]] = {
    "drift": "moved", "none": "steady", "insufficient evidence": "unsure",
}  # fmt: skip


def newest(drift: Drift) -> Sequence[port.Drift]:
    """Return what the last look at each reference found."""
    return [
        port.Drift(
            reference.name, f"{finding.signal} of {finding.slice}", _FOUND[finding.state],
            look.at_us, told=f"{finding.signal} of {finding.slice}: {finding.state}",
        )
        for reference in drift.references()
        for look in drift.looks(reference.name, limit=1)
        for finding in look.findings
    ]  # fmt: skip

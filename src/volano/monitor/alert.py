"""An Alert: one episode of one rule and group. How it goes from state to state, purely.

pending -> firing -> acknowledged -> resolved. What recovers while it is pending never
was. What is not to be seen (no calls, no answer) stays as it was, and is over when
nothing was to be seen for `UNSEEN_US`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from volano.monitor.judge import Finding
from volano.monitor.rule import Rule

UNSEEN_US = 15 * 60_000_000
State = Literal["pending", "firing", "acknowledged", "resolved"]
BURNING = ("firing", "acknowledged")


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode; times in microseconds UTC. `labels` are the rule's, and what it is grouped by."""

    id: int
    rule: str
    labels: Mapping[str, str]
    severity: str
    state: State
    value: float | None
    told: str
    pending_us: int
    fired_us: int | None = None
    acked_us: int | None = None
    acked_by: str = ""
    well_us: int | None = None
    resolved_us: int | None = None
    notified_us: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """What doors show of it."""
        return {name: getattr(self, name) for name in self.__match_args__}


def begun(rule: Rule, labels: Mapping[str, str], found: Finding, now_us: int) -> Alert:
    """Return the alert of a group that has just become bad; without `for` it fires at once."""
    alert = Alert(0, rule.name, labels, rule.severity, "pending", found.value, found.told, now_us)
    return _risen(alert, rule, now_us)


def gone_on(alert: Alert, rule: Rule, found: Finding | None, now_us: int) -> Alert | None:
    """Return the alert as it is after another look; None: it was pending, and never was."""
    if found is not None and found.bad:
        alert = replace(alert, well_us=None, value=found.value, told=found.told)
        return _risen(alert, rule, now_us) if alert.state == "pending" else alert
    if alert.state == "pending":
        return None if found is not None and found.bad is False else _unseen(alert, now_us)
    well_us = alert.well_us if alert.well_us is not None and alert.well_us <= now_us else now_us
    seen = found is not None and found.bad is False
    if now_us - well_us >= (rule.keep_us if seen else max(UNSEEN_US, rule.keep_us)):
        told = found.told if found is not None and seen else "nothing was to be seen of it any more"
        return replace(alert, state="resolved", resolved_us=now_us, well_us=well_us, told=told)
    return replace(alert, well_us=well_us)


def _risen(alert: Alert, rule: Rule, now_us: int) -> Alert:
    if now_us - alert.pending_us >= rule.for_us:
        return replace(alert, state="firing", fired_us=now_us)
    return alert


def _unseen(alert: Alert, now_us: int) -> Alert | None:
    return None if now_us - alert.pending_us >= UNSEEN_US else alert

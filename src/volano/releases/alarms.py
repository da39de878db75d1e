"""Alarms: what takes a rollout back from outside of its evidence: an alert that says so, a budget.

An alert takes a channel's rollout back when its rule bears the label `rollback: "true"`, it names the
channel (`by: [channel]`, or a label), and it fired after the rollout began: what burned before is
not the candidate's doing. A budget does when it is the channel's own and nothing of it is left.
"""

from collections.abc import Callable, Sequence

from volano.costs.keeper import Standing
from volano.monitor.alert import BURNING, Alert
from volano.releases.progress import Rollout

LABEL = "rollback"
_YES = ("true", "yes")


class Alarms:
    """Looks at alerts and budgets for rollouts."""

    def __init__(
        self, *, alerts: Callable[[], Sequence[Alert]], budgets: Callable[[], Sequence[Standing]]
    ):
        self._alerts = alerts
        self._budgets = budgets

    def of(self, rollout: Rollout) -> str:
        """Return why a rollout must go back, in words; empty where nothing says so."""
        for alert in self._alerts():
            if _speaks_of(alert, rollout):
                return f"alert {alert.id} ({alert.rule}): {alert.told}".rstrip(".: ")
        for budget in self._budgets():
            if budget.subject == f"channel:{rollout.channel}" and budget.left.nano <= 0:
                return f"the budget of the channel is spent: {budget.amount} a {budget.window}"
        return ""


def _speaks_of(alert: Alert, rollout: Rollout) -> bool:
    labels = alert.labels
    return (
        labels.get(LABEL) in _YES
        and alert.state in BURNING
        and labels.get("channel") == rollout.channel
        and labels.get("release", rollout.candidate_ref) == rollout.candidate_ref
        and (alert.fired_us or 0) >= rollout.created_us
    )

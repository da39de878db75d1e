"""PagerDuty's Events API v2: one incident a rule, however many of its groups burn."""

import json
from collections.abc import Mapping
from typing import Any

from volano.adapters.notify import said as of
from volano.core.ports.notify import Change, Notice, Notify

URL = "https://events.pagerduty.com/v2/enqueue"
_SEVERITY = {"info": "info", "warning": "warning", "critical": "critical"}


def pagerduty(said: Mapping[str, Any]) -> Notify:
    """Return the receiver: `key_env` names the variable with the integration key."""
    of.need(said, known=("key_env", "url"), one_of=(("key_env",),))
    of.check_url(said)

    def tell(notice: Notice) -> None:
        key = of.secret(said, "key")
        by_rule: dict[str, list[Change]] = {}
        for change in notice.changes:
            by_rule.setdefault(change.rule, []).append(change)
        for rule, changes in by_rule.items():
            event = _event(notice, rule, changes) | {"routing_key": key}
            body = json.dumps(event, ensure_ascii=False).encode()
            of.post(str(said.get("url") or URL), body, {})

    return tell


def _event(notice: Notice, rule: str, changes: list[Change]) -> dict[str, Any]:
    last = changes[-1]
    over = last.state == "resolved" and last.burning == 0
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return {
        "event_action": "resolve" if over else "trigger",
        "dedup_key": f"volano/{notice.workspace}/{rule}",
        "client": "volano",
        "client_url": last.url,
        "payload": {
            "summary": (changes[0].line() + more)[:1024],
            "source": notice.workspace,
            "severity": _SEVERITY.get(last.severity, "warning"),
            "custom_details": {"lines": [change.line() for change in changes[:50]]},
        },
    }

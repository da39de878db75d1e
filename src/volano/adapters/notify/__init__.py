"""Whom alerts are told, one file a kind: each makes a `Notify` of what a file says of it."""

from collections.abc import Callable, Mapping
from typing import Any

from volano.adapters.notify.command import command
from volano.adapters.notify.pagerduty import pagerduty
from volano.adapters.notify.slack import slack
from volano.adapters.notify.smtp import smtp
from volano.adapters.notify.webhook import webhook
from volano.core.ports.notify import BadReceiverError, Notify

KINDS: Mapping[str, Callable[[Mapping[str, Any]], Notify]] = {
    "webhook": webhook, "slack": slack, "smtp": smtp, "pagerduty": pagerduty, "command": command,
}  # fmt: skip


def receiver(said: Mapping[str, Any]) -> Notify:
    """Return the receiver that a file describes.

    Raises:
        BadReceiverError: it describes none.
    """
    kind = str(said.get("kind", ""))
    if kind not in KINDS:
        raise BadReceiverError(why=f"`kind` is one of {', '.join(KINDS)}, not `{kind[:40]}`")
    return KINDS[kind]({key: value for key, value in said.items() if key != "kind"})

"""Slack's incoming webhooks, which Mattermost, Rocket.Chat and others take too."""

import json
from collections.abc import Mapping
from typing import Any

from volano.adapters.notify import said as of
from volano.core.ports.notify import Notice, Notify

_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def slack(said: Mapping[str, Any]) -> Notify:
    """Return the receiver: `url` or `url_env` (the address is a secret)."""
    of.need(said, known=("url", "url_env"), one_of=(("url", "url_env"),))
    of.check_url(said)

    def tell(notice: Notice) -> None:
        lines = "\n".join(f"• {line}" for line in notice.lines()).translate(_MARKS)
        title = notice.title.translate(_MARKS)
        message = {
            "text": f"{title}\n{lines}\n{notice.url}",
            "blocks": [
                _section(f"*{title}*"),
                _section(lines[:2900]),
                {"type": "context", "elements": [
                    {"type": "mrkdwn", "text": f"<{notice.url}|Open the alerts>"}]},
            ],
        }  # fmt: skip
        of.post(of.url(said), json.dumps(message, ensure_ascii=False).encode(), {})

    return tell


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}

"""Webhook: JSON by POST, signed as Standard Webhooks says (standardwebhooks.com, v1: HMAC-SHA256)."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from volano.adapters.notify import said as of
from volano.core.ports.notify import Notice, Notify


def signature(secret: str, id_: str, at_s: int, body: bytes) -> str:
    """Return what `webhook-signature` says; the receiver computes the same."""
    content = f"{id_}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), content, "sha256")).decode()


def webhook(said: Mapping[str, Any], now: Callable[[], float] = time.time) -> Notify:
    """Return the receiver: `url` or `url_env`, and `secret_env` for the signature."""
    of.need(said, known=("url", "url_env", "secret_env"), one_of=(("url", "url_env"),))
    of.check_url(said)

    def tell(notice: Notice) -> None:
        body = json.dumps(notice.to_dict(), ensure_ascii=False).encode()
        at_s = int(now())
        headers = {"webhook-id": notice.id, "webhook-timestamp": str(at_s)}
        if secret := of.secret(said, "secret"):
            headers["webhook-signature"] = signature(secret, notice.id, at_s, body)
        of.post(of.url(said), body, headers)

    return tell


def _key(secret: str) -> bytes:
    """Standard secrets are `whsec_` and base64; another text is taken as it is."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()

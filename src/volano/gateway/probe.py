"""Asks a target what `volano target check` wants to know: there, key accepted, which models."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from volano.core.lazy import lazy
from volano.gateway.errors import TargetAwayError, TargetConfusedError, TargetRefusedError
from volano.gateway.provider import Provider
from volano.gateway.target import Target, TargetKey, check_key

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

TIMEOUT_S = 10.0
MAX_BYTES = 8 << 20
_CERTIFICATE = (
    "Check the address; where the authority is your own, name its PEM file with "
    "`volano target update NAME --ca-file FILE`, or for all targets in SSL_CERT_FILE."
)
KEYLESS = TargetKey("nobody", "")


def probe(target: Target, provider: Provider, keys: Sequence[TargetKey]) -> dict[str, Any]:
    """Ask a target for its models, with each key in turn.

    No redirect is followed and no proxy is used: workers do neither. An API that
    lists no models (Bedrock) is only reached; the first call proves its key.

    Raises:
        TargetAwayError: it does not answer.
        TargetRefusedError: it refuses a key.
        TargetConfusedError: it answers, but not as its provider does.
    """
    address = provider.address(target.url, target.region)
    models: set[str] = set()
    took_us = []
    trust = ssl.create_default_context(cafile=target.ca_file or None)  # as the workers do
    with httpx2.Client(
        timeout=TIMEOUT_S, trust_env=False, follow_redirects=False, verify=trust
    ) as client:
        for key in keys or (KEYLESS,):
            begun = time.monotonic_ns()
            models |= _models(client, target, provider, key)
            took_us.append((time.monotonic_ns() - begun) // 1000)
    return {
        "name": target.name,
        "address": address,
        "enabled": target.enabled,
        "keys_accepted": [key.source for key in keys] if provider.models else [],
        "keys_not_proven": [] if provider.models else [key.source for key in keys],
        "latency_us": min(took_us),
        "models": sorted(models),
    }


def _models(client: httpx2.Client, target: Target, provider: Provider, key: TargetKey) -> set[str]:
    url = provider.address(target.url, target.region)
    if key is not KEYLESS:
        check_key(target.name, key)
    lines = {**provider.headers, **(provider.auth(key.text) if key is not KEYLESS else {})}
    path = provider.path(provider.models, "", target.version)
    try:
        with client.stream("GET", url + path, headers=lines if provider.models else {}) as answer:
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    break
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        hint = _CERTIFICATE if "CERTIFICATE_VERIFY_FAILED" in reason else None
        raise TargetAwayError(name=target.name, url=_shown(url), reason=reason, hint=hint) from None
    if not provider.models:
        return set()
    status = answer.status_code
    if status in (401, 403):
        source = "nobody: it has none" if key is KEYLESS else key.source
        raise TargetRefusedError(name=target.name, source=source, status=status)
    if not answer.is_success:
        reason = f"{path} gives status {status}"
        raise TargetConfusedError(name=target.name, provider=provider.name, reason=reason)
    try:
        return names(httpx2.Response(200, content=bytes(body)).json())
    except (ValueError, LookupError, TypeError, AttributeError):
        reason = f"{path} gives no list of models"
        raise TargetConfusedError(name=target.name, provider=provider.name, reason=reason) from None


def names(raw: Any) -> set[str]:
    """Read a list of models as OpenAI (`data`), Together (the list) or Gemini (`models`) write it."""
    if isinstance(raw, dict):
        raw = raw["data"] if "data" in raw else raw["models"]
    return {str(one.get("id") or one["name"]).removeprefix("models/") for one in raw or ()}


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""Releases are signed: ed25519 over a DSSE envelope's pre-authentication encoding.

Source: Dead Simple Signing Envelope v1.0 (secure-systems-lab/dsse),
PAE(type, body) = "DSSEv1" SP len(type) SP type SP len(body) SP body.
"""

import base64
import json
from typing import Any

from volano.access.signing import SigningKey, is_signed

PAYLOAD_TYPE = "application/vnd.volano.release+json"


class Signer:
    """Signs with one key, and trusts that key alone."""

    def __init__(self, key: SigningKey):
        self._key = key

    def sign(self, body: bytes) -> bytes:
        """Return the DSSE envelope of the body, as JSON bytes."""
        signature = self._key.sign(_pae(body))
        envelope = {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(body).decode(),
            "signatures": [{"keyid": self._key.id, "sig": base64.b64encode(signature).decode()}],
        }
        return json.dumps(envelope, sort_keys=True).encode()

    def problem(self, body: bytes, envelope: bytes) -> str | None:
        """Return what is wrong with the envelope of this body, or None when it holds."""
        try:
            raw: dict[str, Any] = json.loads(envelope)
            signatures = {entry["keyid"]: entry["sig"] for entry in raw["signatures"]}
            payload = base64.b64decode(raw["payload"], validate=True)
            signature = base64.b64decode(signatures.get(self._key.id, ""), validate=True)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return "its signature is not readable"
        if raw.get("payloadType") != PAYLOAD_TYPE or payload != body:
            return "its signature is for other content"
        if not signature:
            return "it was signed by a key that this workspace does not trust"
        if not is_signed(_pae(body), signature, self._key.public):
            return "its signature does not match"
        return None


def _pae(body: bytes) -> bytes:
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)

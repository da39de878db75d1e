"""Releases are signed: ed25519 over a DSSE envelope's pre-authentication encoding.

Source: Dead Simple Signing Envelope v1.0 (secure-systems-lab/dsse),
PAE(type, body) = "DSSEv1" SP len(type) SP type SP len(body) SP body.
"""

import base64
import json
from typing import Any

from volano.access.signing import SigningKey, is_signed
from volano.releases.statement import IN_TOTO, PLAIN

KINDS = (IN_TOTO, PLAIN)
"""The types of payload that are believed; new releases are signed as the first."""


class Signer:
    """Signs with one key, and trusts that key alone."""

    def __init__(self, key: SigningKey):
        self._key = key

    @property
    def public(self) -> bytes:
        """The public key, raw: what others need to check a signature."""
        return self._key.public

    @property
    def key_id(self) -> str:
        """The short name of that key, as envelopes say it."""
        return self._key.id

    def sign(self, body: bytes, kind: str = IN_TOTO) -> bytes:
        """Return the DSSE envelope of the body, as JSON bytes."""
        signature = self._key.sign(_pae(body, kind))
        envelope = {
            "payloadType": kind,
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
        kind = raw.get("payloadType")
        if kind not in KINDS or payload != body:
            return "its signature is for other content"
        if not signature:
            return "it was signed by a key that this workspace does not trust"
        if not is_signed(_pae(body, kind), signature, self._key.public):
            return "its signature does not match"
        return None


def kind_of(envelope: bytes) -> str:
    """Return the type of payload of an envelope that holds."""
    return str(json.loads(envelope)["payloadType"])


def _pae(body: bytes, kind: str) -> bytes:
    said = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(said), said, len(body), body)

"""What an upstream says in an error may contain the key it was asked with: here it goes."""

import json

from volano.gateway.snapshot import Target

HIDDEN = b"***"
_CREDENTIALS = frozenset(("authorization", "x-api-key", "api-key", "x-goog-api-key"))


def masked(text: bytes, target: Target) -> bytes:
    """Return an error's text without the target's secrets, should it hold any of them."""
    for secret in secrets(target):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def secrets(target: Target) -> list[bytes]:
    """The texts of a target that nobody may see, the longest first; as they are and as JSON writes them."""
    found = {
        value.rpartition(" ")[2]
        for lines in (target.headers, *target.keys)
        for name, value in lines.items()
        if lines is not target.headers or name.lower() in _CREDENTIALS
    }
    for sign in filter(None, target.signs):
        found |= {sign.secret_key, sign.session_token or ""}
    written = found | {json.dumps(text)[1:-1] for text in found}
    return sorted((text.encode() for text in written if text), key=len, reverse=True)

"""Placeholders: what stands where something was found. The same value has the same one."""

import hashlib
import hmac
from collections.abc import Callable

from volano.data.pii.scan import Found

PSEUDONYM_CHARS = 10
NUMERIC = ("card", "phone", "national_id", "iban")


def same(kind: str, value: str) -> str:
    """Return what of a value counts when it is compared: not case, and not how digits are grouped."""
    if kind in NUMERIC:
        return "".join(char for char in value if char.isalnum()).upper()
    return value.casefold() if kind == "email" else value


class Placeholders:
    """Gives `<EMAIL_1>`, `<EMAIL_2>`, … within one row; with a salt `<EMAIL_3f9a01c27b>` in all rows."""

    def __init__(self, salt: bytes = b""):
        self._salt = salt
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, kind: str, value: str) -> str:
        """Return what stands in place of this value."""
        key = (kind, same(kind, value))
        if key not in self._given:
            self._given[key] = f"<{kind.upper()}_{self._mark(*key)}>"
        return self._given[key]

    def _mark(self, kind: str, value: str) -> str:
        if self._salt:
            said = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
            return hmac.new(self._salt, said, hashlib.sha256).hexdigest()[:PSEUDONYM_CHARS]
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return str(self._counts[kind])


def replaced(text: str, found: list[Found], instead: Callable[[str, str], str]) -> str:
    """Return the text with a placeholder in each place."""
    parts: list[str] = []
    at = 0
    for kind, start, end in found:
        parts += (text[at:start], instead(kind, text[start:end]))
        at = end
    return "".join((*parts, text[at:]))


def fingerprint(salt: bytes) -> str:
    """Return what tells one salt from another and does not say it."""
    return hashlib.sha256(b"volano pii salt\0" + salt).hexdigest()[:12]

"""An API key: its text, the checksum that tells a slip from a stranger, its fingerprint.

    vk_<id: 8 base32>_<secret: 32 base62>_<checksum: 6 base32>

The id is public and names the key in lists and traces. The secret has 190 bits,
so that a plain HMAC (RFC 2104) keeps it safe in a table: slow hashes are for
passwords. The checksum (the low 30 bits of CRC-32 of all before it) says
without a lookup that a key was mistyped, and lets scanners of leaked secrets
be sure of what they found.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

from volano.access.address import within
from volano.access.errors import MalformedKeyError, MistypedKeyError
from volano.access.scope import grants

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TEXT = re.compile(r"vk_([a-z2-7]{8})_([0-9A-Za-z]{32})_([a-z2-7]{6})")


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key. Times are microseconds UTC; None means never.

    `ips` are the ranges it may be used from; none means everywhere. A rotated
    key has two texts for a while: the former one ends at `former_until_us`.
    """

    id: str
    name: str
    group: str
    scopes: tuple[str, ...]
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    ips: tuple[str, ...] = ()
    rotated_us: int | None = None
    former_until_us: int | None = None

    def allows(self, scope: str) -> bool:
        """Whether the key may do this: `chat:support`, `feedback`, `read`, `prompts`."""
        kind, colon, name = scope.partition(":")
        return grants(self.scopes, kind, name) if colon else scope in self.scopes

    def may_come_from(self, address: str) -> bool:
        """Whether the key may be used from this address."""
        return not self.ips or within(self.ips, address)

    def live(self, now_us: int) -> bool:
        """Whether the key is valid at this moment."""
        return self.revoked_us is None and (self.expires_us is None or now_us < self.expires_us)


def new_text(key_id: str | None = None) -> str:
    """Return the text of a new key, from the operating system's randomness.

    With `key_id`, a new text of that key.
    """
    name = key_id or "".join(secrets.choice(_BASE32) for _ in range(8))
    secret = "".join(secrets.choice(_BASE62) for _ in range(32))
    head = f"vk_{name}_{secret}"
    return f"{head}_{checksum(head)}"


def checksum(head: str) -> str:
    """Return the six characters that close a key: CRC-32 of all before, low 30 bits."""
    crc = zlib.crc32(head.encode())
    return "".join(_BASE32[crc >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))


def parse(text: str) -> str:
    """Return the id in the text of a key; needs no lookup.

    Raises:
        MalformedKeyError: not a key of volano at all.
        MistypedKeyError: nearly one, but its checksum does not fit.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise MistypedKeyError() if text.startswith("vk_") else MalformedKeyError()
    if checksum(text[:-7]) != match[3]:
        raise MistypedKeyError
    return match[1]


def fingerprint(secret: bytes, text: str) -> str:
    """Return what is stored instead of the key: HMAC-SHA256 under the workspace's secret, hex."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()

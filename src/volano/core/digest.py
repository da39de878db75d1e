"""A Digest names bytes: `sha256:` and 64 hexadecimal digits."""

import hashlib
import re

from volano.core.errors import InvalidError

_PATTERN = re.compile(r"sha256:[0-9a-f]{64}")


class BadDigestError(InvalidError):
    """`{text}` is not a digest."""

    hint = "A digest is `sha256:` and 64 lower-case hexadecimal digits."


class Digest(str):
    """A checked digest; a plain `str` to every format that carries it."""

    __slots__ = ()

    def __new__(cls, text: str) -> "Digest":
        if not _PATTERN.fullmatch(text):
            raise BadDigestError(text=text[:80])
        return super().__new__(cls, text)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> "Digest":
        """Return the digest of these bytes."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @property
    def hex(self) -> str:
        """The 64 digits alone, as file names and tables keep them."""
        return self[7:]

    @property
    def short(self) -> str:
        """The first 12 digits, for people."""
        return self[7:19]

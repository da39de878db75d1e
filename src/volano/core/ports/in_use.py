"""InUse: may this artifact go? A higher room knows who still serves from it."""

from typing import Protocol

from volano.core.digest import Digest


class InUse(Protocol):
    """Handed to rooms that retire artifacts."""

    def __call__(self, digest: Digest) -> list[str]:
        """Return who uses it, readable (`channel support`); empty when nobody does."""
        ...

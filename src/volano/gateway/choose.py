"""Which release serves a call: sticky by unit, with shares in millionths.

The same unit stays in the same arm as long as the salt stays, and a growing
share only moves units from stable to candidate, never between candidates.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar


class Sharing(Protocol):
    """What has a share of a channel."""

    @property
    def arm(self) -> str: ...
    @property
    def share(self) -> int: ...


A = TypeVar("A", bound=Sharing)
MILLION = 1_000_000


def position(salt: str, unit: str) -> int:
    """Where a unit stands on a channel's line: [0, 2^64), evenly spread.

    The first 8 bytes of BLAKE2b over `salt|unit` in UTF-8 (RFC 7693, digest of 8
    bytes, big-endian).
    """
    text = f"{salt}|{unit}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def is_copied(share: int, salt: str, trace: str) -> bool:
    """Whether a call is one of those that a shadow gets: by its trace, whoever sent it.

    The line is not that of the units: who is copied says nothing of who moves later.
    """
    return position(f"{salt}|shadow", trace) * MILLION >> 64 < share


def choose(arms: Sequence[A], salt: str, unit: str) -> A:
    """The arm this unit belongs to: candidates in order from 0, the stable one has the rest."""
    if len(arms) == 1:
        return arms[0]
    at = position(salt, unit) * MILLION >> 64
    rest = arms[0]
    for arm in arms:
        if arm.arm == "stable":
            rest = arm
        elif at < arm.share:
            return arm
        else:
            at -= arm.share
    return rest

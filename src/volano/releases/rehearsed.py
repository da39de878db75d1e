"""Rehearsed: how a candidate did with requests that nobody waits for, before its first share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from volano.releases.progress import Rollout


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Neither `done` nor `failed`: it is under way. The reason says what was asked, or what failed."""

    done: bool = False
    failed: bool = False
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Rehearse(Protocol):
    """Warms a candidate, and verifies it with recorded requests; never waits for either."""

    def __call__(self, rollout: Rollout, verify: int, /) -> Rehearsed:
        """Return how it stands; the first call begins it."""
        ...

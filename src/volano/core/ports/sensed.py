"""Sense: what is new since a mark. Triggers of schedules ask it; who has the thing answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Sensed:
    """How many are `new` since the mark that was given, and the `mark` to give next time.

    A mark is plain JSON. `told` says for people and for the Run what is new.
    """

    mark: Any
    new: int
    told: Mapping[str, Any] = field(default_factory=dict)


class Sense(Protocol):
    """Handed to the schedules, one for each kind of trigger."""

    def __call__(self, what: str, mark: Any) -> Sensed:
        """Look now. `mark` is None the first time, when nothing is new yet."""
        ...

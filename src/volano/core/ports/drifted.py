"""Drifted: what a drift watch found last. Alerts ask it; who looks for drift answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found of one watched thing: `unsure` where the evidence does not suffice."""

    watch: str
    subject: str
    found: Literal["moved", "steady", "unsure"]
    at_us: int
    told: str = ""


class Drifted(Protocol):
    """Handed to the alerts."""

    def __call__(self) -> Sequence[Drift]:
        """Return the newest finding of each watch and subject."""
        ...

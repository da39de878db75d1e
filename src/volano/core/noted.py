"""A result with something to tell the person besides."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Noted:
    """What was asked for, and notes: sentences about what will not work as it stands."""

    value: Any
    notes: tuple[str, ...] = ()

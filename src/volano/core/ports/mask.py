"""Detect: who finds in a text what nobody should keep."""

from collections.abc import Iterable
from typing import Protocol


class Detect(Protocol):
    """Finds what is to be hidden, in any language; in time that grows with the text and no faster."""

    def __call__(self, text: str) -> Iterable[tuple[int, int]]:
        """Return places, first character and the one behind the last; they may overlap."""
        ...

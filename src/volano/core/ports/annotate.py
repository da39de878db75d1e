"""Annotate: what higher rooms add to a call's row before it is written."""

from typing import Any, Protocol


class Annotate(Protocol):
    """Handed to the recorder: prices, language, masking. Must not fail on odd content."""

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row to write: the same keys, some of them changed or filled."""
        ...

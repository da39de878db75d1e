"""Who can tell the language of a text."""

from typing import Protocol


class DetectLanguage(Protocol):
    """Names the language of a text."""

    def __call__(self, text: str) -> str:
        """Return a BCP 47 tag, or another short name that is the same for the same kind of text."""
        ...

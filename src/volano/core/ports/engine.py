"""Engine: a program that runs a model's weights, as those see it who look after it.

To load a model is to start an engine; to swap one is to start the next beside it
and to let the first go when the next is ready; to drain one is SIGTERM: it takes
no more, and ends what it has. What all engines tell of themselves, each in its
own words, is `Vitals`.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Vitals:
    """How an engine is doing. None: it does not say."""

    tokens: float | None = None
    """Tokens written since it started."""
    tokens_per_s: float | None = None
    """As it counts them itself; over its whole life, or of late."""
    busy: int | None = None
    """Answers under way."""
    queued: int | None = None
    """Requests that wait."""
    slots: int | None = None
    """Answers it gives at once, at most."""
    kv_use: float | None = None
    """The part of its cache of keys and values that is in use, 0 to 1."""


class Engine(Protocol):
    """A running engine, asked from outside."""

    def ready(self) -> bool:
        """Whether it would answer now."""
        ...

    def vitals(self) -> Vitals:
        """Return how it is doing."""
        ...

    def models(self) -> list[str]:
        """Return the models it has loaded."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Return a text's tokens, without marks of beginning and end."""
        ...

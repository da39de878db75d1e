"""Send: bring a batch of spans to another backend."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """What the backend answered: a status (0: it did not), when to come again, and its words."""

    status: int
    retry_after_s: float | None = None
    body: bytes = b""
    why: str = ""


class Send(Protocol):
    """Handed to the recorder's process. Never raises: what went wrong is in the answer."""

    def __call__(self, body: bytes) -> Sent:
        """Send one OTLP/JSON export request; return within a time that has a limit."""
        ...

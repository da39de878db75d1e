"""Chat: whatever answers messages: an engine, a provider, a gateway, a simulator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer. Token counts are None where the other side did not say."""

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chat(Protocol):
    """Answer one conversation."""

    def __call__(self, messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:
        """Return the answer to OpenAI-style messages.

        Raises:
            UnavailableError: the other side does not answer.
        """
        ...

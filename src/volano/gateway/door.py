"""A Door: one API that clients speak. What it asks for, and how it answers and complains.

A door has the name of its dialect. Calls whose target speaks the same dialect
pass byte for byte; others are translated (`render`, `passage`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from volano.wire import openai
from volano.wire.dialects.all import SERVED
from volano.wire.peek import (
    Peek,
    peek_chat,
    peek_completions,
    peek_embeddings,
    peek_messages,
    peek_responses,
)


@dataclass(frozen=True, slots=True)
class Door:
    """One path of the data plane. `generates`: it asks a model to write (others embed, count)."""

    name: str
    path: bytes
    peek: Callable[[bytes], Peek]
    generates: bool = True
    spoken_as: str = ""
    """The dialect whose errors it answers with, where it is not its own."""

    @property
    def dialect(self) -> str:
        """The dialect of its errors and answers."""
        return self.spoken_as or self.name

    def error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        """Return an error's body as this API's clients expect it; `kind` in OpenAI's words."""
        served = SERVED.get(self.dialect)
        if served is None:
            return openai.error_body(message, kind=kind, param=param, code=code)
        return served.write_error(
            status, message, kind=kind, param=param, code=code, request_id=request_id
        )

    def stream_error(
        self, message: str, *, kind: str, code: str = "", number: int = 0, request_id: str = ""
    ) -> bytes:
        """Return the event that says in mid-stream that no more will come; `number` is its own."""
        served = SERVED.get(self.dialect)
        if served is None:
            return openai.stream_error(message, kind=kind, code=code)
        return served.write_stream_error(
            message, kind=kind, code=code, number=number, request_id=request_id
        )


CHAT = Door("openai.chat", b"/v1/chat/completions", peek_chat)
DOORS = (
    CHAT,
    Door("openai.responses", b"/v1/responses", peek_responses),
    Door("openai.completions", b"/v1/completions", peek_completions),
    Door("openai.embeddings", b"/v1/embeddings", peek_embeddings, generates=False),
    Door("anthropic.messages", b"/v1/messages", peek_messages),
    Door(
        "anthropic.count_tokens", b"/v1/messages/count_tokens", peek_messages,
        generates=False, spoken_as="anthropic.messages",
    ),
)  # fmt: skip
"""Every door there is."""
MESSAGES = next(door for door in DOORS if door.name == "anthropic.messages")
BY_PATH = {door.path: door for door in DOORS}

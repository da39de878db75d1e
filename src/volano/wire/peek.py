"""As little of each API's request as a gateway must understand.

Bodies are decoded partially: the named fields with their types, the rest skipped
unread, so that what needs no rewriting passes byte for byte. `peek` is the same
question for every door: which model, streamed or not, for whom, how much at most.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from volano.wire.openai import ChatRequest, FieldError, MalformedError, decoded, read_chat


class Peek(Struct, frozen=True, gc=False):
    """What the gateway must know of a request. `chat` has more of a chat's, which flows may wrap."""

    model: str
    stream: bool = False
    wants_usage: bool = False
    user: str | None = None
    max_tokens: int | None = None
    has_stream_options: bool = False
    chat: ChatRequest | None = None


class _Responses(Struct):
    model: str
    input: Raw = Raw(b"null")
    stream: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    max_output_tokens: int | None = None


class _Completions(Struct):
    model: str
    prompt: Raw
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    user: str | None = None
    max_tokens: int | None = None


class _Embeddings(Struct):
    model: str
    input: Raw
    user: str | None = None


class _Metadata(Struct):
    user_id: str | None = None


class _Messages(Struct):
    model: str
    messages: Raw
    stream: bool | None = None
    metadata: _Metadata | None = None
    max_tokens: int | None = None


def peek_chat(body: bytes) -> Peek:
    """Read `/v1/chat/completions`. Raises MalformedError or FieldError, as all of these do."""
    chat = read_chat(body)
    limit = chat.max_completion_tokens
    return Peek(
        chat.model,
        bool(chat.stream),
        bool(chat.stream_options and chat.stream_options.include_usage),
        chat.safety_identifier or chat.user,
        chat.max_tokens if limit is None else limit,
        chat.stream_options is not None,
        chat,
    )


def peek_responses(body: bytes) -> Peek:
    """Read `/v1/responses`."""
    asked = decoded(_responses, body)
    user = asked.safety_identifier or asked.user
    return Peek(asked.model, bool(asked.stream), True, user, asked.max_output_tokens)


def peek_completions(body: bytes) -> Peek:
    """Read `/v1/completions`."""
    asked = decoded(_completions, body)
    wants = bool(asked.stream_options and asked.stream_options.get("include_usage"))
    given = asked.stream_options is not None
    return Peek(asked.model, bool(asked.stream), wants, asked.user, asked.max_tokens, given)


def peek_embeddings(body: bytes) -> Peek:
    """Read `/v1/embeddings`."""
    asked = decoded(_embeddings, body)
    return Peek(asked.model, user=asked.user, max_tokens=0)


def peek_messages(body: bytes) -> Peek:
    """Read `/v1/messages` and `/v1/messages/count_tokens`."""
    asked = decoded(_messages, body)
    user = asked.metadata.user_id if asked.metadata else None
    return Peek(asked.model, bool(asked.stream), True, user, asked.max_tokens)


T = TypeVar("T")
_responses: Callable[[bytes], _Responses] = msgspec.json.Decoder(_Responses).decode
_completions: Callable[[bytes], _Completions] = msgspec.json.Decoder(_Completions).decode
_embeddings: Callable[[bytes], _Embeddings] = msgspec.json.Decoder(_Embeddings).decode
_messages: Callable[[bytes], _Messages] = msgspec.json.Decoder(_Messages).decode

__all__ = [
    "FieldError",
    "MalformedError",
    "Peek",
    "peek_chat",
    "peek_completions",
    "peek_embeddings",
    "peek_messages",
    "peek_responses",
]

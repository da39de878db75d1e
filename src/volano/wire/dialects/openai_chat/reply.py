"""Whole answers: a chat completion to and from a `Reply`.

The message has one field for words, one for thoughts (`reasoning_content`, as the
compatible servers have it), one for a refusal and a list of calls: parts of one
kind are joined, in that order. A thought's signature has no place here.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.fields import Count
from volano.wire.exchange import (
    Ask,
    Finish,
    Part,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolUse,
    Usage,
)

FINISHES: dict[Finish, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tools": "tool_calls",
    "filter": "content_filter",
    "pause": "length",  # there is more to come, which no other word says
    "error": "length",
}
_FINISH_OF: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "filter",
}


Seconds = Annotated[float, Meta(ge=0, le=1e12)]


class _Function(Struct):
    name: str
    arguments: str = ""


class _Call(Struct):
    function: _Function
    id: str | None = None


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: None = None
    audio: None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _InputDetails(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    audio_tokens: Count | None = None


class _OutputDetails(Struct):
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None


class Tokens(Struct):
    """The `usage` object."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Completion(Struct):
    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    created: Seconds | None = None
    usage: Tokens | None = None


_decode = msgspec.json.Decoder(_Completion).decode


def read_reply(body: bytes) -> Reply:
    """Raises BadAnswerError."""
    try:
        completion = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(f"not a chat completion: {error}") from None
    if len(completion.choices) != 1:
        raise BadAnswerError(f"one choice is wanted, not {len(completion.choices)}")
    choice = completion.choices[0]
    return Reply(
        id=completion.id or "",
        model=completion.model or "",
        parts=_parts(choice.message),
        finish=finish_of(choice.finish_reason),
        usage=usage_of(completion.usage),
        created_s=int(completion.created or 0),
    )


def _parts(message: _Message) -> list[Part]:
    parts: list[Part] = []
    if thought := message.reasoning_content or message.reasoning:
        parts.append(Thinking(thought))
    if message.content:
        parts.append(Text(message.content))
    if message.refusal:
        parts.append(Refusal(message.refusal))
    for index, call in enumerate(message.tool_calls or ()):
        id_ = call.id or f"call_{index}"
        parts.append(ToolUse(id_, call.function.name, call.function.arguments))
    return parts


def finish_of(reason: str | None) -> Finish:
    """What a `finish_reason` means; compatible servers have words of their own for a stop."""
    return _FINISH_OF.get(reason or "stop", "stop")


def usage_of(tokens: Tokens | None) -> Usage | None:
    """The counts in neutral words; what the provider does not say is 0."""
    if tokens is None:
        return None
    of_input = tokens.prompt_tokens_details or _InputDetails()
    of_output = tokens.completion_tokens_details or _OutputDetails()
    return Usage(
        input=tokens.prompt_tokens,
        output=tokens.completion_tokens,
        cached=of_input.cached_tokens or 0,
        cache_written=of_input.cache_write_tokens or 0,
        reasoning=of_output.reasoning_tokens or 0,
        audio_input=of_input.audio_tokens or 0,
        audio_output=of_output.audio_tokens or 0,
    )


def usage_said(usage: Usage) -> dict[str, Any]:
    """The `usage` object that says these counts."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_written,
            "audio_tokens": usage.audio_input,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
        },
    }


def write_reply(reply: Reply, ask: Ask) -> bytes:  # noqa: ARG001
    """Return the body of a chat completion."""
    choice = {
        "index": 0,
        "message": _message(reply.parts),
        "logprobs": None,
        "finish_reason": FINISHES[reply.finish],
    }
    body: dict[str, Any] = {
        "id": reply.id,
        "object": "chat.completion",
        "created": reply.created_s,
        "model": reply.model,
        "choices": [choice],
    }
    if reply.usage is not None:
        body["usage"] = usage_said(reply.usage)
    return msgspec.json.encode(body)


def _message(parts: list[Part]) -> dict[str, Any]:
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part.text for part in parts if isinstance(part, Thinking) and not part.redacted]
    uses = [part for part in parts if isinstance(part, ToolUse)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (uses or refusals) else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if thoughts:
        message["reasoning_content"] = "\n\n".join(thoughts)
    if uses:
        message["tool_calls"] = [
            {
                "id": use.id,
                "type": "function",
                "function": {"name": use.name, "arguments": use.arguments},
            }
            for use in uses
        ]
    return message

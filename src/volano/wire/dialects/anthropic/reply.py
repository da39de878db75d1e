"""Whole answers: a message to and from a `Reply`.

Blocks of Anthropic's own tools are a bad answer here: a request that is carried
between two APIs cannot have asked for them. Citations are left out.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.anthropic.block_writer import tool_input
from volano.wire.dialects.anthropic.usage import Tokens, usage_of, usage_said
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

_FINISH_OF: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "filter",
    "pause_turn": "pause",
}
_STOP_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tools": "tool_use",
    "filter": "refusal",
    "pause": "pause_turn",
    "error": "max_tokens",  # it is cut short, which no other word says
}


class _Text(Struct, tag_field="type", tag="text"):
    text: str


class _Thinking(Struct, tag_field="type", tag="thinking"):
    thinking: str
    signature: str | None = None


class _Redacted(Struct, tag_field="type", tag="redacted_thinking"):
    data: str


class _ToolUse(Struct, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: Raw


Block = _Text | _Thinking | _Redacted | _ToolUse


class _Message(Struct):
    id: str
    content: list[Block]
    model: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Tokens | None = None


_decode = msgspec.json.Decoder(_Message).decode


def read_reply(body: bytes) -> Reply:
    """Raises BadAnswerError."""
    try:
        message = _decode(body)
        parts: list[Part] = [part_of(block) for block in message.content]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(f"not a message: {error}") from None
    return Reply(
        id=message.id,
        model=message.model,
        parts=parts,
        finish=finish_of(message.stop_reason),
        stop_sequence=message.stop_sequence,
        usage=usage_of(message.usage) if message.usage else None,
    )


def part_of(block: Block) -> Text | Thinking | ToolUse:
    """The part that a block of an answer is."""
    match block:
        case _Text():
            return Text(block.text)
        case _Thinking():
            return Thinking(block.thinking, block.signature or None)
        case _Redacted():
            return Thinking(block.data, redacted=True)
        case _ToolUse():
            return ToolUse(block.id, block.name, bytes(block.input).decode())


def finish_of(reason: str | None) -> Finish:
    """What a `stop_reason` means; one that is not known yet is a stop."""
    return _FINISH_OF.get(reason or "end_turn", "stop")


def stop_reason(finish: Finish, kinds: Iterable[type]) -> str:
    """The `stop_reason` of an answer with parts of these kinds.

    Clients run tools and see refusals by it, where other APIs may only say "stop".
    """
    if finish == "stop":
        kinds = set(kinds)
        if ToolUse in kinds:
            finish = "tools"
        elif Refusal in kinds:
            finish = "filter"
    return _STOP_REASONS[finish]


def write_reply(reply: Reply, ask: Ask) -> bytes:  # noqa: ARG001
    """Return the body of a message."""
    body = message_said(reply.id, reply.model, reply.usage)
    body["content"] = [_block(part) for part in reply.parts]
    body["stop_reason"] = stop_reason(reply.finish, map(type, reply.parts))
    body["stop_sequence"] = reply.stop_sequence
    return msgspec.json.encode(body)


def message_said(id_: str, model: str, usage: Usage | None) -> dict[str, Any]:
    """A message of which nothing was said yet. Its usage is required: zeros if unknown."""
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage_said(usage or Usage()),
    }


def _block(part: Part) -> dict[str, Any]:
    match part:
        case ToolUse():
            given = tool_input(part.arguments)
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": given}
        case Thinking(redacted=True):
            return {"type": "redacted_thinking", "data": part.text}
        case Thinking():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case Text() | Refusal():
            return {"type": "text", "text": part.text}
    raise BadAnswerError(f"Anthropic's answers hold no part such as {type(part).__name__}")

"""Writes a stream of a message: named events, each part a numbered block.

A redacted thought has no deltas: its block is written whole when it ends.
"""

from typing import Any

import msgspec

from volano.wire.dialects.anthropic.errors import write_error
from volano.wire.dialects.anthropic.reply import message_said, stop_reason
from volano.wire.dialects.anthropic.usage import delta_said
from volano.wire.exchange import (
    Ask,
    Began,
    Delta,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    Refusal,
    Text,
    Thinking,
    ToolUse,
    Usage,
)

_encode = msgspec.json.encode
_WORDS: dict[type, tuple[str, str]] = {
    Text: ("text_delta", "text"),
    Refusal: ("text_delta", "text"),
    Thinking: ("thinking_delta", "thinking"),
    ToolUse: ("input_json_delta", "partial_json"),
}


class EventWriter:
    """Writes one answer's stream."""

    def __init__(self, ask: Ask) -> None:  # noqa: ARG002
        self._kinds: dict[int, type] = {}
        self._blocks: dict[int, int] = {}
        self._redacted: dict[int, str] = {}

    def write(self, event: Event) -> bytes:
        """Return the bytes that say this event; may be none."""
        match event:
            case Delta():
                return self._delta(event)
            case Began():
                return self._began(event)
            case Ended():
                return self._ended(event)
            case Opened():
                message = message_said(event.id, event.model, event.usage)
                return _event("message_start", {"message": message})
            case Finished():
                return self._finished(event)
            case Failed():
                return write_stream_error(
                    event.message, kind=event.kind, code=event.code, request_id=event.request_id
                )

    def _began(self, event: Began) -> bytes:
        part = event.part
        block: dict[str, Any]
        self._kinds[event.index] = type(part)
        self._blocks[event.index] = len(self._blocks)
        match part:
            case Thinking(redacted=True):
                self._redacted[event.index] = part.text
                return b""
            case Thinking():
                block = {"type": "thinking", "thinking": "", "signature": ""}
            case ToolUse():
                block = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
            case Text() | Refusal():
                block = {"type": "text", "text": ""}
        return self._start(event.index, block)

    def _start(self, index: int, block: dict[str, Any]) -> bytes:
        said = {"index": self._blocks[index], "content_block": block}
        return _event("content_block_start", said)

    def _delta(self, event: Delta) -> bytes:
        if event.index in self._redacted:
            self._redacted[event.index] += event.text
            return b""
        said = b""
        index = self._blocks[event.index]
        if event.text:
            kind, name = _WORDS[self._kinds[event.index]]
            delta = {"type": kind, name: event.text}
            said = _event("content_block_delta", {"index": index, "delta": delta})
        if event.signature:
            delta = {"type": "signature_delta", "signature": event.signature}
            said += _event("content_block_delta", {"index": index, "delta": delta})
        return said

    def _ended(self, event: Ended) -> bytes:
        start = b""
        if event.index in self._redacted:
            data = self._redacted.pop(event.index)
            start = self._start(event.index, {"type": "redacted_thinking", "data": data})
        return start + _event("content_block_stop", {"index": self._blocks[event.index]})

    def _finished(self, event: Finished) -> bytes:
        stopped = {
            "stop_reason": stop_reason(event.finish, self._kinds.values()),
            "stop_sequence": event.stop_sequence,
        }
        usage = delta_said(event.usage or Usage())
        last = _event("message_delta", {"delta": stopped, "usage": usage})
        return last + _event("message_stop", {})


def _event(name: str, fields: dict[str, Any]) -> bytes:
    said = _encode({"type": name, **fields})
    return b"event: %b\ndata: %b\n\n" % (name.encode(), said)


def write_stream_error(message: str, *, kind: str, code: str = "", request_id: str = "") -> bytes:
    """Return the event that tells a client in mid-stream that no more will come."""
    said = write_error(500, message, kind=kind, code=code, request_id=request_id)
    return b"event: error\ndata: %b\n\n" % said

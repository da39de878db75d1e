"""Writes a stream of chat completion chunks.

A chunk for the role, one for each delta, one for the finish; the usage in a chunk
of its own where the client asked for it; then `[DONE]`. All but the delta is the
same in every chunk and is encoded once.
"""

from typing import Any

import msgspec

from volano.wire import sse
from volano.wire.dialects.openai_chat.reply import FINISHES, usage_said
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
)
from volano.wire.openai import error_body

_encode = msgspec.json.encode


class EventWriter:
    """Writes one answer's stream."""

    def __init__(self, ask: Ask) -> None:
        self._wants_usage = ask.wants_usage
        self._tail = b',"usage":null}\n\n' if ask.wants_usage else b"}\n\n"
        self._head = b""
        self._parts: dict[int, Text | ToolUse | Thinking | Refusal] = {}
        self._call: dict[int, int] = {}
        self._thought = False

    def write(self, event: Event) -> bytes:
        """Return the bytes that say this event; may be none."""
        match event:
            case Delta():
                return self._delta(event)
            case Began():
                return self._began(event)
            case Ended():
                return b""
            case Opened():
                return self._opened(event)
            case Finished():
                return self._finished(event)
            case Failed():
                return write_stream_error(event.message, kind=event.kind, code=event.code)

    def _opened(self, event: Opened) -> bytes:
        head = {
            "id": event.id,
            "object": "chat.completion.chunk",
            "created": event.created_s,
            "model": event.model,
        }
        self._head = b"data: " + _encode(head)[:-1]
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _began(self, event: Began) -> bytes:
        part = event.part
        self._parts[event.index] = part
        if isinstance(part, Thinking) and not part.redacted:
            before, self._thought = self._thought, True
            return self._chunk({"reasoning_content": "\n\n"}) if before else b""
        if not isinstance(part, ToolUse):
            return b""
        number = self._call[event.index] = len(self._call)
        function = {"name": part.name, "arguments": ""}
        call = {"index": number, "id": part.id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _delta(self, event: Delta) -> bytes:
        if not event.text:
            return b""
        match self._parts[event.index]:
            case Text():
                return self._chunk({"content": event.text})
            case ToolUse():
                function = {"arguments": event.text}
                call = {"index": self._call[event.index], "function": function}
                return self._chunk({"tool_calls": [call]})
            case Refusal():
                return self._chunk({"refusal": event.text})
            case Thinking(redacted=False):
                return self._chunk({"reasoning_content": event.text})
        return b""

    def _finished(self, event: Finished) -> bytes:
        last = self._chunk({}, FINISHES[event.finish])
        usage = b""
        if self._wants_usage and event.usage is not None:
            said = _encode(usage_said(event.usage))
            usage = self._head + b',"choices":[],"usage":' + said + b"}\n\n"
        return last + usage + b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        said = b',"choices":[{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}]'
        return self._head + said % (_encode(delta), _encode(finish)) + self._tail


def write_stream_error(message: str, *, kind: str, code: str = "") -> bytes:
    """Return the event that tells a client in mid-stream that no more will come."""
    return sse.event(error_body(message, kind=kind, code=code))

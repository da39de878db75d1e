"""Reads a stream of a message.

The events are told apart by `type` in their data. Kinds of events that are not
known are passed over, as the API's versioning policy asks; kinds of blocks are not.
"""

from collections.abc import Callable
from typing import ClassVar

import msgspec
from msgspec import Struct

from volano.wire import sse
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.anthropic.errors import fault_of, status_of
from volano.wire.dialects.anthropic.reply import Block, finish_of, part_of
from volano.wire.dialects.anthropic.usage import Tokens, merged, usage_of
from volano.wire.exchange import (
    Began,
    Delta,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    Text,
    Thinking,
    ToolUse,
    Usage,
)


class _Opening(Struct):
    id: str
    model: str = ""
    usage: Tokens | None = None


class _MessageStart(Struct):
    message: _Opening


class _BlockStart(Struct):
    index: int
    content_block: Block


class _Said(Struct):
    type: str
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str | None = None


class _BlockDelta(Struct):
    index: int
    delta: _Said


class _BlockStop(Struct):
    index: int


class _Stopped(Struct):
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _MessageDelta(Struct):
    delta: _Stopped
    usage: Tokens | None = None


class _Fault(Struct):
    message: str
    type: str = "api_error"


class _Error(Struct):
    error: _Fault


class _Kind(Struct):
    type: str


_kind = msgspec.json.Decoder(_Kind).decode
_message_start = msgspec.json.Decoder(_MessageStart).decode
_block_start = msgspec.json.Decoder(_BlockStart).decode
_block_delta = msgspec.json.Decoder(_BlockDelta).decode
_block_stop = msgspec.json.Decoder(_BlockStop).decode
_message_delta = msgspec.json.Decoder(_MessageDelta).decode
_error = msgspec.json.Decoder(_Error).decode


class EventReader:
    """Reads one answer's stream, fed as the bytes come."""

    def __init__(self) -> None:
        self._framer = sse.Framer()
        self._events: list[Event] = []
        self._opened = self._ended = self._done = self._counted = False
        self._open: dict[int, int] = {}  # the block's index at the provider: the part's here
        self._wordless: set[int] = set()  # tool uses without a word of arguments yet
        self._parts = 0
        self._tokens: Tokens | None = None
        self._stopped: _Stopped | None = None

    @property
    def complete(self) -> bool:
        """Whether `message_stop` came."""
        return self._done

    @property
    def usage(self) -> Usage | None:
        """The counts, once a `message_delta` told those of the answer, or nothing more comes."""
        if self._tokens is None or not (self._counted or self._done):
            return None
        return usage_of(self._tokens)

    def feed(self, data: bytes) -> list[Event]:
        """Raises BadAnswerError."""
        try:
            block = self._framer.feed(data)
        except sse.EventTooLongError:
            raise BadAnswerError("an event is too long") from None
        self._events = []
        try:
            for _, said in sse.events(block) if block else ():
                if said and not self._ended:
                    self._read(said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(f"not an event of a message's stream: {error}") from None
        return self._events

    def _read(self, said: bytes) -> None:
        kind = _kind(said).type
        if kind == "error":
            self._fail(_error(said).error)
        elif kind == "message_start":
            self._open_message(_message_start(said).message)
        elif kind in self._STEPS:
            if not self._opened:
                raise BadAnswerError(f"{kind} came before message_start")
            self._STEPS[kind](self, said)

    def _open_message(self, message: _Opening) -> None:
        self._opened = True
        self._tokens = message.usage
        usage = usage_of(message.usage) if message.usage else None
        self._events.append(Opened(message.id, message.model, usage))

    def _begin(self, said: bytes) -> None:
        start = _block_start(said)
        index = self._open[start.index] = self._parts
        self._parts += 1
        part = part_of(start.content_block)
        first = Delta(index)
        match part:
            case ToolUse():
                arguments = "" if part.arguments == "{}" else part.arguments
                part, first.text = ToolUse(part.id, part.name, ""), arguments
                if not arguments:
                    self._wordless.add(index)
            case Text():
                part, first.text = Text(""), part.text
            case Thinking():
                first.text, first.signature = part.text, part.signature
                part = Thinking("", redacted=part.redacted)
        self._events.append(Began(index, part))
        if first.text or first.signature:
            self._events.append(first)

    def _say(self, said: bytes) -> None:
        event = _block_delta(said)
        index, delta = self._index(event.index), event.delta
        text = delta.text or delta.partial_json or delta.thinking
        if text or delta.signature:
            self._wordless.discard(index)
            self._events.append(Delta(index, text, delta.signature))

    def _end(self, said: bytes) -> None:
        block = _block_stop(said).index
        index = self._index(block)
        del self._open[block]
        if index in self._wordless:
            self._events.append(Delta(index, "{}"))
        self._events.append(Ended(index))

    def _index(self, block: int) -> int:
        if block not in self._open:
            raise BadAnswerError(f"block {block} is not open")
        return self._open[block]

    def _stop(self, said: bytes) -> None:
        delta = _message_delta(said)
        self._stopped = delta.delta
        if delta.usage is not None:
            self._counted = True
            self._tokens = merged(self._tokens or Tokens(), delta.usage)

    def _finish(self, said: bytes) -> None:  # noqa: ARG002
        if self._stopped is None or self._open:
            raise BadAnswerError("message_stop came before the message was complete")
        self._ended = self._done = True
        finish = finish_of(self._stopped.stop_reason)
        self._events.append(Finished(finish, self._stopped.stop_sequence, self.usage))

    def _fail(self, error: _Fault) -> None:
        self._ended = True
        fault = fault_of(error.type, error.message)
        self._events.append(Failed(fault.message, fault.kind, status_of(error.type)))

    _STEPS: ClassVar[dict[str, Callable[["EventReader", bytes], None]]] = {
        "content_block_start": _begin,
        "content_block_delta": _say,
        "content_block_stop": _end,
        "message_delta": _stop,
        "message_stop": _finish,
    }

"""Reads a stream of chat completion chunks.

The API has no word for the beginning and end of a part: a part begins with its
first delta, and ends where a delta of another begins. The finish comes before the
usage, so that `Finished` waits for `[DONE]`.
"""

from typing import Any

import msgspec
from msgspec import Struct

from volano.wire import sse
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.openai_chat.errors import fault_of
from volano.wire.dialects.openai_chat.reply import Seconds, Tokens, finish_of, usage_of
from volano.wire.exchange import (
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


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    id: str | None = None
    model: str | None = None
    created: Seconds | None = None
    choices: list[_Choice] | None = None
    usage: Tokens | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_Words = type[Text] | type[Thinking] | type[Refusal]


class EventReader:
    """Reads one answer's stream, fed as the bytes come."""

    def __init__(self) -> None:
        self._framer = sse.Framer()
        self._events: list[Event] = []
        self._opened = self._ended = self._done = False
        self._parts = 0
        self._open: type | None = None  # the kind of the part that is being said
        self._call_id: str | None = None
        self._call_index = -1
        self._finish: str | None = None
        self._usage: Tokens | None = None

    @property
    def complete(self) -> bool:
        """Whether `[DONE]` came."""
        return self._done

    @property
    def usage(self) -> Usage | None:
        """The counts of the last chunk that told any."""
        return usage_of(self._usage)

    def feed(self, data: bytes) -> list[Event]:
        """Raises BadAnswerError."""
        try:
            block = self._framer.feed(data)
        except sse.EventTooLongError:
            raise BadAnswerError("an event is too long") from None
        self._events = []
        for _, said in sse.events(block) if block else ():
            if said and not self._ended:
                self._read(said)
        return self._events

    def _read(self, said: bytes) -> None:
        if said == b"[DONE]":
            self._end()
            return
        try:
            chunk = _decode(said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(f"not a chunk of a chat completion: {error}") from None
        if chunk.error is not None:
            self._fail(chunk.error)
            return
        if not self._opened:
            self._opened = True
            created_s = int(chunk.created or 0)
            self._events.append(Opened(chunk.id or "", chunk.model or "", created_s=created_s))
        if chunk.usage is not None:
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            if choice.index != 0:
                raise BadAnswerError("one choice is wanted, not several")
            if choice.delta is not None:
                self._say(choice.delta)
            if choice.finish_reason:
                self._finish = choice.finish_reason

    def _say(self, delta: _Delta) -> None:
        if thought := delta.reasoning_content or delta.reasoning:
            self._words(Thinking, thought)
        if delta.content:
            self._words(Text, delta.content)
        if delta.refusal:
            self._words(Refusal, delta.refusal)
        for call in delta.tool_calls or ():
            self._call(call)

    def _words(self, kind: _Words, text: str) -> None:
        if self._open is not kind:
            self._begin(kind(""))
        self._events.append(Delta(self._parts - 1, text))

    def _call(self, call: _Call) -> None:
        function = call.function or _Function()
        if self._is_new(call):
            if not function.name:
                raise BadAnswerError("a tool call begins without a name, or goes on after its end")
            self._call_index = self._call_index + 1 if call.index is None else call.index
            self._call_id = call.id or f"call_{self._call_index}"
            self._begin(ToolUse(self._call_id, function.name, ""))
        if function.arguments:
            self._events.append(Delta(self._parts - 1, function.arguments))

    def _is_new(self, call: _Call) -> bool:
        """Some servers give no index, or the same to all calls: then the id tells them apart."""
        if self._open is not ToolUse:
            return True
        if call.id and call.id != self._call_id:
            return True
        return call.index is not None and call.index != self._call_index

    def _begin(self, part: Text | Thinking | Refusal | ToolUse) -> None:
        self._close()
        self._open = type(part)
        self._events.append(Began(self._parts, part))
        self._parts += 1

    def _close(self) -> None:
        if self._open is not None:
            self._events.append(Ended(self._parts - 1))
            self._open = None

    def _end(self) -> None:
        if not self._opened:
            raise BadAnswerError("the stream ended before it began")
        if self._finish is None:
            raise BadAnswerError("the stream ended without a finish_reason")
        self._close()
        self._events.append(Finished(finish_of(self._finish), usage=usage_of(self._usage)))
        self._ended = self._done = True

    def _fail(self, error: object) -> None:
        self._ended = True
        try:
            fault = fault_of({"error": error}, "server_error")
        except (ValueError, OverflowError):
            self._events.append(Failed("The provider failed."))
            return
        self._events.append(Failed(fault.message, fault.kind))

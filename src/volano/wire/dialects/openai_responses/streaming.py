"""An answer's events, written as the stream that a Responses client expects.

The order is the API's own: the response is created and in progress; each item is
added, grows, is done; a message is done when something else begins or the answer
ends; the last event holds the whole answer once more, also where it failed. What a failed
answer may have for a code is a short list: a code of ours has an `error` event before it.
All are numbered.
"""

from typing import Any

import msgspec
from msgspec import Struct

from volano.wire.dialects.openai_responses.answering import (
    content_words,
    ending_of,
    item_name,
    message_item,
    part_item,
    response_head,
    usage_words,
)
from volano.wire.exchange import (
    Ask,
    Began,
    Delta,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolUse,
)

_encode = msgspec.json.encode


def sse(kind: str, number: int, **fields: Any) -> bytes:
    """One event."""
    data = _encode({"type": kind, "sequence_number": number, **fields})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


class _Message(Struct):
    """A message that is being said."""

    item_id: str
    output_index: int
    content: list[dict[str, Any]] = []
    unfinished: int = 0
    last: bool = True  # whether more may still join it


class _Part(Struct):
    """A part that is being said."""

    part: Part
    item_id: str
    output_index: int
    content_index: int
    delta_kind: str
    delta_head: bytes
    message: _Message | None
    pieces: list[str] = []
    signature: str | None = None


_DELTA_KINDS = {
    Text: "response.output_text.delta",
    Refusal: "response.refusal.delta",
    ToolUse: "response.function_call_arguments.delta",
    Thinking: "response.reasoning_summary_text.delta",
}


class ResponsesWriter:
    """Writes the events of one answer."""

    def __init__(self, ask: Ask):
        self._ask = ask
        self._head: dict[str, Any] | None = None
        self._number = -1
        self._output: list[dict[str, Any]] = []
        self._parts: dict[int, _Part] = {}
        self._message: _Message | None = None
        self._refused = False

    def write(self, event: Event) -> bytes:
        match event:
            case Delta():
                return self._delta(event)
            case Opened():
                return self._opened(event)
            case Began():
                return self._began(event)
            case Ended():
                return self._ended(event.index)
            case Finished():
                return self._finished(event)
            case Failed():
                return self._failed(event)

    def _say(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        return sse(kind, self._number, **fields)

    def _opened(self, event: Opened) -> bytes:
        head = response_head(self._ask, id=event.id, model=event.model, created_s=event.created_s)
        self._head = head
        going = {"status": "in_progress", "error": None, "incomplete_details": None}
        response = {**head, **going, "output": [], "usage": None}
        return self._say("response.created", response=response) + self._say(
            "response.in_progress", response=response
        )

    def _began(self, event: Began) -> bytes:
        if isinstance(event.part, Text | Refusal):
            return self._began_words(event.index, event.part)
        before = self._leave_message()
        output_index = len(self._output)
        item_id = self._name(event.part)
        item = part_item(event.part, item_id, "in_progress")
        if isinstance(event.part, Thinking):
            item = {"id": item_id, "type": "reasoning", "summary": [], "status": "in_progress"}
        self._output.append(item)
        part = self._follow(event.index, event.part, item_id, output_index)
        before += self._say("response.output_item.added", output_index=output_index, item=item)
        if isinstance(event.part, Thinking) and not event.part.redacted:
            empty = {"type": "summary_text", "text": ""}
            before += self._say("response.reasoning_summary_part.added", **_place(part), part=empty)
        return before

    def _began_words(self, index: int, part: Text | Refusal) -> bytes:
        said = b""
        message = self._message
        if message is None:
            message = self._message = _Message(self._name(part), len(self._output))
            item = message_item(message.item_id, [], "in_progress")
            self._output.append(item)
            said = self._say(
                "response.output_item.added", output_index=message.output_index, item=item
            )
        message.unfinished += 1
        self._refused = self._refused or isinstance(part, Refusal)
        state = self._follow(index, part, message.item_id, message.output_index, message)
        message.content.append({})
        words = content_words(part)
        return said + self._say("response.content_part.added", **_place(state), part=words)

    def _name(self, part: Part) -> str:
        reply_id = self._head["id"] if self._head else ""
        return item_name(part, reply_id, len(self._output))

    def _follow(
        self,
        index: int,
        part: Part,
        item_id: str,
        output_index: int,
        message: _Message | None = None,
    ) -> _Part:
        kind = _DELTA_KINDS[type(part)]
        content_index = len(message.content) if message else 0
        state = _Part(part, item_id, output_index, content_index, kind, b"", message)
        fields: dict[str, Any] = {"type": kind, **_place(state)}
        if isinstance(part, Text):
            fields["logprobs"] = []
        head = _encode(fields)[:-1]
        state.delta_head = b'event: %b\ndata: %b,"delta":' % (kind.encode(), head)
        self._parts[index] = state
        return state

    def _delta(self, event: Delta) -> bytes:
        state = self._parts[event.index]
        if event.signature is not None:
            state.signature = event.signature
        if not event.text:
            return b""
        state.pieces.append(event.text)
        if isinstance(state.part, Thinking) and state.part.redacted:
            return b""
        self._number += 1
        text = _encode(event.text)
        return b'%b%b,"sequence_number":%d}\n\n' % (state.delta_head, text, self._number)

    def _ended(self, index: int) -> bytes:
        state = self._parts.pop(index, None)
        if state is None:
            return b""
        text = "".join(state.pieces)
        match state.part:
            case Text() | Refusal():
                return self._ended_words(state, text)
            case ToolUse(id=id_, name=name):
                said = self._say(
                    "response.function_call_arguments.done", **_place(state), arguments=text
                )
                return said + self._item_done(state, ToolUse(id_, name, text))
            case Thinking(redacted=True):
                return self._item_done(state, Thinking(text, redacted=True))
            case _:
                signature = state.signature or getattr(state.part, "signature", None)
                words = {"type": "summary_text", "text": text}
                said = self._say(
                    "response.reasoning_summary_text.done", **_place(state), text=text
                ) + self._say("response.reasoning_summary_part.done", **_place(state), part=words)
                return said + self._item_done(state, Thinking(text, signature))

    def _ended_words(self, state: _Part, text: str) -> bytes:
        if isinstance(state.part, Refusal):
            words = content_words(Refusal(text))
            said = self._say("response.refusal.done", **_place(state), refusal=text)
        else:
            words = content_words(Text(text))
            said = self._say("response.output_text.done", **_place(state), text=text, logprobs=[])
        said += self._say("response.content_part.done", **_place(state), part=words)
        message = state.message
        if message is not None:
            message.content[state.content_index] = words
            message.unfinished -= 1
            if not message.last and not message.unfinished:
                said += self._message_done(message, "completed")
        return said

    def _item_done(self, state: _Part, part: Part) -> bytes:
        item = part_item(part, state.item_id)
        self._output[state.output_index] = item
        return self._say("response.output_item.done", output_index=state.output_index, item=item)

    def _leave_message(self, status: str = "completed") -> bytes:
        message, self._message = self._message, None
        if message is None:
            return b""
        message.last = False
        return b"" if message.unfinished else self._message_done(message, status)

    def _message_done(self, message: _Message, status: str) -> bytes:
        item = message_item(message.item_id, message.content, status)
        self._output[message.output_index] = item
        return self._say("response.output_item.done", output_index=message.output_index, item=item)

    def _finished(self, event: Finished) -> bytes:
        said = self._opened(Opened("", "")) if self._head is None else b""
        for index in list(self._parts):
            said += self._ended(index)
        ending = ending_of(event.finish, refused=self._refused)
        cut_short = ending["status"] == "incomplete"
        said += self._leave_message("incomplete" if cut_short else "completed")
        if self._output and cut_short:
            self._output[-1]["status"] = "incomplete"
        usage = usage_words(event.usage)
        response = {**(self._head or {}), **ending, "output": self._output, "usage": usage}
        return said + self._say(f"response.{ending['status']}", response=response)

    def _failed(self, event: Failed) -> bytes:
        code = code_of(event.kind)
        said = b""
        if event.code or self._head is None:
            words = {"code": event.code or code, "message": event.message, "param": None}
            said = self._say("error", **words)
        if self._head is None:
            return said
        error = {"code": code, "message": event.message, "type": event.kind}
        ending = {"status": "failed", "error": error, "incomplete_details": None}
        self._break_off()
        response = {**self._head, **ending, "output": self._output, "usage": None}
        return said + self._say("response.failed", response=response)

    def _break_off(self) -> None:
        """Put what was said so far into the items that are not done."""
        unfinished = [self._message] if self._message is not None else []
        for state in self._parts.values():
            text = "".join(state.pieces)
            match state.part:
                case Text() | Refusal() as words if state.message is not None:
                    state.message.content[state.content_index] = content_words(type(words)(text))
                    unfinished.append(state.message)
                case ToolUse(id=id_, name=name):
                    self._cut_short(state, ToolUse(id_, name, text))
                case Thinking() as thought:
                    said = thought if thought.redacted else Thinking(text, state.signature)
                    self._cut_short(state, said)
        for message in unfinished:
            item = message_item(message.item_id, message.content, "incomplete")
            self._output[message.output_index] = item

    def _cut_short(self, state: _Part, part: Part) -> None:
        self._output[state.output_index] = part_item(part, state.item_id, "incomplete")


def _place(state: _Part) -> dict[str, Any]:
    place = {"item_id": state.item_id, "output_index": state.output_index}
    match state.part:
        case Text() | Refusal():
            place["content_index"] = state.content_index
        case Thinking():
            place["summary_index"] = 0
    return place


_CODES = {
    "rate_limit_error": "rate_limit_exceeded",
    "invalid_request_error": "invalid_prompt",
}


def code_of(kind: str) -> str:
    """The code of a failed response that is nearest to a kind of error."""
    return _CODES.get(kind, "server_error")

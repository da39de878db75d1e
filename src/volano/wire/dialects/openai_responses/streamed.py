"""A provider's stream in the words of the Responses API, read into events.

Providers that imitate this API leave events out: some begin no content part, some
say a function call in one piece, some send only the last event. So whatever an
item says when it is done and was not said before is made up for then, and each
part ends once, at the first word that it has ended.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from volano.wire import sse
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.bodies import answered
from volano.wire.dialects.openai_responses.answering import (
    Content,
    Item,
    Response,
    content_part,
    created_of,
    error_text,
    finish_of,
    item_parts,
    usage_of,
)
from volano.wire.exchange import (
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
    Usage,
)


class _Event(Struct):
    type: str = ""
    delta: str | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    item: Item | None = None
    part: Content | None = None
    response: Response | None = None
    message: str | None = None
    code: str | None = None


_decode = msgspec.json.Decoder(_Event).decode
_Key = tuple[int, int]
_WHOLE = 0  # the content index of items that are one part


class _Open(Struct):
    """A part as far as it was read."""

    index: int
    part: Text | Refusal | ToolUse | Thinking
    said: list[str] = []
    piece: tuple[bool, int] | None = None  # which piece of a thought is being said
    ended: bool = False


_KINDS = {
    "rate_limit_exceeded": ("rate_limit_error", 429),
    "invalid_prompt": ("invalid_request_error", 400),
}


class ResponsesReader:
    """Reads the events of one answer."""

    def __init__(self) -> None:
        self._framer = sse.Framer()
        self._parts: dict[_Key, _Open] = {}
        self._count = 0
        self._opened = False
        self.complete = False
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> Sequence[Event]:
        try:
            block = self._framer.feed(data)
        except sse.EventTooLongError:
            raise BadAnswerError("An event of the provider's stream is too long.") from None
        events: list[Event] = []
        if block:
            for _, said in sse.events(block):
                if said and said != b"[DONE]" and not self.complete:
                    self._read(answered(_decode, said), events)
        return events

    def _read(self, event: _Event, to: list[Event]) -> None:
        match event.type:
            case "response.output_text.delta":
                self._grow((event.output_index, event.content_index), Text(""), event.delta, to)
            case "response.function_call_arguments.delta":
                self._arguments(event, to)
            case "response.reasoning_summary_text.delta":
                self._think(event.output_index, (False, event.summary_index), event.delta, to)
            case "response.reasoning_text.delta":
                self._think(event.output_index, (True, event.content_index), event.delta, to)
            case "response.refusal.delta":
                key = (event.output_index, event.content_index)
                self._grow(key, Refusal(""), event.delta, to)
            case "response.content_part.added" | "response.content_part.done":
                self._content(event, to)
            case "response.reasoning_summary_part.added":
                self._think(event.output_index, (False, event.summary_index), "", to)
            case "response.output_item.added":
                self._item_added(event, to)
            case "response.output_item.done" if event.item is not None:
                self._item_done(event.output_index, event.item, to)
            case "response.created" | "response.in_progress" | "response.queued":
                self._open(event.response, to)
            case "response.completed" | "response.incomplete":
                self._finish(event, to)
            case "response.failed" | "error":
                self._fail(event, to)

    def _open(self, response: Response | None, to: list[Event]) -> None:
        if self._opened:
            return
        self._opened = True
        said = response or Response()
        to.append(Opened(said.id or "", said.model or "", created_s=created_of(said)))

    def _begin(
        self, key: _Key, part: Text | Refusal | ToolUse | Thinking, to: list[Event]
    ) -> _Open:
        found = self._parts.get(key)
        if found is None:
            self._open(None, to)
            found = self._parts[key] = _Open(self._count, part)
            self._count += 1
            to.append(Began(found.index, part))
        return found

    def _grow(
        self, key: _Key, part: Text | Refusal | ToolUse, text: str | None, to: list[Event]
    ) -> None:
        state = self._begin(key, part, to)
        if type(state.part) is not type(part):
            raise BadAnswerError("The provider's stream changes the kind of a part.")
        if text and not state.ended:
            state.said.append(text)
            to.append(Delta(state.index, text))

    def _arguments(self, event: _Event, to: list[Event]) -> None:
        key = (event.output_index, _WHOLE)
        if key not in self._parts:
            raise BadAnswerError("The provider streams arguments of a call that never began.")
        self._grow(key, ToolUse("", "", ""), event.delta, to)

    def _think(
        self, output_index: int, piece: tuple[bool, int], text: str | None, to: list[Event]
    ) -> None:
        state = self._begin((output_index, _WHOLE), Thinking(""), to)
        if not isinstance(state.part, Thinking):
            raise BadAnswerError("The provider's stream changes the kind of a part.")
        if state.ended:
            return
        if state.piece is not None and state.piece != piece:
            state.said.append("\n\n")
            to.append(Delta(state.index, "\n\n"))
        state.piece = piece
        if text:
            state.said.append(text)
            to.append(Delta(state.index, text))

    def _content(self, event: _Event, to: list[Event]) -> None:
        content = event.part
        if content is None or content.type in ("reasoning_text", "summary_text"):
            return
        part = content_part(content)
        empty: Text | Refusal = Refusal("") if isinstance(part, Refusal) else Text("")
        key = (event.output_index, event.content_index)
        state = self._begin(key, empty, to)
        if event.type == "response.content_part.done":
            self._end(state, part.text, to)

    def _item_added(self, event: _Event, to: list[Event]) -> None:
        item = event.item
        if item is None:
            return
        if item.type == "function_call":
            use = ToolUse(item.call_id or "", item.name or "", "")
            self._begin((event.output_index, _WHOLE), use, to)
        elif item.type not in ("message", "reasoning"):
            item_parts(item)  # refuses it

    def _item_done(self, output_index: int, item: Item, to: list[Event]) -> None:
        for i, part in enumerate(item_parts(item)):
            match part:
                case Text() | Refusal():
                    empty: Text | Refusal = Text("") if isinstance(part, Text) else Refusal("")
                    self._end(self._begin((output_index, i), empty, to), part.text, to)
                case ToolUse():
                    use = ToolUse(part.id, part.name, "")
                    key = (output_index, _WHOLE)
                    self._end(self._begin(key, use, to), part.arguments, to)
                case Thinking():
                    empty_thought = Thinking("", redacted=part.redacted)
                    state = self._begin((output_index, _WHOLE), empty_thought, to)
                    self._end_thought(state, part, to)
        for key, state in self._parts.items():
            if key[0] == output_index:
                self._end(state, "", to)

    def _end_thought(self, state: _Open, part: Thinking, to: list[Event]) -> None:
        if state.ended:
            return
        signature = part.signature
        text = part.text
        if part.redacted and isinstance(state.part, Thinking) and not state.part.redacted:
            signature, text = part.text, ""  # words were streamed that the item does not repeat
        if signature is not None:
            self._make_up(state, text, to)
            to.append(Delta(state.index, signature=signature))
            text = ""
        self._end(state, text, to)

    def _make_up(self, state: _Open, text: str, to: list[Event]) -> None:
        """Say what was not streamed of a text that is now known in full."""
        said = "".join(state.said) if text else ""
        if len(text) > len(said) and text.startswith(said):
            state.said = [text]
            to.append(Delta(state.index, text[len(said) :]))

    def _end(self, state: _Open, text: str, to: list[Event]) -> None:
        if state.ended:
            return
        self._make_up(state, text, to)
        state.ended = True
        to.append(Ended(state.index))

    def _finish(self, event: _Event, to: list[Event]) -> None:
        response = event.response
        if response is None:
            raise BadAnswerError("The provider's last event holds no answer.")
        self._open(response, to)
        for i, item in enumerate(response.output or ()):
            if not any(key[0] == i for key in self._parts):
                self._item_done(i, item, to)
        for state in self._parts.values():
            self._end(state, "", to)
        parts: list[Part] = [state.part for state in self._parts.values()]
        self.usage = usage_of(response.usage)
        to.append(Finished(finish_of(response, parts), usage=self.usage))
        self.complete = True

    def _fail(self, event: _Event, to: list[Event]) -> None:
        response = event.response or Response()
        error, self.usage = response.error, usage_of(response.usage)
        code = (error and error.code) or event.code or ""
        kind, status = _KINDS.get(code, ("server_error", 502))
        to.append(Failed(event.message or error_text(error), kind, status))
        self.complete = True

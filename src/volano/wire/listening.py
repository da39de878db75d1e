"""Listening along to a stream that passes as it came, between two sides that speak alike.

Whoever asked may have asked for anything its API knows: tools that the provider runs
itself, several answers, kinds of blocks of tomorrow. So a listener understands only
what it must: content, usage, errors, and the end that tells a whole stream from a cut.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.anthropic.usage import Tokens, merged
from volano.wire.dialects.anthropic.usage import usage_of as anthropic_usage
from volano.wire.dialects.openai_chat.reply import Tokens as ChatTokens
from volano.wire.dialects.openai_chat.reply import usage_of as chat_usage
from volano.wire.dialects.openai_responses.answering import Usages
from volano.wire.dialects.openai_responses.answering import usage_of as responses_usage
from volano.wire.exchange import Usage


class Heard(Struct, gc=False):
    """What one event told: whether there is something to show, how many pieces, and the rest."""

    content: bool = False
    pieces: int = 0
    error: bool = False
    end: bool = False
    opening: Usage | None = None
    """What the beginning told: the prompt's tokens are all there, the answer's are not."""
    usage: Usage | None = None
    aside: bool = False
    """Nothing but the usage, which not every client asks for."""


class Listener(Protocol):
    """Hears the events of one stream, one by one."""

    number: int
    """What the next event is numbered, where the API numbers them."""

    def hear(self, data: bytes) -> Heard:
        """Return what an event's data tells. Raises BadAnswerError: it is no event."""
        ...


class _Delta(Struct):
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None


class _Message(Struct):
    usage: Tokens | None = None


class _Block(Struct):
    type: str = ""


class _AnthropicEvent(Struct):
    type: str = ""
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: Tokens | None = None


class _Response(Struct):
    usage: Usages | None = None


class _ResponsesEvent(Struct):
    type: str = ""
    sequence_number: Any = None
    delta: Raw | UnsetType = UNSET
    item: _Block | None = None
    response: _Response | None = None


class _Choice(Struct):
    text: str | None = None


class _Completion(Struct):
    choices: list[_Choice] | None = None
    usage: ChatTokens | None = None
    error: Any = None


def _decoder(kind: Any) -> Callable[[bytes], Any]:
    decode = msgspec.json.Decoder(kind).decode

    def decoded(data: bytes) -> Any:
        try:
            return decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(f"not an event of this API: {error}") from None

    return decoded


_anthropic = _decoder(_AnthropicEvent)
_responses = _decoder(_ResponsesEvent)
_completion = _decoder(_Completion)
_SILENT = frozenset(("text", "thinking", "redacted_thinking", "message", "reasoning"))
"""Blocks and items that say something only by their deltas; any other is a tool at work."""


class Messages:
    """Anthropic's."""

    number = 0

    def __init__(self) -> None:
        self._tokens: Tokens | None = None

    def hear(self, data: bytes) -> Heard:
        event = _anthropic(data)
        match event.type:
            case "content_block_delta":
                said = event.delta
                full = bool(said and (said.text or said.partial_json or said.thinking))
                return Heard(content=full, pieces=full)
            case "content_block_start":
                block = event.content_block
                return Heard(content=block is not None and block.type not in _SILENT)
            case "message_start":
                return Heard(opening=self._count(event.message.usage if event.message else None))
            case "message_delta":
                return Heard(usage=self._count(event.usage))
            case "message_stop":
                whole = anthropic_usage(self._tokens) if self._tokens is not None else None
                return Heard(end=True, usage=whole)
        return Heard(error=event.type == "error")

    def _count(self, told: Tokens | None) -> Usage | None:
        if told is None:
            return None
        self._tokens = merged(self._tokens or Tokens(), told)
        return anthropic_usage(self._tokens)


class Responses:
    """OpenAI's Responses."""

    def __init__(self) -> None:
        self.number = 0

    def hear(self, data: bytes) -> Heard:
        if data == b"[DONE]":
            return Heard()
        event = _responses(data)
        if isinstance(event.sequence_number, int):
            self.number = event.sequence_number + 1
        match event.type:
            case "response.completed" | "response.incomplete":
                told = event.response.usage if event.response else None
                return Heard(end=True, usage=responses_usage(told))
            case "response.failed" | "error":
                told = event.response.usage if event.response else None
                return Heard(error=True, usage=responses_usage(told))
            case "response.output_item.added":
                return Heard(content=event.item is not None and event.item.type not in _SILENT)
        full = not isinstance(event.delta, UnsetType) and bytes(event.delta) not in _EMPTY
        return Heard(content=full, pieces=full)


_EMPTY = frozenset((b'""', b"null"))


class Completions:
    """OpenAI's old completions."""

    number = 0

    def hear(self, data: bytes) -> Heard:
        if data == b"[DONE]":
            return Heard(end=True)
        event = _completion(data)
        full = sum(bool(choice.text) for choice in event.choices or ())
        usage = chat_usage(event.usage)
        aside = usage is not None and not event.choices
        failed = event.error is not None
        return Heard(content=bool(full), pieces=full, usage=usage, error=failed, aside=aside)


LISTENERS: dict[str, Callable[[], Listener]] = {
    "anthropic.messages": Messages,
    "openai.responses": Responses,
    "openai.completions": Completions,
}
"""By the dialect; chat completions have a way of their own (`gateway.passage.Chat`)."""

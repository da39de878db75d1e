"""How an upstream's stream becomes the client's. Three ways, one shape.

    Chat         OpenAI chat on both sides: blocks pass as they came, hardly read
    Native       the same dialect on both sides, not chat: each event passes as it
                 came; a reader listens along for content, usage, errors and the end
    Translated   two dialects: read into events, written in the client's words

`feed` returns a Piece: (bytes to pass on, whether they bear content, the last
bytes or None, whether the upstream reported an error). The last bytes may go to
the client only when the call is recorded. Until the first content nothing needs
to be passed on: another target may still answer instead.
"""

from typing import Protocol

import msgspec

from volano.serving.timings import without_timings
from volano.wire.dialect import BadAnswerError, EventReader, EventWriter
from volano.wire.exchange import Began, Delta, Event, Failed, Finished, Opened, ToolUse, Usage
from volano.wire.listening import Heard, Listener
from volano.wire.openai import kind_of
from volano.wire.sse import EventTooLongError, Framer, events
from volano.wire.thoughts import Marker

Piece = tuple[bytes, bool, bytes | None, str]
"""(to pass on, has content, the last bytes, the upstream's error)."""
_REPORTED = "the upstream reported an error in its stream"


class BrokenStreamError(Exception):
    """The stream cannot be read any further; the text says why."""


class Passage(Protocol):
    """One stream's way through."""

    opening: Usage | None
    """What the upstream told as it began: the prompt's tokens, not yet those of the answer."""
    produced: int
    """Pieces of content so far: about as many as tokens."""
    aside: bytes
    """What the client did not ask for but the trace wants: the usage."""

    @property
    def usage(self) -> Usage | None:
        """What the upstream told so far of all tokens."""
        ...

    @property
    def number(self) -> int:
        """What the next event for the client is numbered, where its API numbers them."""
        ...

    def feed(self, chunk: bytes) -> Piece:
        """Take what came from the upstream, cut anywhere. Raises BrokenStreamError."""
        ...

    @property
    def rest(self) -> bytes:
        """What came of an event that is not complete, when it may be shown as it is."""
        ...


class Chat:
    """From `openai.chat` to `openai.chat`."""

    __slots__ = ("_begun", "_engine", "_framer", "_wants_usage", "aside", "produced", "usage")
    opening: Usage | None = None
    number = 0

    def __init__(self, *, wants_usage: bool, engine: bool):
        self._engine = engine
        self._framer = Framer()
        self._wants_usage = wants_usage
        self._begun = False
        self.aside = b""
        self.produced = 0
        self.usage: Usage | None = None

    @property
    def rest(self) -> bytes:
        return self._framer.rest

    def feed(self, chunk: bytes) -> Piece:
        try:
            block = self._framer.feed(chunk)
        except EventTooLongError:
            raise BrokenStreamError("the upstream sent an endless event") from None
        if not block:
            return b"", False, None, ""
        if (
            self._begun
            and b"[DONE]" not in block
            and b'"error"' not in block
            and not (self._engine and b'"timings"' in block)
            and (self._wants_usage or b"[]" not in block.replace(b" ", b""))
        ):
            self.produced += block.count(b"data:")
            return block, True, None, ""
        return self._sift(block)

    def _sift(self, block: bytes) -> Piece:
        """Look at each event: first content, usage, errors, the end."""
        passed: list[bytes] = []
        content, error = False, ""
        for raw, data in events(block):
            kind = kind_of(data)
            if kind == "done":
                return b"".join(passed), content, raw, error
            if kind == "content":
                content = self._begun = True
                self.produced += 1
            elif kind == "error":
                error = _REPORTED
            elif kind == "usage":
                self.usage = usage_of(data)
            if self._engine:
                raw = without_timings(raw)
            if kind != "usage" or self._wants_usage:
                passed.append(raw)
            else:
                self.aside = raw
        return b"".join(passed), content, None, error


class Native:
    """The same dialect on both sides."""

    __slots__ = (
        *("_engine", "_framer", "_listener", "_wants_usage"),
        *("aside", "opening", "produced", "usage"),
    )

    def __init__(self, listener: Listener, *, wants_usage: bool, engine: bool):
        self._engine = engine
        self._wants_usage = wants_usage
        self.aside = b""
        self._framer = Framer()
        self._listener = listener
        self.opening: Usage | None = None
        self.produced = 0
        self.usage: Usage | None = None

    @property
    def number(self) -> int:
        return self._listener.number

    @property
    def rest(self) -> bytes:
        return self._framer.rest

    def feed(self, chunk: bytes) -> Piece:
        try:
            block = self._framer.feed(chunk)
        except EventTooLongError:
            raise BrokenStreamError("the upstream sent an endless event") from None
        passed: list[bytes] = []
        content, error = False, ""
        for whole, data in events(block):
            raw = without_timings(whole) if self._engine else whole
            heard = self._hear(data)
            content |= heard.content
            self.produced += heard.pieces
            self.opening = heard.opening or self.opening
            self.usage = heard.usage or self.usage
            if heard.error:
                error = _REPORTED
            if heard.end and not error:
                return b"".join(passed), content, raw, ""
            if heard.aside and not self._wants_usage:
                self.aside = raw
            else:
                passed.append(raw)
        return b"".join(passed), content, None, error

    def _hear(self, data: bytes) -> Heard:
        if not data:
            return _NOTHING
        try:
            return self._listener.hear(data)
        except BadAnswerError as error:
            raise BrokenStreamError(f"the upstream's stream cannot be read: {error}") from None


_NOTHING = Heard()


class Translated:
    """From the target's dialect to the client's."""

    __slots__ = (
        "_created_s",
        "_id",
        "_marker",
        "_model",
        "_reader",
        "_writer",
        "opening",
        "produced",
    )
    rest = aside = b""
    number = 0

    def __init__(
        self,
        reader: EventReader,
        writer: EventWriter,
        marker: Marker,
        *,
        id: str,  # noqa: A002
        model: str,
        created_s: int,
    ):
        self._created_s = created_s
        self._id = id
        self._marker = marker
        self._model = model
        self._reader = reader
        self._writer = writer
        self.opening: Usage | None = None
        self.produced = 0

    @property
    def usage(self) -> Usage | None:
        return self._reader.usage

    def feed(self, chunk: bytes) -> Piece:
        try:
            said = self._reader.feed(chunk)
        except BadAnswerError as error:
            raise BrokenStreamError(f"the upstream's stream cannot be read: {error}") from None
        passed: list[bytes] = []
        content = False
        for event in said:
            if isinstance(event, Failed):
                return b"".join(passed), content, None, f"{_REPORTED}: {event.message}"
            if isinstance(event, Finished):
                return b"".join(passed), content, self._writer.write(event), ""
            if isinstance(event, Opened):  # some APIs tell none of these
                event.created_s = event.created_s or self._created_s
                event.id = event.id or self._id
                event.model = event.model or self._model
                self.opening = event.usage
            content |= bears_content(event)
            self.produced += isinstance(event, Delta)
            passed.append(self._writer.write(self._marker.event(event)))
        return b"".join(passed), content, None, ""

    def broken_off(self, message: str, code: str) -> bytes:
        """Return what tells the client that no more will come."""
        failed = Failed(message, "server_error", 502, code, self._id)
        return self._writer.write(failed)


def bears_content(event: Event) -> bool:
    """Whether a client has something to show from here on."""
    if isinstance(event, Delta):
        return bool(event.text)
    return isinstance(event, Began) and isinstance(event.part, ToolUse)


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None
    audio_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Thought(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Thought | None = None
    input_tokens_details: _Cached | None = None
    output_tokens_details: _Thought | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Answer(msgspec.Struct):
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def usage_of(body: bytes) -> Usage | None:
    """The usage that a whole answer (or a usage event) of OpenAI's or Anthropic's APIs tells."""
    try:
        told = _decode(body).usage
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if told is None:
        return None
    asked = told.prompt_tokens_details or told.input_tokens_details or _NOT_CACHED
    said = told.completion_tokens_details or told.output_tokens_details or _NO_THOUGHT
    read, written = told.cache_read_input_tokens or 0, told.cache_creation_input_tokens or 0
    return Usage(
        input=told.prompt_tokens + told.input_tokens + read + written,
        output=told.completion_tokens + told.output_tokens,
        cached=(asked.cached_tokens or 0) + read,
        cache_written=(asked.cache_write_tokens or 0) + written,
        reasoning=said.reasoning_tokens or 0,
        audio_input=asked.audio_tokens or 0,
        audio_output=said.audio_tokens or 0,
    )


_NOT_CACHED, _NO_THOUGHT = _Cached(), _Thought()

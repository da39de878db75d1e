"""What Bedrock answers: whole, streamed or as an error."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec
from msgspec import Raw, Struct

from volano.wire import eventstream
from volano.wire.dialect import BadAnswerError, Fault
from volano.wire.exchange import (
    Began,
    Delta,
    Ended,
    Event,
    Failed,
    Finish,
    Finished,
    Image,
    Opened,
    Part,
    Reply,
    Text,
    Thinking,
    ToolUse,
    Usage,
)

# its words

NOTHING = Raw(b"")


class _Use(Struct, rename="camel"):
    tool_use_id: str
    name: str
    input: Raw = NOTHING


class _ThoughtText(Struct):
    text: str = ""
    signature: str | None = None


class _Thought(Struct, rename="camel"):
    reasoning_text: _ThoughtText | None = None
    redacted_content: str | None = None


class _Bytes(Struct):
    bytes: str | None = None


class _Picture(Struct):
    format: str
    source: _Bytes | None = None


class _Cited(Struct):
    text: str = ""


class _Citations(Struct):
    content: list[_Cited] | None = None


class _Answer(Struct, rename="camel"):
    text: str | None = None
    tool_use: _Use | None = None
    reasoning_content: _Thought | None = None
    image: _Picture | None = None
    citations_content: _Citations | None = None


class _Message(Struct):
    content: list[_Answer] = []


class _Output(Struct):
    message: _Message


class _CacheDetail(Struct, rename="camel"):
    ttl: str = ""
    input_tokens: int = 0


class _Usage(Struct, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[_CacheDetail] | None = None


class _Fields(Struct):
    stop_sequence: str | None = None


class _Response(Struct, rename="camel"):
    output: _Output
    stop_reason: str
    usage: _Usage | None = None
    additional_model_response_fields: _Fields | None = None


_decode_response = msgspec.json.Decoder(_Response).decode
_FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
}


def reply_of(body: bytes) -> Reply:
    """A whole answer. Raises BadAnswerError."""
    try:
        response = _decode_response(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(f"Bedrock's answer cannot be read: {error}") from None
    fields = response.additional_model_response_fields
    finish = _FINISHES.get(response.stop_reason, "error")
    return Reply(
        "",
        "",
        [part for each in response.output.message.content for part in _read(each)],
        finish,
        fields.stop_sequence if fields and finish == "stop_sequence" else None,
        _usage(response.usage),
    )


def _read(block: _Answer) -> list[Part]:
    if block.text is not None:
        return [Text(block.text)]
    if (use := block.tool_use) is not None:
        return [ToolUse(use.tool_use_id, use.name, _arguments(use.input))]
    if (thought := block.reasoning_content) is not None:
        if thought.redacted_content is not None:
            return [Thinking(thought.redacted_content, redacted=True)]
        said = thought.reasoning_text or _ThoughtText()
        return [Thinking(said.text, said.signature)]
    if block.image is not None and block.image.source and block.image.source.bytes is not None:
        return [Image(data=block.image.source.bytes, media_type=f"image/{block.image.format}")]
    if block.citations_content is not None:
        return [Text(each.text) for each in block.citations_content.content or ()]
    raise BadAnswerError("Bedrock's answer holds a block that nobody asked for.")


def _arguments(raw: Raw) -> str:
    text = bytes(raw).decode()
    return "{}" if text in ("", "null") else text


def _usage(said: _Usage | None) -> Usage | None:
    """Converse counts apart what came from the cache and what went into it."""
    if said is None:
        return None
    cached = said.cache_read_input_tokens or 0
    written = said.cache_write_input_tokens or 0
    return Usage(
        input=(said.input_tokens or 0) + cached + written,
        output=said.output_tokens or 0,
        cached=cached,
        cache_written=written,
        cache_written_1h=sum(e.input_tokens for e in said.cache_details or () if e.ttl == "1h"),
    )


class _Start(Struct, rename="camel"):
    tool_use: _Use | None = None
    image: Raw = NOTHING
    tool_result: Raw = NOTHING


class _UseDelta(Struct):
    input: str = ""


class _ThoughtDelta(Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Delta(Struct, rename="camel"):
    text: str | None = None
    tool_use: _UseDelta | None = None
    reasoning_content: _ThoughtDelta | None = None


class _Event(Struct, rename="camel"):
    content_block_index: int = 0
    start: _Start | None = None
    delta: _Delta | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None
    additional_model_response_fields: _Fields | None = None


_decode_event = msgspec.json.Decoder(_Event).decode


class BedrockEvents:
    """Reads a stream. `messageStop` says why it ends, `metadata` after it what it took.

    Only blocks of a tool's use are announced; others begin with their first piece.
    """

    def __init__(self) -> None:
        self._reader = eventstream.Reader()
        self._blocks: dict[int, tuple[int, type[Part]]] = {}
        self._next = 0
        self._stopped: Finished | None = None
        self._opened = self._finished = False

    @property
    def complete(self) -> bool:
        """Whether `messageStop` and the `metadata` that belongs to it have come."""
        return self._finished and self._reader.empty

    @property
    def usage(self) -> Usage | None:
        """What the `metadata` told."""
        return None if self._stopped is None else self._stopped.usage

    def feed(self, data: bytes) -> Sequence[Event]:
        found: list[Event] = []
        try:
            for message in self._reader.feed(data):
                self._message(message, found)
        except eventstream.BrokenMessageError as error:
            raise BadAnswerError(f"Bedrock's stream cannot be read: {error}") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(f"An event of Bedrock's stream cannot be read: {error}") from None
        return found

    def _message(self, message: eventstream.Message, found: list[Event]) -> None:
        kind = message.word(":message-type")
        if kind == "exception":
            found.append(_failed(message.word(":exception-type"), message.payload))
            return
        if kind == "error":
            said = message.word(":error-message") or "Bedrock reported an error."
            found.append(Failed(said))
            return
        step = self._steps.get(message.word(":event-type"))
        if step is None:
            return  # a new kind of event: not ours to read
        if self._finished:
            raise BadAnswerError("Bedrock says more after the end of its answer.")
        if not self._opened:
            self._opened = True
            found.append(Opened("", ""))
        step(self, _decode_event(message.payload), found)

    def _message_start(self, event: _Event, found: list[Event]) -> None:
        """Nothing more: whatever comes first opens the answer."""

    def _block_start(self, event: _Event, found: list[Event]) -> None:
        start = event.start
        if start is None:
            return
        if bytes(start.image) or bytes(start.tool_result):
            raise BadAnswerError("Bedrock streams a block that nobody asked for.")
        if (use := start.tool_use) is not None:
            self._begin(event.content_block_index, ToolUse(use.tool_use_id, use.name, ""), found)

    def _block_delta(self, event: _Event, found: list[Event]) -> None:
        delta, at = event.delta or _Delta(), event.content_block_index
        if delta.text is not None:
            found.append(Delta(self._of(at, Text(""), found), delta.text))
        elif delta.tool_use is not None:
            index, kind = self._blocks.get(at, (0, Text))
            if kind is not ToolUse:
                raise BadAnswerError("Bedrock streams arguments of a tool it has not named.")
            found.append(Delta(index, delta.tool_use.input))
        elif (thought := delta.reasoning_content) is not None:
            if thought.redacted_content is not None:
                index = self._of(at, Thinking("", redacted=True), found)
                found.append(Delta(index, thought.redacted_content))
            else:
                index = self._of(at, Thinking(""), found)
                found.append(Delta(index, thought.text or "", thought.signature))

    def _block_stop(self, event: _Event, found: list[Event]) -> None:
        block = self._blocks.pop(event.content_block_index, None)
        if block is not None:
            found.append(Ended(block[0]))

    def _message_stop(self, event: _Event, found: list[Event]) -> None:
        for index, _ in self._blocks.values():
            found.append(Ended(index))
        self._blocks.clear()
        finish = _FINISHES.get(event.stop_reason or "", "error")
        fields = event.additional_model_response_fields
        sequence = fields.stop_sequence if fields and finish == "stop_sequence" else None
        self._stopped = Finished(finish, sequence)

    def _metadata(self, event: _Event, found: list[Event]) -> None:
        if self._stopped is None:
            raise BadAnswerError("Bedrock says the usage of an answer that has not ended.")
        self._stopped.usage = _usage(event.usage)
        self._finished = True
        found.append(self._stopped)

    def _of(self, at: int, part: Text | Thinking, found: list[Event]) -> int:
        """The index of a block, which begins now if it has not."""
        if at not in self._blocks:
            self._begin(at, part, found)
        index, kind = self._blocks[at]
        if kind is not type(part):
            raise BadAnswerError("Bedrock changes the kind of a block within it.")
        return index

    def _begin(self, at: int, part: Text | Thinking | ToolUse, found: list[Event]) -> None:
        if at in self._blocks:
            raise BadAnswerError("Bedrock begins a block twice.")
        self._blocks[at] = self._next, type(part)
        found.append(Began(self._next, part))
        self._next += 1

    _steps: ClassVar = {
        "messageStart": _message_start,
        "contentBlockStart": _block_start,
        "contentBlockDelta": _block_delta,
        "contentBlockStop": _block_stop,
        "messageStop": _message_stop,
        "metadata": _metadata,
    }


# errors


class _Error(Struct):
    message: str | None = None
    capital: str | None = msgspec.field(default=None, name="Message")
    type: str | None = msgspec.field(default=None, name="__type")


_decode_error = msgspec.json.Decoder(_Error).decode
_KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
          404: "not_found_error", 408: "server_error", 413: "invalid_request_error",
          424: "server_error", 429: "rate_limit_error"}  # fmt: skip
_STATUSES = {"throttlingexception": 429, "validationexception": 400, "internalserverexception": 500,
             "serviceunavailableexception": 503, "modelstreamerrorexception": 424,
             "modeltimeoutexception": 408}  # fmt: skip
_BAD_KEYS = frozenset(
    ("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
     "IncompleteSignatureException", "MissingAuthenticationTokenException",
     "InvalidClientTokenId", "SignatureDoesNotMatch")
)  # fmt: skip
_KEY_WORDS = ("security token", "signature we calculated", "Signature expired", "API Key")


def fault_of(status: int, body: bytes) -> Fault:
    """What an error answer complains about; never raises."""
    try:
        error = _decode_error(body)
    except (ValueError, RecursionError):
        error = _Error()
    code = (error.type or "").rpartition("#")[2] or None
    said = error.message or error.capital or f"Bedrock answered with status {status}."
    kind = _KINDS.get(status, "invalid_request_error" if 400 <= status < 500 else "server_error")
    if code in _BAD_KEYS or (status == 403 and any(word in said for word in _KEY_WORDS)):
        kind = "authentication_error"
    return Fault(said, kind, code)


def _failed(name: str, payload: bytes) -> Failed:
    status = _STATUSES.get(name.lower(), 502)
    fault = fault_of(status, payload)
    return Failed(fault.message, fault.kind, status)

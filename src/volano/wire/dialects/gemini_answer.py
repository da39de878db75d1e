"""What Gemini answers: whole, streamed or as an error.

A stream is a sequence of whole response objects, each with the next parts, so that
one reader serves both: a whole answer is a stream of one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from volano.wire import sse
from volano.wire.dialect import BadAnswerError, Fault
from volano.wire.exchange import (
    Began,
    Delta,
    Ended,
    Event,
    Failed,
    Finish,
    Finished,
    Opened,
    Part,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolUse,
    Usage,
)

NOTHING = Raw(b"")
SIGNED = "gemini."
"""Begins every signature that Gemini made."""

# its words


class _Call(Struct, rename="camel"):
    name: str
    id: str | None = None
    args: Raw = NOTHING


class _Blob(Struct, rename="camel"):
    mime_type: str
    data: str


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None
    inline_data: _Blob | None = None


class _Content(Struct):
    parts: list[_Part] | None = None


class _Candidate(Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int | None = None


class _Feedback(Struct, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class _Count(Struct, rename="camel"):
    modality: str | None = None
    token_count: int | None = None


class _Usage(Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[_Count] | None = None
    candidates_tokens_details: list[_Count] | None = None


class _Response(Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None
    response_id: str | None = None
    create_time: datetime | None = None
    error: Raw = NOTHING


_decode = msgspec.json.Decoder(_Response).decode
_FILTERS = frozenset(
    ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
     "ESCALATION", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION")
)  # fmt: skip
_FINISHES: Mapping[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(_FILTERS, "filter"),
}


def decoded(body: bytes) -> _Response:
    """One response object. Raises BadAnswerError."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(f"Gemini's answer cannot be read: {error}") from None


def reply_of(response: _Response) -> Reply:
    """A whole answer. Raises BadAnswerError."""
    events = GeminiEvents()
    parts: list[Part] = []
    finished: Finished | None = None
    for event in events.take(response, whole=True):
        if isinstance(event, Began):
            parts.append(event.part)
        elif isinstance(event, Delta):
            _grow(parts[event.index], event)
        elif isinstance(event, Finished):
            finished = event
        elif isinstance(event, Failed):
            raise BadAnswerError(f"Gemini reports an error in an answer: {event.message}")
    if finished is None:
        raise BadAnswerError("Gemini's answer does not say why it ends.")
    return Reply(
        response.response_id or "",
        response.model_version or "",
        parts,
        finished.finish,
        usage=finished.usage,
        created_s=_seconds(response),
    )


def _grow(part: Part, delta: Delta) -> None:
    if isinstance(part, ToolUse):
        part.arguments += delta.text
    elif isinstance(part, Text | Thinking | Refusal):
        part.text += delta.text
    if isinstance(part, Thinking) and delta.signature:
        part.signature = delta.signature


def _seconds(response: _Response) -> int:
    return int(response.create_time.timestamp()) if response.create_time else 0


def _usage(said: _Usage | None) -> Usage | None:
    if said is None:
        return None
    thoughts = said.thoughts_token_count or 0
    return Usage(
        input=(said.prompt_token_count or 0) + (said.tool_use_prompt_token_count or 0),
        output=(said.candidates_token_count or 0) + thoughts,
        cached=said.cached_content_token_count or 0,
        reasoning=thoughts,
        audio_input=_sound(said.prompt_tokens_details),
        audio_output=_sound(said.candidates_tokens_details),
    )


def _sound(counts: list[_Count] | None) -> int:
    return sum(each.token_count or 0 for each in counts or () if each.modality == "AUDIO")


class GeminiEvents:
    """Reads a stream: each event is a whole response object that holds the next parts."""

    def __init__(self) -> None:
        self._framer = sse.Framer()
        self._opened = self._finished = self._called = False
        self._index = 0
        self._open: Text | Thinking | None = None
        self.usage: Usage | None = None
        self._id = ""

    @property
    def complete(self) -> bool:
        """Whether a candidate has said why it ends (or the prompt was blocked)."""
        return self._finished and not self._framer.rest.strip()

    def feed(self, data: bytes) -> Sequence[Event]:
        try:
            block = self._framer.feed(data)
        except sse.EventTooLongError:
            raise BadAnswerError("an event of Gemini's stream is longer than allowed") from None
        found: list[Event] = []
        block = block.replace(b"\r\n", b"\n")  # as Google ends lines; the plain way is faster
        for raw, payload in sse.events(block) if block else ():
            if not payload and raw.lstrip()[:1] in (b"{", b"["):
                payload = raw  # an error that broke in, not framed as an event
            if payload:
                found += self.take(decoded(payload))
        return found

    def take(self, response: _Response, *, whole: bool = False) -> list[Event]:
        """The events that one response object says."""
        if bytes(response.error) not in (b"", b"null"):
            return [_failed(bytes(response.error))]
        found: list[Event] = []
        self.usage = _usage(response.usage_metadata) or self.usage
        self._id = response.response_id or self._id
        if not self._opened:
            self._opened = True
            model, created = response.model_version or "", _seconds(response)
            found.append(Opened(self._id, model, usage=None, created_s=created))
        chosen = [each for each in response.candidates or () if not each.index]
        if chosen:
            self._candidate(chosen[0], found)
        elif response.prompt_feedback and response.prompt_feedback.block_reason:
            self._blocked(response.prompt_feedback, found)
        elif whole:
            raise BadAnswerError("Gemini's answer holds no candidate.")
        return found

    def _candidate(self, candidate: _Candidate, found: list[Event]) -> None:
        parts = (candidate.content and candidate.content.parts) or []
        if self._finished:
            if any(part.text or part.function_call for part in parts):
                raise BadAnswerError("Gemini says more after the end of its answer.")
            return
        for part in parts:
            self._part(part, found)
        if candidate.finish_reason:
            finish = _FINISHES.get(candidate.finish_reason, "error")
            self._end(found)
            called = finish == "stop" and self._called
            self._finished = True
            found.append(Finished("tools" if called else finish, usage=self.usage))

    def _blocked(self, feedback: _Feedback, found: list[Event]) -> None:
        if self._finished:
            return
        if feedback.block_reason_message:
            self._begin(Refusal(""), found)
            found.append(Delta(self._index, feedback.block_reason_message))
            self._end(found)
        self._finished = True
        found.append(Finished("filter", usage=self.usage))

    def _part(self, part: _Part, found: list[Event]) -> None:
        if part.inline_data is not None:
            raise BadAnswerError(f"Gemini answers with {part.inline_data.mime_type}, not words.")
        if part.thought:
            self._words(Thinking, part.text or "", found)
            if part.thought_signature:
                self._sign(part.thought_signature, found)
            return
        if part.thought_signature:
            self._sign(part.thought_signature, found)
        if part.function_call is not None:
            self._call(part.function_call, found)
        elif part.text:
            self._words(Text, part.text, found)

    def _words(self, kind: type[Text] | type[Thinking], text: str, found: list[Event]) -> None:
        if not isinstance(self._open, kind):
            self._begin(kind(""), found)
        if text:
            found.append(Delta(self._index, text))

    def _sign(self, signature: str, found: list[Event]) -> None:
        """The signature belongs to the thought before it; where there is none, to an empty one."""
        if not isinstance(self._open, Thinking):
            self._begin(Thinking(""), found)
        found.append(Delta(self._index, signature=SIGNED + signature))
        self._end(found)

    def _call(self, call: _Call, found: list[Event]) -> None:
        self._called = True
        at = self._index + (self._open is not None)
        made = call.id or f"call_{self._id}_{at}"
        self._begin(ToolUse(made, call.name, ""), found)
        args = bytes(call.args)
        found.append(Delta(self._index, args.decode() if args not in (b"", b"null") else "{}"))
        self._end(found)

    def _begin(self, part: Text | Thinking | Refusal | ToolUse, found: list[Event]) -> None:
        self._end(found)
        self._open = part  # type: ignore[assignment]
        found.append(Began(self._index, part))

    def _end(self, found: list[Event]) -> None:
        if self._open is not None:
            found.append(Ended(self._index))
            self._open = None
            self._index += 1


# errors


class _Detail(Struct, rename="camel"):
    reason: str | None = None


class _Error(Struct, rename="camel"):
    message: str = ""
    status: str = ""
    code: int = 0
    details: list[_Detail] | None = None


class _Wrapped(Struct):
    error: _Error


_decode_error = msgspec.json.Decoder(_Error).decode
_decode_wrapped = msgspec.json.Decoder(_Wrapped | None).decode
_decode_list = msgspec.json.Decoder(list[_Wrapped]).decode
_KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
          404: "not_found_error", 429: "rate_limit_error"}  # fmt: skip
_BAD_KEYS = ("API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING")


def fault_of(status: int, body: bytes) -> Fault:
    """What an error answer complains about; never raises."""
    error = _Error()
    try:
        if body.lstrip()[:1] == b"[":
            error = _decode_list(body)[0].error
        elif wrapped := _decode_wrapped(body):
            error = wrapped.error
    except (ValueError, IndexError, RecursionError):
        pass
    reasons = [each.reason for each in error.details or () if each.reason]
    kind = _KINDS.get(status, "invalid_request_error" if 400 <= status < 500 else "server_error")
    if any(reason in _BAD_KEYS for reason in reasons):
        kind = "authentication_error"
    said = error.message or f"Gemini answered with status {status}."
    return Fault(said, kind, (reasons[0] if reasons else error.status) or None)


def _failed(raw: bytes) -> Failed:
    try:
        error = _decode_error(raw)
    except (ValueError, RecursionError):
        return Failed("Gemini reported an error.")
    status = error.code if 400 <= error.code < 600 else 502
    fault = fault_of(status, b'{"error":' + raw + b"}")
    return Failed(fault.message, fault.kind, status)

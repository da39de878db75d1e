"""OpenAI's legacy text completions (`POST /v1/completions`), from both sides.

A prompt is one user's turn of words, and only such a conversation can be said as a
prompt. What is peculiar to completing text (`suffix`, `echo`, `best_of`) goes as
`extra`, so that only this API's own writer passes it on; several prompts at once,
or prompts of tokens, are refused when the request is read.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from volano.wire import sse
from volano.wire.dialect import BadAnswerError, Fault
from volano.wire.dialects import extras
from volano.wire.dialects.bodies import answered, asked
from volano.wire.dialects.fields import Count, Seed
from volano.wire.dialects.openai_chat.errors import read_error
from volano.wire.exchange import (
    Ask,
    Began,
    CannotSayError,
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
    Turn,
    Usage,
)
from volano.wire.openai import FieldError, error_body

PASSED = frozenset(("suffix", "echo", "best_of", "logit_bias"))
"""Fields without a neutral word that this API knows; they go as they came."""

LEFT_OUT = {
    "echo: false, best_of: 1, suffix: ''": "the defaults",
    "logprobs: false, n: 1, tool_choice and parallel_tools without tools": "the defaults",
    "stream_options": "usage is always asked for, and passed on where the client wants it",
    "cache_ttl": "this API has no cache; a cache changes no answer",
    "format: text": "this API answers with nothing else",
    "reply: thinking": "this API has no place for thoughts; the answer is whole without them",
    "reply: stop_sequence": "this API does not tell which one it was",
}
"""What is not passed on, and why the answer is the same without it."""

_encode = msgspec.json.encode


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Request(Struct):
    model: str
    prompt: str | list[Any] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: Count | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: Count | None = None
    user: str | None = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: Count | None = None


_decode = msgspec.json.Decoder(_Request).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_EXTRA = frozenset(("suffix", "echo", "best_of"))
_NEUTRAL = frozenset(_Request.__struct_fields__) - _EXTRA


class _Details(Struct):
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class _Usage(Struct):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Choice(Struct):
    text: str | None = None
    finish_reason: str | None = None
    index: int = 0


class _ErrorWords(Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Completion(Struct):
    id: str | None = None
    model: str | None = None
    created: Count | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: _ErrorWords | str | None = None


_decode_completion = msgspec.json.Decoder(_Completion).decode
_FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "content_filter": "filter"}
_REASONS = {"length": "length", "filter": "content_filter"}


class Completions:
    """Both halves of the dialect."""

    name = "openai.completions"

    # to and from clients

    def read_ask(self, body: bytes) -> Ask:
        said = asked(_decode, body)
        return Ask(
            model=said.model,
            turns=[Turn("user", [Text(_prompt(said.prompt))])],
            stream=bool(said.stream),
            max_tokens=said.max_tokens,
            temperature=said.temperature,
            top_p=said.top_p,
            stop=[said.stop] if isinstance(said.stop, str) else said.stop,
            seed=said.seed,
            n=said.n,
            presence_penalty=said.presence_penalty,
            frequency_penalty=said.frequency_penalty,
            logprobs=None if said.logprobs is None else True,
            top_logprobs=said.logprobs,
            user=said.user,
            wants_usage=bool(said.stream_options and said.stream_options.include_usage),
            extra=_extra(said, body),
        )

    def write_reply(self, reply: Reply, ask: Ask) -> bytes:
        del ask  # nothing of the request is repeated
        text = "".join(_words(part) for part in reply.parts)
        finish = _REASONS.get(reply.finish, "stop")
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        head = {"id": reply.id, "object": "text_completion", "created": reply.created_s}
        body = {**head, "model": reply.model, "choices": [choice]}
        return _encode({**body, "usage": _usage_words(reply.usage)})

    def event_writer(self, ask: Ask) -> "CompletionsWriter":
        return CompletionsWriter(ask)

    def write_error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        del status, request_id  # the API says them in the head only
        return error_body(message, kind=kind, param=param, code=code)

    def write_stream_error(
        self, message: str, *, kind: str, code: str = "", number: int = 0, request_id: str = ""
    ) -> bytes:
        del number, request_id  # this API has neither
        return sse.event(error_body(message, kind=kind, code=code))

    # to and from providers

    def write_ask(self, ask: Ask) -> bytes:
        _refuse_unknown(ask)
        extra = extras.passed(ask.extra, on=PASSED, left_out=("stream_options",))
        body: dict[str, Any] = {
            "model": ask.model,
            "prompt": _one_prompt(ask.turns),
            "max_tokens": ask.max_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "stop": ask.stop or None,
            "seed": ask.seed,
            "presence_penalty": ask.presence_penalty,
            "frequency_penalty": ask.frequency_penalty,
            "user": ask.user,
            **extra,
        }
        if ask.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return _encode({name: value for name, value in body.items() if value is not None})

    def read_reply(self, body: bytes) -> Reply:
        said = answered(_decode_completion, body)
        if said.error is not None or not said.choices:
            raise BadAnswerError("The provider's answer holds no completion.")
        choice = said.choices[0]
        return Reply(
            id=said.id or "",
            model=said.model or "",
            parts=[Text(choice.text or "")],
            finish=_FINISHES.get(choice.finish_reason or "stop", "stop"),
            usage=_usage(said.usage),
            created_s=said.created or 0,
        )

    def event_reader(self) -> "CompletionsReader":
        return CompletionsReader()

    def read_error(self, status: int, body: bytes) -> Fault:
        return read_error(status, body)


COMPLETIONS = Completions()


def _prompt(prompt: str | list[Any] | None) -> str:
    match prompt:
        case str():
            return prompt
        case [str() as only]:
            return only
        case None:
            raise FieldError("The field `prompt` is required.", "prompt")
        case [str(), *_]:
            raise FieldError("Several prompts at once cannot be translated; send one.", "prompt")
        case [int(), *_] | [[int(), *_], *_]:
            raise FieldError("Prompts of tokens cannot be translated; send text.", "prompt")
        case _:
            raise FieldError("The field `prompt` must be a text.", "prompt")


def _extra(said: _Request, body: bytes) -> dict[str, Raw]:
    meaningful = {
        "suffix": bool(said.suffix),
        "echo": bool(said.echo),
        "best_of": said.best_of not in (None, 1),
    }
    return {
        name: Raw(bytes(value))
        for name, value in _decode_fields(body).items()
        if name not in _NEUTRAL and meaningful.get(name, bytes(value) != b"null")
    }


def _refuse_unknown(ask: Ask) -> None:
    said = {
        "top_k": ask.top_k is not None,
        "n": ask.n not in (None, 1),
        "logprobs": bool(ask.logprobs) or ask.top_logprobs is not None,
        "tools": bool(ask.tools),
        "tool_choice": ask.tool_choice is not None and ask.tool_choice.kind in ("any", "tool"),
        "response_format": ask.format is not None and ask.format.kind != "text",
        "reasoning": ask.reasoning is not None and not ask.reasoning.off,
        "metadata": bool(ask.metadata),
        "service_tier": ask.service_tier not in (None, "auto", "default"),
    }
    for name, is_said in said.items():
        if is_said:
            raise CannotSayError(f"`{name}` cannot be said in the completions API.", name)


def _one_prompt(turns: list[Turn]) -> str:
    match turns:
        case [Turn(role="user", parts=parts, name=None)]:
            texts = [part.text for part in parts if isinstance(part, Text)]
            if len(texts) == len(parts):
                return "".join(texts)
    raise CannotSayError("The completions API takes one user's message of text.", "messages")


def _words(part: Part) -> str:
    match part:
        case Text() | Refusal():
            return part.text
        case Thinking():
            return ""
        case _:
            kind = type(part).__name__.lower()
            raise CannotSayError(f"A completion cannot hold a {kind}.", "choices")


def _usage(usage: _Usage | None) -> Usage | None:
    if usage is None:
        return None
    before = usage.prompt_tokens_details or _Details()
    after = usage.completion_tokens_details or _Details()
    return Usage(
        input=usage.prompt_tokens or 0,
        output=usage.completion_tokens or 0,
        cached=before.cached_tokens or 0,
        reasoning=after.reasoning_tokens or 0,
    )


def _usage_words(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    words: dict[str, Any] = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }
    if usage.cached:
        words["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if usage.reasoning:
        words["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return words


class CompletionsWriter:
    """Writes the events of one completion."""

    def __init__(self, ask: Ask):
        self._wants_usage = ask.wants_usage
        self._head: dict[str, Any] = {}
        self._before = b""
        self._silent: set[int] = set()  # thoughts

    def write(self, event: Event) -> bytes:
        match event:
            case Delta():
                return self._delta(event)
            case Opened():
                self._open(event)
            case Began(part=Thinking()):
                self._silent.add(event.index)
            case Began(part=part):
                _words(part)
            case Finished():
                return self._finished(event)
            case Failed():
                return sse.event(error_body(event.message, kind=event.kind, code=event.code))
        return b""

    def _open(self, event: Opened) -> None:
        self._head = {
            "id": event.id,
            "object": "text_completion",
            "created": event.created_s,
            "model": event.model,
        }
        self._before = (
            b"data: %b" % _encode(self._head)[:-1]
            + b',"choices":[{"index":0,"logprobs":null,"finish_reason":null,"text":'
        )

    def _delta(self, event: Delta) -> bytes:
        if not event.text or event.index in self._silent:
            return b""
        return b"%b%b}]}\n\n" % (self._before, _encode(event.text))

    def _finished(self, event: Finished) -> bytes:
        finish = _REASONS.get(event.finish, "stop")
        choice = {"index": 0, "logprobs": None, "finish_reason": finish, "text": ""}
        said = sse.event(_encode({**self._head, "choices": [choice]}))
        if self._wants_usage and event.usage is not None:
            usage = _usage_words(event.usage)
            said += sse.event(_encode({**self._head, "choices": [], "usage": usage}))
        return said + b"data: [DONE]\n\n"


class CompletionsReader:
    """Reads the events of one completion. It has ended with `[DONE]`."""

    def __init__(self) -> None:
        self._framer = sse.Framer()
        self._opened = False
        self._finish: Finish | None = None
        self.usage: Usage | None = None
        self.complete = False

    def feed(self, data: bytes) -> Sequence[Event]:
        try:
            block = self._framer.feed(data)
        except sse.EventTooLongError:
            raise BadAnswerError("An event of the provider's stream is too long.") from None
        events: list[Event] = []
        for _, said in sse.events(block):
            if self.complete or not said:
                continue
            if said == b"[DONE]":
                self._end(events)
            else:
                self._read(answered(_decode_completion, said), events)
        return events

    def _read(self, chunk: _Completion, to: list[Event]) -> None:
        if chunk.error is not None:
            error = chunk.error
            said = error if isinstance(error, str) else error.message
            kind = None if isinstance(error, str) else error.type
            to.append(Failed(said or "The provider failed to answer.", kind or "server_error"))
            self.complete = True
            return
        self._open(chunk, to)
        for choice in chunk.choices or ():
            if choice.index:
                raise BadAnswerError("The provider streams a second answer that nobody asked for.")
            if choice.text:
                to.append(Delta(0, choice.text))
            if choice.finish_reason is not None:
                self._finish = _FINISHES.get(choice.finish_reason, "stop")
        if chunk.usage is not None:
            self.usage = _usage(chunk.usage)

    def _open(self, chunk: _Completion, to: list[Event]) -> None:
        if not self._opened:
            self._opened = True
            opened = Opened(chunk.id or "", chunk.model or "", created_s=chunk.created or 0)
            to += [opened, Began(0, Text(""))]

    def _end(self, to: list[Event]) -> None:
        if self._finish is None:
            raise BadAnswerError("The provider's stream ended without a reason.")
        to += [Ended(0), Finished(self._finish, usage=self.usage)]
        self.complete = True

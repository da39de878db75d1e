"""A line over HTTP: OpenAI's chat completions on kept connections, without a thread or a task each."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from volano.core.errors import VolanoError
from volano.core.retry_after import seconds
from volano.evals.answered import Answered
from volano.evals.flight import NOT_OF_ROW, Away, Landed, Outcome, Question
from volano.serving.chat import Endpoint
from volano.serving.errors import BadAnswerError, ChatRefusedError, ChatUnavailableError
from volano.wire.http_client import Failure, Origin, Timeouts, Upstream
from volano.wire.timers import Wheel

MOST_BYTES = 16 << 20
"""A longer answer is an error of its row."""
NOT_FOR_US = (401, 402, 403, 404, 405)
"""Answers that no other row would change: the key, the account or the model's name is wrong."""
_FILTERED = ("content_filter", "content_policy_violation", "content_policy")


class _Function(Struct):
    name: str = ""
    arguments: str | None = None


class _Call(Struct):
    function: _Function | None = None


class _Message(Struct):
    content: Any = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(Struct):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str | None = None


_decode = msgspec.json.Decoder(_Completion).decode
_encode = msgspec.json.Encoder().encode


class HttpLine:
    """Asks an endpoint. `timeout_s` bounds a whole call."""

    def __init__(
        self, endpoint: Endpoint, settings: Mapping[str, Any], *, timeout_s: float, concurrency: int
    ):
        self._endpoint = endpoint
        self._about = {"model": endpoint.model, **settings, **endpoint.fields}
        self._timeouts = Timeouts(min(10.0, timeout_s), timeout_s, timeout_s, timeout_s)
        self._most = concurrency

    def open(self, loop: asyncio.AbstractEventLoop, landed: Landed) -> None:
        """Get ready; connections are made as they are needed."""
        self.landed = landed
        self._wheel = Wheel(loop)
        self._origin = Origin(
            self._endpoint.origin, self._wheel, loop, timeouts=self._timeouts,
            max_open=self._most, ca_file=self._endpoint.ca_file,
        )  # fmt: skip
        heads = {
            **dict(self._endpoint.headers), "content-type": "application/json",
            "accept": "application/json", "accept-encoding": "identity",
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
        self._head = (
            f"POST {self._endpoint.path} HTTP/1.1\r\nhost: {self._origin.host}\r\n{lines}"
            "content-length: "
        ).encode("latin-1")
        self._flying: dict[int, _Flying] = {}

    def send(self, question: Question) -> None:
        """Write one request."""
        body = _encode({**self._about, "messages": question.messages})
        request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        flying = _Flying(self, question, request)
        self._flying[id(flying)] = flying
        self._origin.send(request, flying)

    def again(self, flying: "_Flying") -> None:
        """Send once more on a new connection: the kept one had died unheard."""
        self._origin.send(flying.request, flying, fresh=True)

    def close(self) -> None:
        """Let everything go."""
        for flying in self._flying.values():
            flying.cancel()
        self._flying.clear()
        self._origin.close()
        self._wheel.close()

    def land(self, flying: "_Flying", outcome: Outcome) -> None:
        """Hand an outcome back."""
        if self._flying.pop(id(flying), None) is not None:
            self.landed(flying.question, outcome)

    @property
    def address(self) -> str:
        """Whom errors name."""
        return self._endpoint.address


class _Flying:
    """One call: gets the answer from the client, and says what it means."""

    __slots__ = (
        "_began", "_chunks", "_line", "_retry_after", "_size", "_status", "_upstream", "plain",
        "question", "request",
    )  # fmt: skip

    def __init__(self, line: HttpLine, question: Question, request: bytes):
        self.plain = True
        self.question = question
        self.request = request
        self._line = line
        self._upstream: Upstream | None = None
        self._chunks: list[bytes] = []
        self._size = self._status = 0
        self._retry_after: float | None = None
        self._began = time.perf_counter_ns()

    def connected(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def whole(self, body: bytes) -> None:
        self._upstream = None
        self._line.land(self, self._read(body))

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._status = status
        if status == 429 or status >= 500:
            said = next((value for name, value in headers if name == b"retry-after"), None)
            self._retry_after = None if said is None else seconds(said.decode("latin-1"))

    def data(self, chunk: bytes) -> None:
        self._size += len(chunk)
        self._chunks.append(chunk)
        if self._size > MOST_BYTES:
            self.cancel()
            self._line.land(self, self._error(f"bad_answer: longer than {MOST_BYTES} bytes"))

    def ended(self) -> None:
        self._upstream = None
        body = b"".join(self._chunks)
        good = 200 <= self._status < 300
        self._line.land(self, self._read(body) if good else self._said_no(body))

    def failed(self, failure: Failure) -> None:
        self._upstream = None
        if failure.reused and failure.untouched:
            self._line.again(self)
            return
        self._line.land(self, Away(self._away(failure.text)))

    def full(self) -> None: ...
    def ready(self) -> None: ...

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        if self._upstream is not None:
            self._upstream.cancel()
            self._upstream = None

    def _read(self, body: bytes) -> Outcome:
        took = (time.perf_counter_ns() - self._began) // 1000
        try:
            raw = _decode(body)
            choice = raw.choices[0]
        except (msgspec.DecodeError, UnicodeDecodeError, LookupError, RecursionError):
            error = BadAnswerError(address=self._line.address, reason=repr(body[:120]))
            return Away(error, spoke=True)
        usage, message = raw.usage or _Usage(), choice.message
        refused = message.refusal if not message.content else None
        return Answered(
            self.question.id,
            refused or _text(message.content),
            "refusal" if refused else choice.finish_reason or "stop",
            usage.prompt_tokens,
            usage.completion_tokens,
            latency_us=took,
            repetition=self.question.repetition,
            tools=_tools(message.tool_calls) if message.tool_calls else (),
            model=raw.model or "",
        )

    def _said_no(self, body: bytes) -> Outcome:
        reason, code = _reason(body)
        if self._status in (408, 429) or self._status >= 500:
            error = self._away(f"status {self._status}, {reason}")
            return Away(error, self._retry_after, spoke=self._status not in NOT_OF_ROW)
        refused = ChatRefusedError(
            address=self._line.address, status=self._status, reason=reason
        )  # fmt: skip
        if self._status in NOT_FOR_US:
            return refused
        why = "content_filter" if code in _FILTERED else "error"
        return self._error(f"{refused.code}: {refused.message}"[:500], why)

    def _error(self, why: str, finish: str = "error") -> Answered:
        return Answered(
            self.question.id, "", finish, error=why, repetition=self.question.repetition
        )

    def _away(self, reason: str) -> VolanoError:
        return ChatUnavailableError(address=self._line.address, reason=reason)


def _text(content: Any) -> str:
    """Return the words of an answer: a text, or the texts among its parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _tools(calls: list[_Call]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"name": call.function.name, "arguments": _arguments(call.function.arguments)}
        for call in calls
        if call.function is not None
    )


def _arguments(text: str | None) -> Any:
    """Return the arguments as an object; as the text that they are where they are none."""
    try:
        found = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"": text}
    return found if isinstance(found, dict) else {"": text}


def _reason(body: bytes) -> tuple[str, str]:
    """Return the other side's own words and its code, where it speaks OpenAI's error format."""
    try:
        error = msgspec.json.decode(body)["error"]
        return str(error["message"])[:300], str(error.get("code") or "")
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        return body[:120].decode(errors="replace"), ""

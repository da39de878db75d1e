"""Spans as OTLP/JSON (opentelemetry-proto, `ExportTraceServiceRequest`), by the thread that sends.

Names are those of OpenTelemetry's conventions for generative AI where they have one, else
OpenInference's, and `volano.*` where neither has. Ids are hexadecimal, times texts of nanoseconds, 64-bit
numbers texts (the JSON mapping of OTLP). Each span is encoded by itself, and between
them other threads get their turn: encoding in one piece would hold the interpreter's lock
while the host waits.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from volano.client.tracing.span import INPUT, OUTPUT, Span

OPERATIONS: Mapping[str, str] = {
    "llm": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "chain": "invoke_workflow",
}
"""Kinds of steps that the conventions have an operation for."""

OPENINFERENCE = frozenset({"reranker", "guardrail", "evaluator", "prompt"})
"""Kinds that only OpenInference has a word for."""

CONTENT: Mapping[str, tuple[str, str]] = {
    "tool": ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
}
"""What goes in and comes out, by kind; `input.value` and `output.value` (OpenInference) else."""

NAMED: Mapping[str, str] = {"tool": "gen_ai.tool.name", "agent": "gen_ai.agent.name"}
"""Kinds whose step's name is an attribute of its own."""

CLIENT_KINDS = frozenset({"llm", "embedding", "retriever"})
"""Kinds that call something elsewhere: SPAN_KIND_CLIENT, all others SPAN_KIND_INTERNAL."""

SECRETS = frozenset(
    {
        "password", "passwd", "secret", "client_secret", "api_key", "apikey", "api-key", "x-api-key",
        "authorization", "access_token", "refresh_token", "private_key", "cookie", "set-cookie",
    }
)  # fmt: skip
"""Names whose value is never sent, wherever in a captured value they stand."""

REDACTED = "[redacted]"
Redact = Callable[[str, Any], Any]


class Encoder:
    """Makes spans into the body of one request."""

    def __init__(self, resource: Mapping[str, str], version: str, redact: Redact | None = None):
        self._resource, self._redact = resource, redact
        self._scope = _json({"name": "volano.client", "version": version})

    def body(self, spans: Sequence[Span]) -> bytes:
        """Return the request's body: a resource for each release and environment."""
        groups: dict[tuple[str, str], list[bytes]] = {}
        turn = time.monotonic_ns() + _TURN_NS
        for span in spans:
            where = (span.scope.release, span.scope.environment)
            groups.setdefault(where, []).append(self._span(span))
            if time.monotonic_ns() > turn:
                time.sleep(0)
                turn = time.monotonic_ns() + _TURN_NS
        resources = [self._group(where, encoded) for where, encoded in groups.items()]
        return b'{"resourceSpans":[' + b",".join(resources) + b"]}"

    def _group(self, where: tuple[str, str], spans: Sequence[bytes]) -> bytes:
        said = zip(("service.version", "deployment.environment.name"), where, strict=True)
        own = {**self._resource, **{name: value for name, value in said if value}}
        resource = _json({"attributes": [_pair(*item) for item in own.items() if item[1]]})
        return (
            b'{"resource":' + resource + b',"scopeSpans":[{"scope":' + self._scope
            + b',"spans":[' + b",".join(spans) + b"]}]}"
        )  # fmt: skip

    def _span(self, span: Span) -> bytes:
        try:
            return self._said(span, self._attributes(span))
        except Exception:  # noqa: BLE001 - one odd attribute must not cost the span
            return self._said(span, [("volano.unsayable", True)])

    def _said(self, span: Span, attributes: Sequence[tuple[str, Any]]) -> bytes:
        said: dict[str, Any] = {
            "traceId": span.trace_id,
            "spanId": span.span_id,
            "name": _cleaned(span.name),
            "kind": 3 if span.kind in CLIENT_KINDS else 1,
            "startTimeUnixNano": str(span.began_ns),
            "endTimeUnixNano": str(span.ended_ns),
            "flags": 0x101 if span.recorded else 0x100,
            "attributes": [_pair(*item) for item in attributes],
            "status": {},
        }
        if span.parent_number:
            said["parentSpanId"] = f"{span.parent_number:016x}"
        if span.error is not None:
            kind, message, _ = span.error
            message = str(self._redacted("exception.message", message))
            said["status"] = {"code": 2, "message": message or kind}
            said["events"] = [_exception(span, message)]
        return _json(said)

    def _attributes(self, span: Span) -> list[tuple[str, Any]]:
        scope = span.scope
        found: list[tuple[str, Any]] = list(_kind(span.kind))
        if span.kind in NAMED:
            found.append((NAMED[span.kind], span.name))
        if scope.session:
            found += [("session.id", scope.session), ("gen_ai.conversation.id", scope.session)]
        if scope.user:
            found.append(("user.id", scope.user))
        found += [(f"volano.tag.{name}", value) for name, value in scope.tags.items()]
        if span.error is not None:
            found.append(("error.type", span.error[0]))
        found = [(name, self._redacted(name, value)) for name, value in found]
        for name, value in span.attributes.items():
            if name in (INPUT, OUTPUT):
                value = self._redacted("input" if name == INPUT else "output", value)
                found.append(_content(span.kind, name, value))
            else:
                found.append((name, self._redacted(name, value)))
        return found

    def _redacted(self, name: str, value: Any) -> Any:
        value = REDACTED if name.lower() in SECRETS else _hidden(value)
        if self._redact is None:
            return value
        try:
            return self._redact(name, value)
        except Exception:  # noqa: BLE001 - the user's; what it could not judge is not sent
            return REDACTED


def _kind(kind: str) -> Iterator[tuple[str, str]]:
    if kind in OPERATIONS:
        yield "gen_ai.operation.name", OPERATIONS[kind]
    elif kind in OPENINFERENCE:
        yield "openinference.span.kind", kind.upper()
    elif kind != "other":
        yield "volano.kind", kind[:_MAX_NAME]


def _content(kind: str, name: str, value: Any) -> tuple[str, Any]:
    """Return what went in or came out under the name that its kind has for it."""
    if kind == "llm" and name == INPUT and (messages := _messages(value)):
        return "gen_ai.input.messages", messages
    names = CONTENT.get(kind, ("input.value", "output.value"))
    return names[name == OUTPUT], value if isinstance(value, str) else _json(value).decode()


def _messages(value: Any) -> str:
    """Return messages as the conventions have them, where these are an OpenAI-compatible API's."""
    if not (isinstance(value, list) and value):
        return ""
    if not all(isinstance(m, dict) and "role" in m for m in value):
        return ""
    plain = [
        {"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]}
        if set(m) == {"role", "content"} and isinstance(m["content"], str)
        else m
        for m in value
    ]
    return _json(plain).decode()


def _exception(span: Span, message: str) -> dict[str, Any]:
    assert span.error is not None
    kind, _, frames = span.error
    lines = [f'  File "{file}", line {line}, in {name}' for file, line, name in frames]
    trace = "\n".join(["Traceback (most recent call last):", *lines, f"{kind}: {message}"])
    said = {"exception.type": kind, "exception.message": message, "exception.stacktrace": trace}
    return {
        "name": "exception",
        "timeUnixNano": str(span.ended_ns),
        "attributes": [_pair(*item) for item in said.items()],
    }


def _pair(name: str, value: Any) -> dict[str, Any]:
    return {"key": name, "value": _any(value)}


def _any(value: Any) -> dict[str, Any]:
    """Return an `AnyValue`; what has an inside is JSON in a text, lists of texts are lists."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return {"intValue": str(value)}
        return {"stringValue": hex(value)[:_MAX_HEX]}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _NOT_FINITE[str(value)]}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list) and all(type(v) is str for v in value):
        return {"arrayValue": {"values": [{"stringValue": v} for v in value]}}
    return {"stringValue": _json(value).decode()}


def _hidden(value: Any) -> Any:
    """Return the value without those of its fields whose names say that they are secret."""
    if isinstance(value, dict):
        return {k: REDACTED if k.lower() in SECRETS else _hidden(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return value


def _cleaned(text: str) -> str:
    return text[:_MAX_NAME] or "step"


def _json(value: Any) -> bytes:
    """Return JSON as UTF-8; half of a surrogate pair, which no UTF-8 has, becomes `?`."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):  # what a hook of the user's returned
        text = json.dumps(_spoken(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _spoken(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key)[:_MAX_NAME]: _spoken(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spoken(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > _BITS:
        return hex(value)[:_MAX_HEX]
    if value is None or isinstance(value, str | int | float):
        return value
    return f"<{type(value).__qualname__}>"


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_TURN_NS = 500_000
_MAX_NAME, _MAX_HEX, _BITS = 256, 80, 256

"""The OpenAI chat format, as little of it as a gateway must understand.

Requests are decoded partially: the named fields with their types, the rest
skipped unread. Values are spliced as they came, byte for byte; only the model's
name (and what a flow says) is replaced.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType


class StreamOptions(Struct):
    """What a client may say about its stream."""

    include_usage: bool | None = None


class ChatRequest(Struct):
    """The fields of a chat request that the gateway reads or checks. The rest passes unread."""

    model: str
    messages: Raw
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    variables: Raw | UnsetType = UNSET
    """Ours: values for the variables of the channel's prompt. It never goes upstream from there."""


class FieldError(ValueError):
    """A field of the request is missing or has the wrong type."""

    def __init__(self, message: str, param: str | None):
        super().__init__(message)
        self.param = param


class MalformedError(ValueError):
    """The body is not JSON in UTF-8."""


T = TypeVar("T")
_decode_chat = msgspec.json.Decoder(ChatRequest).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_messages = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.encode
_AT = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`")
_EMPTY_ARRAY = re.compile(rb"\[[ \t\r\n]*\]")
_MISSING = re.compile(r"missing required field `([^`]*)`")


def read_chat(body: bytes) -> ChatRequest:
    """Decode and check a chat request.

    Raises:
        MalformedError: not JSON, not UTF-8, or nested beyond reason.
        FieldError: a field is missing or has the wrong type; `param` names it.
    """
    request = decoded(_decode_chat, body)
    if bytes(memoryview(request.messages)[:1]) != b"[":
        raise FieldError("`messages` must be an array of messages.", "messages")
    if request.variables is UNSET and is_empty(request.messages):
        raise FieldError("`messages` must hold at least one message.", "messages")
    return request


def is_empty(messages: Raw) -> bool:
    """Whether there is no message."""
    return _EMPTY_ARRAY.match(memoryview(messages)) is not None


def decoded(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode a body by msgspec; its errors become ours.

    Raises:
        MalformedError: not JSON, not UTF-8, or nested beyond reason.
        FieldError: a field is missing or has the wrong type; `param` names it.
    """
    try:
        if not body.isascii():
            body.decode()
        return decode(body)
    except msgspec.ValidationError as error:
        raise _field_error(str(error)) from None
    except msgspec.DecodeError as error:
        raise MalformedError(str(error)) from None
    except UnicodeDecodeError as error:
        raise MalformedError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise MalformedError("nested too deeply") from None


def _field_error(text: str) -> FieldError:
    if missing := _MISSING.search(text):
        return FieldError(f"The field `{missing[1]}` is required.", missing[1])
    if at := _AT.search(text):
        wanted = text[: at.start()]
        return FieldError(f"The field `{at[1]}` has the wrong type: {wanted}.", at[1] or None)
    return FieldError(f"The request has the wrong shape: {text}.", None)


_MODEL = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)*")')


def with_model(body: bytes, model: bytes) -> bytes:
    r"""Replace the top-level model's value (given as JSON); nothing else is touched.

    The body must have passed `read_chat`, so that there is such a name. Where no
    `\u` could hide another spelling of it and `"model"` stands only once, that is
    the one; otherwise the top level is taken apart (`rewrite`).
    """
    at = body.find(b'"model"')
    if at >= 0 and body.find(b'"model"', at + 1) < 0 and body.find(b"\\u") < 0:
        found = _MODEL.match(body, at)
        if found is not None:
            return body[: found.start(1)] + model + body[found.end() :]
    return rewrite(body, {"model": model})


def rewrite(
    body: bytes,
    changes: Mapping[str, bytes],
    defaults: Mapping[str, bytes] = {},
    without: str | None = None,
) -> bytes:
    """Replace or add top-level values (given as JSON); all others stay byte for byte.

    `defaults` fill only what is not there; the value `without` is left out. Of a name given twice the last counts,
    as in every JSON reader, and only that one is passed on. The body must have
    passed `read_chat`.
    """
    fields: dict[str, Any] = _decode_fields(body)
    if defaults:
        fields = {**defaults, **fields}
    fields.update(changes)
    if without is not None:
        fields.pop(without, None)
    parts = [_name(name) + bytes(value) for name, value in fields.items()]
    return b"{" + b",".join(parts) + b"}"


def with_fields(body: bytes, fields: Mapping[str, bytes]) -> bytes:
    r"""Set top-level values (given as JSON), whatever the body says of them.

    They are put at its end; only where one of the names might stand in it, or `\u`
    could hide one, is the top level taken apart (`rewrite`). The body must be an
    object with at least one field.
    """
    if b"\\u" in body or any(name.encode() in body for name in fields):
        return rewrite(body, fields)
    tail = b"".join(b"," + _name(name) + value for name, value in fields.items())
    return body.rstrip()[:-1] + tail + b"}"


_NAMES = {
    name: _encode(name) + b":"
    for name in (*ChatRequest.__struct_fields__, "tools", "tool_choice", "response_format", "stop")
}


def _name(name: str) -> bytes:
    return _NAMES.get(name) or _encode(name) + b":"


def has_fields(body: bytes, *names: str) -> list[bool]:
    """Which of these top-level names the body gives."""
    fields = _decode_fields(body)
    return [name in fields for name in names]


def stream_options(body: bytes) -> bytes:
    """The client's stream_options with usage asked for."""
    given = _decode_fields(body).get("stream_options")
    options = (_decode_any(given) if given is not None else None) or {}
    return _encode({**options, "include_usage": True})


def read_field(body: bytes, name: str) -> Raw | None:
    """Return a top-level value as it came; None where there is none."""
    found: Raw | None = _decode_fields(body).get(name)
    return found


def read_messages(messages: Raw) -> list[dict[str, Any]]:
    """Return messages taken apart, each value as it came.

    Raises:
        FieldError: a message is not an object.
    """
    try:
        return list(_decode_messages(messages))
    except msgspec.ValidationError:
        raise FieldError("Each of `messages` must be an object.", "messages") from None


def wrap_messages(messages: Raw, before: bytes, user: tuple[str, str] | None) -> bytes:
    """Messages for the upstream: `before`, then the client's, the last user text wrapped.

    `before` is a JSON list without its brackets.

    Raises:
        FieldError: a message is not an object.
    """
    each = read_messages(messages)
    if user is not None:
        for message in reversed(each):
            if bytes(message.get("role", b"")) == b'"user"':
                message["content"] = Raw(_wrap(message.get("content", b'""'), *user))
                break
    parts = [before] if before else []
    parts += [_encode(message) for message in each]
    return b"[" + b",".join(parts) + b"]"


def _wrap(content: Any, prefix: str, suffix: str) -> bytes:
    value = _decode_any(content)
    if value is None or isinstance(value, str):
        return _encode(f"{prefix}{value or ''}{suffix}")
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise FieldError("`content` must be a string or an array of parts.", "messages.content")
    texts = [part for part in value if isinstance(part.get("text"), str)]
    if not texts:
        return _encode([{"type": "text", "text": prefix + suffix}, *value])
    texts[0]["text"] = prefix + texts[0]["text"]
    texts[-1]["text"] += suffix
    return _encode(value)


class _Delta(Struct):
    content: Raw | UnsetType = UNSET
    reasoning_content: Raw | UnsetType = UNSET
    reasoning: Raw | UnsetType = UNSET
    refusal: Raw | UnsetType = UNSET
    tool_calls: Raw | UnsetType = UNSET
    audio: Raw | UnsetType = UNSET
    function_call: Raw | UnsetType = UNSET


class _Choice(Struct):
    delta: _Delta | UnsetType = UNSET


class _Chunk(Struct):
    choices: list[_Choice] | UnsetType = UNSET
    usage: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_EMPTY = frozenset((b'""', b"null", b"[]"))


def kind_of(data: bytes) -> str:
    """What an event of a chat stream is: "content", "usage", "error", "done" or "other"."""
    if data == b"[DONE]":
        return "done"
    try:
        chunk = _decode_chunk(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "other"
    if chunk.error is not UNSET and bytes(chunk.error) != b"null":
        return "error"
    if not chunk.choices:
        usage = chunk.usage
        return "usage" if usage is not UNSET and bytes(usage) != b"null" else "other"
    return "content" if any(_has_content(choice.delta) for choice in chunk.choices) else "other"


def _has_content(delta: _Delta | UnsetType) -> bool:
    if isinstance(delta, UnsetType):
        return False
    values = (
        delta.content, delta.tool_calls, delta.reasoning_content, delta.reasoning, delta.refusal,
        delta.audio, delta.function_call,
    )  # fmt: skip
    return any(not isinstance(v, UnsetType) and bytes(v) not in _EMPTY for v in values)


def error_body(
    message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str = ""
) -> bytes:
    """OpenAI's error object as JSON."""
    error = {"message": message, "type": kind, "param": param, "code": code or None}
    return _encode({"error": error})


def stream_error(message: str, *, kind: str = "server_error", code: str = "") -> bytes:
    """OpenAI's error object as an event of a stream."""
    return b"data: %b\n\n" % error_body(message, kind=kind, code=code)


class Model(Struct):
    """A row of the models list."""

    id: str
    created: int
    object: str = "model"
    owned_by: str = "volano"


def models_body(names: list[str], created_s: int) -> bytes:
    """The list that `GET /v1/models` answers."""
    return _encode({"object": "list", "data": [Model(name, created_s) for name in names]})


def model_body(name: str, created_s: int) -> bytes:
    """What `GET /v1/models/{name}` answers."""
    return _encode(Model(name, created_s))


def is_error_object(body: bytes) -> bool:
    """Whether a body is an error in OpenAI's form."""
    try:
        value = _decode_any(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("error"), dict)

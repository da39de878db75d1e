"""Reads the messages of a chat completion request into turns.

Messages of tools become one turn of the user (as many results as messages in a
row); `developer` is `system`. Thoughts are read where the many compatible servers
put them (`reasoning_content`, `reasoning`); marks of a cacheable prefix in OpenAI's
words and in those that compatible gateways took from Anthropic (`cache_control`).
What cannot be kept (audio of an earlier answer, calls of custom tools) is refused
by its path.
"""

from typing import Any, Literal

from msgspec import Raw, Struct

from volano.wire.dialects import fields
from volano.wire.dialects.fields import NULL, decoder, elements, value
from volano.wire.exchange import (
    Audio,
    File,
    Image,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from volano.wire.openai import FieldError


class CacheControl(Struct, forbid_unknown_fields=True):
    """Anthropic's mark of the end of a cacheable prefix."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Breakpoint(Struct, forbid_unknown_fields=True):
    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] | None = None


class _Marked(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    cache_control: CacheControl | None = None
    prompt_cache_breakpoint: _Breakpoint | None = None


class _Text(_Marked, tag="text"):
    text: str


class _Url(Struct, forbid_unknown_fields=True):
    url: str
    detail: str | None = None


class _Image(_Marked, tag="image_url"):
    image_url: _Url


class _Sound(Struct, forbid_unknown_fields=True):
    data: str
    format: str


class _Audio(_Marked, tag="input_audio"):
    input_audio: _Sound


class _FileBody(Struct, forbid_unknown_fields=True):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _File(_Marked, tag="file"):
    file: _FileBody


class _Refused(_Marked, tag="refusal"):
    refusal: str


class _Message(Struct, tag_field="role", forbid_unknown_fields=True, kw_only=True):
    content: Raw = NULL
    name: str | None = None


class _System(_Message, tag="system"):
    pass


class _Developer(_Message, tag="developer"):
    pass


class _User(_Message, tag="user"):
    pass


class _ToolMessage(_Message, tag="tool"):
    tool_call_id: str


class _Assistant(_Message, tag="assistant"):
    refusal: str | None = None
    tool_calls: Raw = NULL
    reasoning_content: str | None = None
    reasoning: str | None = None
    annotations: Raw = NULL  # citations of an answer that is sent back; words have them too
    function_call: None = None
    audio: None = None


class _Called(Struct, forbid_unknown_fields=True):
    name: str
    arguments: str


class _Call(Struct, forbid_unknown_fields=True):
    id: str
    function: _Called
    type: Literal["function"] = "function"
    index: int | None = None


_string = decoder(str)
_message = decoder(_System | _Developer | _User | _Assistant | _ToolMessage)
_call = decoder(_Call)
_words = decoder(_Text)
_PARTS = {
    "user": decoder(_Text | _Image | _Audio | _File),
    "assistant": decoder(_Text | _Refused),
    "system": _words,
    "tool": _words,
}


def read_turns(raw: Raw) -> list[Turn]:
    """Raises MalformedError, FieldError."""
    turns: list[Turn] = []
    answered = False
    for path, element in elements(raw, "messages"):
        message = value(element, _message, path)
        if isinstance(message, _ToolMessage):
            result = ToolResult(message.tool_call_id, _content(message, "tool", path))  # type: ignore[arg-type]
            if answered:
                turns[-1].parts.append(result)
            else:
                turns.append(Turn("user", [result]))
            answered = True
            continue
        answered = False
        if isinstance(message, _Assistant):
            turns.append(Turn("assistant", _assistant(message, path), message.name))
        else:
            role: Literal["user", "system"] = "user" if isinstance(message, _User) else "system"
            turns.append(Turn(role, _content(message, role, path), message.name))
    if not turns:
        raise FieldError("`messages` must hold at least one message.", "messages")
    return turns


def _assistant(message: _Assistant, path: str) -> list[Part]:
    parts: list[Part] = []
    if thought := message.reasoning_content or message.reasoning:
        parts.append(Thinking(thought))
    if not fields.is_null(message.content):
        parts += _content(message, "assistant", path)
    if message.refusal is not None:
        parts.append(Refusal(message.refusal))
    if not fields.is_null(message.tool_calls):
        for at, raw in elements(message.tool_calls, f"{path}.tool_calls"):
            call = value(raw, _call, at)
            parts.append(ToolUse(call.id, call.function.name, call.function.arguments))
    if not parts:
        raise FieldError(f"The field `{path}.content` is required.", f"{path}.content")
    return parts


def _content(message: _Message, role: str, path: str) -> list[Part]:
    path = f"{path}.content"
    if fields.is_null(message.content):
        raise FieldError(f"The field `{path}` is required.", path)
    if fields.is_string(message.content):
        return [Text(value(message.content, _string, path))]
    decode = _PARTS[role]
    parts = [_part(value(raw, decode, at), at) for at, raw in elements(message.content, path)]
    if not parts:
        raise FieldError(f"The field `{path}` must hold at least one part.", path)
    return parts


def _part(part: Any, path: str) -> Part:
    ttl = _cache_ttl(part)
    match part:
        case _Text():
            return Text(part.text, ttl)
        case _Refused():
            return Refusal(part.refusal)
        case _Audio():
            return Audio(part.input_audio.data, part.input_audio.format)
        case _Image():
            return _image(part.image_url, ttl, f"{path}.image_url.url")
        case _:
            return _file(part.file, ttl, f"{path}.file")


def _cache_ttl(part: _Marked) -> str | None:
    if part.cache_control:
        return part.cache_control.ttl or "5m"
    if part.prompt_cache_breakpoint:
        return part.prompt_cache_breakpoint.ttl or "30m"
    return None


def _image(image: _Url, ttl: str | None, path: str) -> Image:
    if not image.url.startswith("data:"):
        return Image(url=image.url, detail=image.detail, cache_ttl=ttl)
    media_type, data = _data_url(image.url, path)
    return Image(data, media_type, detail=image.detail, cache_ttl=ttl)


def _file(file: _FileBody, ttl: str | None, path: str) -> File:
    if (file.file_data is None) == (file.file_id is None):
        raise FieldError(f"`{path}` needs either `file_data` or `file_id`.", path)
    if file.file_data is None:
        return File(file_id=file.file_id, name=file.filename, cache_ttl=ttl)
    media_type, data = None, file.file_data
    if data.startswith("data:"):
        media_type, data = _data_url(data, f"{path}.file_data")
    return File(data, media_type, name=file.filename, cache_ttl=ttl)


def _data_url(url: str, path: str) -> tuple[str, str]:
    """Media type and data of a base64 `data:` URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    media_type, mark, _ = head[5:].rpartition(";base64")
    if not comma or not mark or not media_type:
        raise FieldError(f"`{path}` must be a URL or `data:<media type>;base64,<data>`.", path)
    return media_type, data

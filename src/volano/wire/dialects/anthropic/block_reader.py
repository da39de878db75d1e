"""Reads the content blocks of a messages request into parts.

Blocks of Anthropic's own tools (web search, code execution), search results,
citations asked for and files as images have no neutral word: they are refused by
their path. What an earlier answer cited, and who called a tool, is left out: the
words and the call are there.
"""

import base64
from typing import Any, Literal

from msgspec import Raw, Struct

from volano.wire.dialects import fields
from volano.wire.dialects.fields import NULL, decoder, elements, json_object, value
from volano.wire.exchange import File, Image, Part, Text, Thinking, ToolResult, ToolUse
from volano.wire.openai import FieldError


class CacheControl(Struct, forbid_unknown_fields=True):
    """The mark of the end of a cacheable prefix."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Block(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    cache_control: CacheControl | None = None


class _Text(_Block, tag="text"):
    text: str
    citations: Raw = NULL


class _Base64(Struct, tag_field="type", tag="base64", forbid_unknown_fields=True):
    data: str
    media_type: str


class _Url(Struct, tag_field="type", tag="url", forbid_unknown_fields=True):
    url: str


class _PlainText(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    data: str
    media_type: Literal["text/plain"]


class _FileId(Struct, tag_field="type", tag="file", forbid_unknown_fields=True):
    file_id: str


class _Image(_Block, tag="image"):
    source: _Base64 | _Url
    transformations: None = None


class _Citations(Struct, forbid_unknown_fields=True):
    enabled: bool | None = None


class _Document(_Block, tag="document"):
    source: _Base64 | _Url | _PlainText | _FileId
    title: str | None = None
    context: None = None
    citations: _Citations | None = None


class _ToolUse(_Block, tag="tool_use"):
    id: str
    name: str
    input: Raw
    caller: Raw = NULL
    toolset_name: None = None


class _ToolResult(_Block, tag="tool_result"):
    tool_use_id: str
    content: Raw = NULL
    is_error: bool | None = None
    toolset_name: None = None


class _Thinking(_Block, tag="thinking"):
    thinking: str
    signature: str = ""


class _Redacted(_Block, tag="redacted_thinking"):
    data: str


_string = decoder(str)
_PARTS = {
    "user": decoder(_Text | _Image | _Document | _ToolResult),
    "assistant": decoder(_Text | _Thinking | _Redacted | _ToolUse),
    "system": decoder(_Text),
    "result": decoder(_Text | _Image | _Document),
}


def read_content(raw: Raw, role: str, path: str) -> list[Part]:
    """The parts of a content field: a string, or blocks that this role may say.

    Raises:
        MalformedError, FieldError: see `fields.value`.
    """
    if fields.is_string(raw):
        return [Text(value(raw, _string, path))]
    decode = _PARTS[role]
    return [_part(value(block, decode, at), at) for at, block in elements(raw, path)]


def cache_ttl(mark: CacheControl | None) -> str | None:
    """How long what is marked is kept; five minutes where it is not said."""
    return (mark.ttl or "5m") if mark else None


def _part(block: Any, path: str) -> Part:
    ttl = cache_ttl(block.cache_control)
    match block:
        case _Text():
            return Text(block.text, ttl)
        case _ToolResult():
            parts: list[Part] = []
            if not fields.is_null(block.content):
                parts = read_content(block.content, "result", f"{path}.content")
            return ToolResult(block.tool_use_id, parts, bool(block.is_error), ttl)  # type: ignore[arg-type]
        case _ToolUse():
            given = json_object(block.input, f"{path}.input")
            return ToolUse(block.id, block.name, bytes(given).decode())
        case _Thinking():
            return Thinking(block.thinking, block.signature or None)
        case _Redacted():
            return Thinking(block.data, redacted=True)
        case _Image(source=_Url() as source):
            return Image(url=source.url, cache_ttl=ttl)
        case _Image(source=_Base64() as source):
            return Image(source.data, source.media_type, cache_ttl=ttl)
        case _:
            return _file(block, ttl, path)


def _file(block: _Document, ttl: str | None, path: str) -> File:
    if block.citations and block.citations.enabled:
        path = f"{path}.citations"
        raise FieldError("Citations cannot be carried between two APIs.", path)
    match block.source:
        case _Base64(data=data, media_type=media_type):
            return File(data, media_type, name=block.title, cache_ttl=ttl)
        case _Url(url=url):
            return File(url=url, name=block.title, cache_ttl=ttl)
        case _FileId(file_id=file_id):
            return File(file_id=file_id, name=block.title, cache_ttl=ttl)
        case _PlainText(data=text):
            data = base64.b64encode(text.encode()).decode()
            return File(data, "text/plain", name=block.title, cache_ttl=ttl)

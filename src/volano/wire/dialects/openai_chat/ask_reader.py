"""Reads a chat completion request into an `Ask`.

What has no neutral word stays in `Ask.extra` under its top-level name, also a choice of
tools that names no function; a tool that is none stays under the path of its type.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from volano.wire.dialects import fields
from volano.wire.dialects.fields import NULL, Count, Seed, decoder, elements, json_object, value
from volano.wire.dialects.openai_chat.message_reader import CacheControl, read_turns
from volano.wire.exchange import Ask, Format, Reasoning, Tool, ToolChoice
from volano.wire.openai import FieldError


class _Kind(Struct):
    type: str


class _Function(Struct, forbid_unknown_fields=True):
    name: str
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class _FunctionTool(Struct, forbid_unknown_fields=True):
    function: _Function
    type: Literal["function"]
    cache_control: CacheControl | None = None


class _Named(Struct, forbid_unknown_fields=True):
    name: str


class _NamedChoice(Struct, forbid_unknown_fields=True):
    function: _Named
    type: Literal["function"]


class _Schema(Struct, forbid_unknown_fields=True):
    name: str
    description: str | None = None
    schema: Raw = NULL
    strict: bool | None = None


class _TextFormat(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    pass


class _JsonFormat(Struct, tag_field="type", tag="json_object", forbid_unknown_fields=True):
    pass


class _SchemaFormat(Struct, tag_field="type", tag="json_schema", forbid_unknown_fields=True):
    json_schema: _Schema


class _StreamOptions(Struct, forbid_unknown_fields=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None  # padding of events against eavesdroppers


_string = decoder(str)
_number = decoder(float)
_count = decoder(Count)
_flag = decoder(bool)
_kind = decoder(_Kind)
_function_tool = decoder(_FunctionTool)


def read_ask(body: bytes) -> Ask:
    """Raises MalformedError, FieldError."""
    given = fields.opened(body)
    model = value(fields.required(given, "model"), _string, "model")
    ask = Ask(model, read_turns(fields.required(given, "messages")))
    for name, raw in given.items():
        if plain := _PLAIN.get(name):
            setattr(ask, plain[0], value(raw, plain[1], name))
        elif special := _SPECIAL.get(name):
            special(ask, raw)
        else:
            ask.extra[name] = raw
    return ask


def _read_tools(ask: Ask, raw: Raw) -> None:
    tools = []
    for path, element in elements(raw, "tools"):
        if value(element, _kind, path).type != "function":
            ask.extra[f"{path}.type"] = element
            continue
        tool = value(element, _function_tool, path)
        function, mark = tool.function, tool.cache_control
        schema = None
        if not fields.is_null(function.parameters):
            schema = json_object(function.parameters, f"{path}.function.parameters")
        ttl = (mark.ttl or "5m") if mark else None
        tools.append(Tool(function.name, function.description, schema, function.strict, ttl))
    ask.tools = tools


_CHOICES: dict[str, ToolChoice] = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("any"),
}
_choice_word = decoder(Literal["auto", "none", "required"])
_named_choice = decoder(_NamedChoice)


def _read_tool_choice(ask: Ask, raw: Raw) -> None:
    if fields.is_string(raw):
        word = _CHOICES[value(raw, _choice_word, "tool_choice")]
        ask.tool_choice = ToolChoice(word.kind)
    elif value(raw, _kind, "tool_choice").type != "function":
        ask.extra["tool_choice"] = raw
    else:
        name = value(raw, _named_choice, "tool_choice").function.name
        ask.tool_choice = ToolChoice("tool", name)


_format = decoder(_TextFormat | _JsonFormat | _SchemaFormat)


def _read_format(ask: Ask, raw: Raw) -> None:
    said = value(raw, _format, "response_format")
    if not isinstance(said, _SchemaFormat):
        ask.format = Format("text" if isinstance(said, _TextFormat) else "json")
        return
    form = said.json_schema
    schema = None
    if not fields.is_null(form.schema):
        schema = json_object(form.schema, "response_format.json_schema.schema")
    ask.format = Format("schema", schema, form.name, form.description, form.strict)


def _read_stop(ask: Ask, raw: Raw) -> None:
    said = value(raw, _stop, "stop")
    ask.stop = [said] if isinstance(said, str) else said


_stop = decoder(str | list[str])
_stream_options = decoder(_StreamOptions)


def _read_max_tokens(ask: Ask, raw: Raw) -> None:
    _limit(ask, value(raw, _count, "max_tokens"))


def _read_max_completion_tokens(ask: Ask, raw: Raw) -> None:
    _limit(ask, value(raw, _count, "max_completion_tokens"))


def _limit(ask: Ask, tokens: int) -> None:
    if ask.max_tokens not in (None, tokens):
        raise FieldError("`max_tokens` and `max_completion_tokens` differ.", "max_tokens")
    ask.max_tokens = tokens


def _read_effort(ask: Ask, raw: Raw) -> None:
    effort = value(raw, _string, "reasoning_effort")
    ask.reasoning = Reasoning(off=True) if effort == "none" else Reasoning(effort)


def _read_stream_options(ask: Ask, raw: Raw) -> None:
    ask.wants_usage = bool(value(raw, _stream_options, "stream_options").include_usage)


def _read_user(ask: Ask, raw: Raw) -> None:
    said = value(raw, _string, "user")
    if ask.user not in (None, said):  # a safety_identifier that came first
        ask.extra["safety_identifier"] = Raw(msgspec.json.encode(ask.user))
    ask.user = said


def _read_safety_identifier(ask: Ask, raw: Raw) -> None:
    said = value(raw, _string, "safety_identifier")
    if ask.user is None:
        ask.user = said
    elif ask.user != said:
        ask.extra["safety_identifier"] = raw


_PLAIN: dict[str, tuple[str, fields.Decode[Any]]] = {
    "stream": ("stream", _flag),
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "seed": ("seed", decoder(Seed)),
    "n": ("n", _count),
    "presence_penalty": ("presence_penalty", _number),
    "frequency_penalty": ("frequency_penalty", _number),
    "logprobs": ("logprobs", _flag),
    "top_logprobs": ("top_logprobs", _count),
    "parallel_tool_calls": ("parallel_tools", _flag),
    "metadata": ("metadata", decoder(dict[str, str])),
    "service_tier": ("service_tier", _string),
}
_SPECIAL: dict[str, Callable[[Ask, Raw], None]] = {
    "max_tokens": _read_max_tokens,
    "max_completion_tokens": _read_max_completion_tokens,
    "tools": _read_tools,
    "tool_choice": _read_tool_choice,
    "response_format": _read_format,
    "stop": _read_stop,
    "reasoning_effort": _read_effort,
    "stream_options": _read_stream_options,
    "user": _read_user,
    "safety_identifier": _read_safety_identifier,
}

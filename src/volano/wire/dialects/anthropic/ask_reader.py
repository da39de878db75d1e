"""Reads a messages request, or one to count its tokens, into an `Ask`.

What has no neutral word stays in `Ask.extra` under its top-level name, and the tools that
Anthropic runs itself under the path of their type. A stream of this API always tells its usage.
"""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Raw, Struct

from volano.wire.dialects import fields
from volano.wire.dialects.anthropic.block_reader import CacheControl, cache_ttl, read_content
from volano.wire.dialects.fields import NULL, Count, decoder, elements, json_object, value
from volano.wire.exchange import Ask, Format, Reasoning, Role, Tool, ToolChoice, Turn
from volano.wire.openai import FieldError


class _Message(Struct, forbid_unknown_fields=True):
    role: Role
    content: Raw


class _Metadata(Struct, forbid_unknown_fields=True):
    user_id: str | None = None


class _Kind(Struct):
    type: str | None = None


class _Tool(Struct, forbid_unknown_fields=True):
    name: str
    input_schema: Raw
    description: str | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None
    type: Literal["custom"] | None = None
    eager_input_streaming: bool | None = None  # when, not what, is streamed
    input_examples: Raw = NULL
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None


class _Choice(Struct, forbid_unknown_fields=True):
    type: Literal["auto", "none", "any", "tool"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(Struct, forbid_unknown_fields=True):
    type: str
    budget_tokens: Count | None = None
    display: Literal["summarized", "omitted"] | None = None


class _Schema(Struct, forbid_unknown_fields=True):
    type: Literal["json_schema"]
    schema: Raw


class _OutputConfig(Struct, forbid_unknown_fields=True):
    effort: str | None = None
    format: _Schema | None = None


_string = decoder(str)
_number = decoder(float)
_count = decoder(Count)
_flag = decoder(bool)
_message = decoder(_Message)
_kind = decoder(_Kind)
_tool = decoder(_Tool)
_choice = decoder(_Choice)
_thinking = decoder(_Thinking)
_schema = decoder(_Schema)
_output_config = decoder(_OutputConfig)
_metadata = decoder(_Metadata)
_tier = decoder(Literal["auto", "standard_only"])


def read_ask(body: bytes) -> Ask:
    """Raises MalformedError, FieldError."""
    given = fields.opened(body)
    if "max_tokens" not in given:
        raise FieldError("The field `max_tokens` is required.", "max_tokens")
    return _ask(given)


def read_count(body: bytes) -> Ask:
    """Read a request of `/v1/messages/count_tokens`: the same without what shapes the answer.

    Raises:
        MalformedError, FieldError: as in `read_ask`.
    """
    return _ask(fields.opened(body))


def _ask(given: dict[str, Raw]) -> Ask:
    model = value(fields.required(given, "model"), _string, "model")
    messages = fields.required(given, "messages")
    turns = _system(given.pop("system")) if "system" in given else []
    ask = Ask(model, turns + _turns(messages))
    for name, raw in given.items():
        if plain := _PLAIN.get(name):
            setattr(ask, plain[0], value(raw, plain[1], name))
        elif special := _SPECIAL.get(name):
            special(ask, raw)
        else:
            ask.extra[name] = raw
    ask.wants_usage = ask.stream
    return ask


def _system(raw: Raw) -> list[Turn]:
    parts = read_content(raw, "system", "system")
    return [Turn("system", parts)] if parts else []


def _turns(raw: Raw) -> list[Turn]:
    turns = []
    for path, element in elements(raw, "messages"):
        message = value(element, _message, path)
        parts = read_content(message.content, message.role, f"{path}.content")
        if not parts:
            path = f"{path}.content"
            raise FieldError(f"The field `{path}` must hold at least one block.", path)
        turns.append(Turn(message.role, parts))
    if not turns:
        raise FieldError("`messages` must hold at least one message.", "messages")
    return turns


def _read_tools(ask: Ask, raw: Raw) -> None:
    tools = []
    for path, element in elements(raw, "tools"):
        if value(element, _kind, path).type not in (None, "custom"):
            ask.extra[f"{path}.type"] = element
            continue
        tool = value(element, _tool, path)
        if peculiar := _peculiar(tool):
            ask.extra[f"{path}.{peculiar}"] = element
            continue
        schema = json_object(tool.input_schema, f"{path}.input_schema")
        ttl = cache_ttl(tool.cache_control)
        tools.append(Tool(tool.name, tool.description, schema, tool.strict, ttl))
    ask.tools = tools


def _peculiar(tool: _Tool) -> str:
    """The field of a tool that has no neutral word; empty where there is none."""
    if tool.defer_loading:
        return "defer_loading"
    if tool.allowed_callers:
        return "allowed_callers"
    return "" if fields.is_null(tool.input_examples) else "input_examples"


def _read_tool_choice(ask: Ask, raw: Raw) -> None:
    choice = value(raw, _choice, "tool_choice")
    if (choice.type == "tool") != (choice.name is not None):
        raise FieldError("`tool_choice.name` belongs to the type `tool`.", "tool_choice.name")
    ask.tool_choice = ToolChoice(choice.type, choice.name)
    if choice.disable_parallel_tool_use is not None:
        ask.parallel_tools = not choice.disable_parallel_tool_use


def _read_thinking(ask: Ask, raw: Raw) -> None:
    thinking = value(raw, _thinking, "thinking")
    if thinking.type not in ("enabled", "disabled", "adaptive"):
        ask.extra["thinking"] = raw
        return
    if thinking.type == "enabled" and thinking.budget_tokens is None:
        path = "thinking.budget_tokens"
        raise FieldError(f"The field `{path}` is required.", path)
    reasoning = _reasoning(ask)
    reasoning.off = thinking.type == "disabled"
    reasoning.budget_tokens = thinking.budget_tokens if thinking.type == "enabled" else None
    reasoning.summary = "auto" if thinking.display == "summarized" else None


def _reasoning(ask: Ask) -> Reasoning:
    if ask.reasoning is None:
        ask.reasoning = Reasoning()
    return ask.reasoning


def _read_output_config(ask: Ask, raw: Raw) -> None:
    config = value(raw, _output_config, "output_config")
    if config.effort is not None:
        _reasoning(ask).effort = config.effort
    if config.format is not None:
        schema = json_object(config.format.schema, "output_config.format.schema")
        ask.format = Format("schema", schema)


def _read_output_format(ask: Ask, raw: Raw) -> None:
    """What was `output_format` in the beta is `output_config.format` now."""
    schema = value(raw, _schema, "output_format").schema
    ask.format = Format("schema", json_object(schema, "output_format.schema"))


def _read_metadata(ask: Ask, raw: Raw) -> None:
    ask.user = value(raw, _metadata, "metadata").user_id


def _read_service_tier(ask: Ask, raw: Raw) -> None:
    tier = value(raw, _tier, "service_tier")
    ask.service_tier = "auto" if tier == "auto" else "default"


_PLAIN: dict[str, tuple[str, fields.Decode[Any]]] = {
    "stream": ("stream", _flag),
    "max_tokens": ("max_tokens", _count),
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "top_k": ("top_k", _count),
    "stop_sequences": ("stop", decoder(list[str])),
}
_SPECIAL: dict[str, Callable[[Ask, Raw], None]] = {
    "tools": _read_tools,
    "tool_choice": _read_tool_choice,
    "thinking": _read_thinking,
    "output_config": _read_output_config,
    "output_format": _read_output_format,
    "metadata": _read_metadata,
    "service_tier": _read_service_tier,
}

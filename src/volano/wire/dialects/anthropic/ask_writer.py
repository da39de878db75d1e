"""Writes an `Ask` as a messages request.

Two versions of the API are spoken (the header `anthropic-version`): since
2026-10-21 it has no temperature, top_p and top_k any more
(https://platform.claude.com/docs/en/api/migration-2026-10-21).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from volano.wire.dialects import extras
from volano.wire.dialects.anthropic.block_writer import Json, marked, write_turns
from volano.wire.exchange import Ask, CannotSayError, Format, Reasoning, Tool

FIRST_VERSION = "2023-06-01"
"""The version that all models and compatible providers know."""
DEFAULT_MAX_TOKENS = 8192
"""The API must be told a limit: this one, where the client said none. Thoughts come on top."""

PASSED_ON = frozenset(("cache_control", "inference_geo", "speed", "thinking", "user_profile_id"))
"""Extra fields of Anthropic's that shape a request but not the form of its answer."""

COUNTED = frozenset(
    ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config",
     "cache_control", "speed", "user_profile_id")
)  # fmt: skip
"""The fields of a request to count tokens."""

LEFT_OUT: Mapping[str, str] = {
    "metadata": "Labels for what OpenAI keeps; Anthropic knows only the user's id.",
    "prompt_cache_key": "Where OpenAI looks for a cached prefix: the price, not the answer.",
    "prompt_cache_options": "The same.",
    "prompt_cache_retention": "The same.",
    "safety_identifier": "A second name of the user beside `user`; alone it is said.",
    "diagnostics": "Asks for an explanation of cache misses beside the answer.",
    "image.detail": "Claude always looks at the whole picture.",
    "thinking without signature": "A thought proves itself to its own provider only.",
    "format.name": "A label for the schema.",
    "format.strict": "A schema is always kept to.",
    "parallel_tools without tools": "There is nothing to call.",
}
"""What is not said, and why that changes nothing in the answer."""

_TIERS = {"auto": "auto", "default": "standard_only", "priority": "auto"}
_EFFORTS = {"minimal": "low"}
_SAMPLING: Mapping[str, float | None] = {"temperature": 1, "top_p": 1, "top_k": None}
"""The sampling parameters with the values that are the same as not saying them."""


def write_ask(ask: Ask, *, version: str = FIRST_VERSION) -> bytes:
    """Raises CannotSayError."""
    _refuse(ask)
    system, messages = write_turns(ask.turns)
    body: Json = {"model": ask.model, "max_tokens": _max_tokens(ask), "messages": messages}
    if system:
        one_text = len(system) == 1 and len(system[0]) == 2
        body["system"] = system[0]["text"] if one_text else system
    if ask.stream:
        body["stream"] = True
    body |= _sampling(ask, version)
    if ask.stop is not None:
        body["stop_sequences"] = ask.stop
    user = _safety_identifier(ask) if ask.user is None else ask.user
    if user is not None:
        body["metadata"] = {"user_id": user}
    if ask.service_tier is not None:
        body["service_tier"] = _tier(ask.service_tier)
    if ask.tools is not None:
        body["tools"] = [_tool(tool) for tool in ask.tools]
    if choice := _choice(ask):
        body["tool_choice"] = choice
    if ask.reasoning is not None:
        body["thinking"] = _thinking(ask.reasoning)
    if config := _output_config(ask):
        body["output_config"] = config
    return msgspec.json.encode(body | extras.passed(ask.extra, on=PASSED_ON, left_out=LEFT_OUT))


def write_count_ask(ask: Ask, *, version: str = FIRST_VERSION) -> bytes:
    """Write a request to count an ask's tokens: only what is counted may be said.

    Raises:
        CannotSayError: as in `write_ask`.
    """
    said = msgspec.json.decode(write_ask(ask, version=version), type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: raw for name, raw in said.items() if name in COUNTED})


def _refuse(ask: Ask) -> None:
    if ask.n is not None and ask.n != 1:
        raise CannotSayError("Anthropic gives one answer.", "n")
    if ask.logprobs:
        raise CannotSayError("Anthropic tells no log probabilities.", "logprobs")
    for field in ("top_logprobs", "presence_penalty", "frequency_penalty"):
        if getattr(ask, field):
            raise CannotSayError(f"Anthropic has no `{field}`.", field)
    if ask.seed is not None:
        raise CannotSayError("Anthropic has no `seed`.", "seed")


def _safety_identifier(ask: Ask) -> str | None:
    raw = ask.extra.get("safety_identifier")
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.MsgspecError:
        text = "The user's name must be a text."
        raise CannotSayError(text, "safety_identifier") from None


def _max_tokens(ask: Ask) -> int:
    if ask.max_tokens is not None:
        return ask.max_tokens
    thought = ask.reasoning.budget_tokens if ask.reasoning else None
    return DEFAULT_MAX_TOKENS + (thought or 0)


def _sampling(ask: Ask, version: str) -> Json:
    said = {name: getattr(ask, name) for name in _SAMPLING if getattr(ask, name) is not None}
    if version == FIRST_VERSION:
        if said.get("temperature", 0) > 1:
            raise CannotSayError("Anthropic's temperature goes up to 1.", "temperature")
        return said
    for name, given in said.items():
        if given != _SAMPLING[name]:
            raise CannotSayError(f"Anthropic has no `{name}` since {version}.", name)
    return {}


def _tier(tier: str) -> str:
    if tier not in _TIERS:
        raise CannotSayError(f"Anthropic has no service tier `{tier}`.", "service_tier")
    return _TIERS[tier]


def _tool(tool: Tool) -> Json:
    said: Json = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    # no schema: no arguments, as OpenAI has it; here the field is required
    said["input_schema"] = (
        {"type": "object", "properties": {}} if tool.schema is None else tool.schema
    )
    if tool.strict is not None:
        said["strict"] = tool.strict
    return marked(said, tool.cache_ttl)


def _choice(ask: Ask) -> Json | None:
    choice = ask.tool_choice
    if choice is None:
        if ask.parallel_tools is None or not ask.tools:
            return None
        return {"type": "auto", "disable_parallel_tool_use": not ask.parallel_tools}
    if choice.kind in ("auto", "none") and not ask.tools:
        return None  # the API refuses a choice among no tools
    said: Json = {"type": choice.kind}
    if choice.kind == "tool":
        said["name"] = choice.name
    if ask.parallel_tools is not None and choice.kind != "none":
        said["disable_parallel_tool_use"] = not ask.parallel_tools
    return said


def _thinking(reasoning: Reasoning) -> Json:
    if reasoning.off:
        return {"type": "disabled"}
    said: Json = {"type": "adaptive"}
    if reasoning.budget_tokens is not None:
        said = {"type": "enabled", "budget_tokens": reasoning.budget_tokens}
    if reasoning.summary is not None:
        said["display"] = "summarized"
    return said


def _output_config(ask: Ask) -> Json:
    said: Json = {}
    if ask.reasoning is not None and ask.reasoning.effort is not None:
        said["effort"] = _EFFORTS.get(ask.reasoning.effort, ask.reasoning.effort)
    if ask.format is not None and ask.format.kind != "text":
        said["format"] = {"type": "json_schema", "schema": _schema(ask.format)}
    return said


def _schema(form: Format) -> Any:
    """The schema; what it is for is said inside it, where it does not say so itself."""
    if form.kind == "json" or form.schema is None:
        raise CannotSayError("Anthropic gives JSON only by a schema.", "response_format")
    if form.description is None:
        return form.schema
    schema = msgspec.json.decode(form.schema, type=dict[str, msgspec.Raw])
    return {"description": form.description, **schema}

"""An `Ask` in the words of the Responses API, for a provider that speaks it.

Each part that is not a word of a message is an item of its own: thoughts, function
calls and their outputs. Runs of the others become one message. A tool's failure,
which has no field here, is said in words, and thought by tokens as the nearest effort.
"""

import re
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw

from volano.wire.dialects import extras
from volano.wire.dialects.bodies import data_url
from volano.wire.dialects.call_ids import fitting
from volano.wire.dialects.openai_chat.ask_writer import EFFORT_BY_BUDGET
from volano.wire.dialects.openai_chat.message_writer import TOOL_FAILED
from volano.wire.dialects.places import placed
from volano.wire.exchange import (
    Ask,
    Audio,
    CannotSayError,
    File,
    Format,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)

PASSED = frozenset(
    (
        "access_programs",
        "context_management",
        "conversation",
        "image",
        "include",
        "moderation",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning.context",
        "reasoning.mode",
        "safety_identifier",
        "store",
        "truncation",
        "verbosity",
    )
)
"""Fields without a neutral word that this API knows; they go as they came."""

LEFT_OUT = {
    "cache_ttl (5m, 1h)": "OpenAI caches long prefixes by itself; a cache changes no answer",
    "tools[].cache_ttl": "the same",
    "tool_result.cache_ttl": "the same",
    "wants_usage": "usage always comes with the answer",
    "stop: [], n: 1, penalties of 0, logprobs: false": "the defaults",
}
"""What a neutral ask may say that this API need not hear, and why."""

_TIERS = frozenset(("auto", "default", "flex", "priority", "scale", "fast", "ultrafast"))
_TTLS = frozenset(("30m", "12h"))
_encode = msgspec.json.encode
_CALL_ID = re.compile(".{1,64}", re.DOTALL)


def write_ask(ask: Ask) -> bytes:
    """Write a request.

    Raises:
        CannotSayError: this API has no word for a field.
    """
    _refuse_unknown(ask)
    extra: dict[str, Any] = dict(extras.passed(ask.extra, on=PASSED, left_out=()))
    instructions = _instructions(ask.turns)
    body: dict[str, Any] = {
        "model": ask.model,
        "instructions": instructions,
        "input": _items(ask.turns, start=0 if instructions is None else 1),
        "stream": ask.stream or None,
        "max_output_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "tools": None if ask.tools is None else [tool_words(tool) for tool in ask.tools],
        "tool_choice": choice_words(ask.tool_choice),
        "parallel_tool_calls": ask.parallel_tools,
        "text": text_words(ask.format, extra.pop("verbosity", None)),
        "reasoning": reasoning_words(
            ask.reasoning,
            context=extra.pop("reasoning.context", None),
            mode=extra.pop("reasoning.mode", None),
        ),
        "user": ask.user,
        "metadata": ask.metadata,
        "service_tier": ask.service_tier,
        **extra,
    }
    return _encode({name: value for name, value in body.items() if value is not None})


def _refuse_unknown(ask: Ask) -> None:
    said = {
        "top_k": ask.top_k is not None,
        "stop": bool(ask.stop),
        "seed": ask.seed is not None,
        "n": ask.n not in (None, 1),
        "presence_penalty": bool(ask.presence_penalty),
        "frequency_penalty": bool(ask.frequency_penalty),
        "logprobs": bool(ask.logprobs),
        "top_logprobs": bool(ask.top_logprobs),
    }
    for name, is_said in said.items():
        if is_said:
            raise CannotSayError(f"`{name}` cannot be said in the Responses API.", name)
    if ask.service_tier is not None and ask.service_tier not in _TIERS:
        text = f"The Responses API knows no service tier `{ask.service_tier}`."
        raise CannotSayError(text, "service_tier")
    for name, value in (ask.metadata or {}).items():
        if not isinstance(value, str):
            raise CannotSayError("Values of metadata must be strings.", f"metadata.{name}")


def _instructions(turns: list[Turn]) -> str | None:
    """The plain words of a first turn by the system, which stand outside of the input."""
    if turns and turns[0].role == "system" and turns[0].name is None:
        match turns[0].parts:
            case [Text(text=text, cache_ttl=ttl)] if ttl not in _TTLS:
                return text
    return None


def _items(turns: list[Turn], start: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for turn in islice(placed(turns), start, None):
        if turn.name is not None:
            text = "Messages have no `name` in the Responses API."
            raise CannotSayError(text, f"{turn.path}.name")
        content: list[dict[str, Any]] | None = None
        for part, path in zip(turn.parts, turn.paths, strict=True):
            item = _item(part, turn.role, path)
            if item is not None:
                items.append(item)
                content = None
                continue
            if content is None:
                content = []
                items.append({"type": "message", "role": turn.role, "content": content})
            content.append(_content(part, turn.role, path))
    return items


def _item(part: Part, role: str, path: str) -> dict[str, Any] | None:
    """A part that is an item of its own; None where it belongs into a message."""
    match part:
        case ToolUse() if role == "assistant":
            return {
                "type": "function_call",
                "call_id": _call_id(part.id),
                "name": part.name,
                "arguments": part.arguments,
            }
        case Thinking() if role == "assistant":
            return reasoning_item(part)
        case ToolResult() if role == "user":
            return {
                "type": "function_call_output",
                "call_id": _call_id(part.id),
                "output": _output(part, path),
            }
        case _:
            return None


def _call_id(given: str) -> str:
    return fitting(given, _CALL_ID, "call_")


def reasoning_item(thought: Thinking) -> dict[str, Any]:
    """A thought as an item, without its id: with the secret part none is needed."""
    if thought.redacted:
        return {"type": "reasoning", "summary": [], "encrypted_content": thought.text}
    summary = [{"type": "summary_text", "text": thought.text}]
    item: dict[str, Any] = {"type": "reasoning", "summary": summary}
    if thought.signature is not None:
        item["encrypted_content"] = thought.signature
    return item


def _output(result: ToolResult, path: str) -> str | list[dict[str, Any]]:
    parts = result.parts
    if result.is_error:
        parts = _failed(parts)
    match parts:
        case [Text(text=text, cache_ttl=ttl)] if ttl not in _TTLS:
            return text
        case _:
            return [
                _content(part, "user", f"{path}.content[{index}]")
                for index, part in enumerate(parts, start=-result.is_error)
            ]


def _failed(parts: list[Text | Image | File]) -> list[Text | Image | File]:
    match parts:
        case [Text(text=text, cache_ttl=ttl)]:
            return [Text(TOOL_FAILED + text, ttl)]
        case _:
            return [Text(TOOL_FAILED), *parts]


def _content(part: Part, role: str, path: str) -> dict[str, Any]:
    if role == "assistant":
        match part:
            case Text():
                return {"type": "output_text", "text": part.text, "annotations": []}
            case Refusal():
                return {"type": "refusal", "refusal": part.text}
    else:
        match part:
            case Text():
                return _marked({"type": "input_text", "text": part.text}, part.cache_ttl)
            case Image():
                return _marked(_image(part, f"{path}.image_url"), part.cache_ttl)
            case File():
                return _marked(_file(part), part.cache_ttl)
            case Audio():
                text = "The Responses API takes no sound; the same models' chat completions do."
                raise CannotSayError(text, f"{path}.input_audio")
    kind = type(part).__name__.lower()
    text = f"The Responses API has no {kind} in a turn of the {role}."
    raise CannotSayError(text, path)


def _marked(content: dict[str, Any], ttl: str | None) -> dict[str, Any]:
    if ttl in _TTLS:
        content["prompt_cache_breakpoint"] = {"mode": "explicit", "ttl": ttl}
    return content


def _image(image: Image, path: str) -> dict[str, Any]:
    url = image.url
    if image.data is not None:
        if image.media_type is None:
            raise CannotSayError("An image needs its media type.", path)
        url = data_url(image.data, image.media_type)
    if url is None:
        raise CannotSayError("An image needs its data or a URL.", path)
    return {"type": "input_image", "image_url": url, "detail": image.detail or "auto"}


def _file(file: File) -> dict[str, Any]:
    content: dict[str, Any] = {"type": "input_file"}
    if file.data is not None:
        named = file.media_type is not None
        content["file_data"] = data_url(file.data, file.media_type or "") if named else file.data
    said = {"file_url": file.url, "file_id": file.file_id, "filename": file.name}
    content |= {name: value for name, value in said.items() if value is not None}
    return content


def tool_words(tool: Tool) -> dict[str, Any]:
    """A function. Where it is not said to be strict it is not: here the default is that it is."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.schema,
        "strict": bool(tool.strict),
    }


def choice_words(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    """A choice of tools."""
    if choice is None:
        return None
    if choice.kind == "tool":
        return {"type": "function", "name": choice.name}
    return "required" if choice.kind == "any" else choice.kind


def text_words(form: Format | None, verbosity: Raw | None = None) -> dict[str, Any] | None:
    """The form of the answer's text."""
    words: dict[str, Any] = {}
    if form is not None:
        words["format"] = _format(form)
    if verbosity is not None:
        words["verbosity"] = verbosity
    return words or None


def _format(form: Format) -> dict[str, Any]:
    if form.kind != "schema":
        return {"type": "json_object" if form.kind == "json" else "text"}
    if form.schema is None:
        raise CannotSayError("A JSON format needs its schema.", "text.format.schema")
    said = {
        "type": "json_schema",
        "name": form.name or "answer",
        "schema": form.schema,
        "description": form.description,
        "strict": form.strict,
    }
    return {name: value for name, value in said.items() if value is not None}


def reasoning_words(
    reasoning: Reasoning | None, *, context: Raw | None = None, mode: Raw | None = None
) -> dict[str, Any] | None:
    """How much to think."""
    said: dict[str, Any] = {"context": context, "mode": mode}
    if reasoning is not None:
        said["effort"] = _effort(reasoning)
        said["summary"] = reasoning.summary
    words = {name: value for name, value in said.items() if value is not None}
    return words or None


def _effort(reasoning: Reasoning) -> str | None:
    if reasoning.off:
        return "none"
    if reasoning.effort is not None or reasoning.budget_tokens is None:
        return reasoning.effort
    fitting = (word for most, word in EFFORT_BY_BUDGET if reasoning.budget_tokens <= most)
    return next(fitting, "high")

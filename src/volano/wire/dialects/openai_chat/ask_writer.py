"""Writes an `Ask` as a chat completion request.

It may end with an assistant's turn, but the API answers that anew: it does not
continue it, as Anthropic's older models do.
"""

from collections.abc import Mapping

import msgspec

from volano.wire.dialects import extras
from volano.wire.dialects.openai_chat.message_writer import Json, write_messages
from volano.wire.exchange import Ask, CannotSayError, Format, Reasoning, Tool, ToolChoice

PASSED_ON = frozenset(
    (
        "logit_bias",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "tool_choice",
        "verbosity",
        "web_search_options",
    )
)
"""Extra fields of OpenAI's that shape a request but not the form of its answer."""

LEFT_OUT: Mapping[str, str] = {
    "cache_ttl": "Prefixes are cached unasked; a mark changes the price, not the answer. "
    "The lifetimes that OpenAI knows (30m, 12h) are said.",
    "cache_control": "The same, for a whole request of Anthropic's.",
    "thinking": "Thoughts of earlier turns, signed or not, have no field in a message; the "
    "models are not shown them.",
    "reasoning.summary": "Chat completions show no summaries of thoughts.",
    "format.name": "A schema's label is required: `DEFAULT_SCHEMA_NAME` where none was given.",
}
"""What is not said, and why that changes nothing in the answer."""

DEFAULT_SCHEMA_NAME = "answer"
EFFORT_BY_BUDGET = ((4096, "low"), (16384, "medium"))
"""Up to so many tokens of thought is this effort; more is "high"."""
_CHOICES = {"auto": "auto", "none": "none", "any": "required"}
_SAID_PLAINLY = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_completion_tokens",
    "stop": "stop",
    "seed": "seed",
    "n": "n",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "parallel_tools": "parallel_tool_calls",
    "user": "user",
    "metadata": "metadata",
    "service_tier": "service_tier",
}


def write_ask(ask: Ask) -> bytes:
    """Raises CannotSayError."""
    _refuse(ask)
    body: Json = {"model": ask.model, "messages": write_messages(ask.turns)}
    if ask.stream:
        body["stream"] = True
        if ask.wants_usage:
            body["stream_options"] = {"include_usage": True}
    for field, name in _SAID_PLAINLY.items():
        said = getattr(ask, field)
        if said is not None:
            body[name] = said
    if ask.tools is not None:
        body["tools"] = [_tool(tool) for tool in ask.tools]
    if ask.tool_choice is not None:
        body["tool_choice"] = _choice(ask.tool_choice)
    if ask.format is not None:
        body["response_format"] = _format(ask.format)
    effort = ask.reasoning and _effort(ask.reasoning)
    if effort:
        body["reasoning_effort"] = effort
    return msgspec.json.encode(body | extras.passed(ask.extra, on=PASSED_ON, left_out=LEFT_OUT))


def _refuse(ask: Ask) -> None:
    extras.refuse_to_store(ask.extra)
    if ask.top_k is not None:
        raise CannotSayError("OpenAI's chat completions have no `top_k`.", "top_k")
    if ask.n is not None and ask.n != 1:
        raise CannotSayError("Only one answer can be carried between two APIs.", "n")
    if ask.logprobs or ask.top_logprobs:
        field = "logprobs" if ask.logprobs else "top_logprobs"
        raise CannotSayError("Log probabilities cannot be carried between two APIs.", field)


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice) -> str | Json:
    if choice.kind == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return _CHOICES[choice.kind]


def _format(form: Format) -> Json:
    if form.kind != "schema":
        return {"type": "text" if form.kind == "text" else "json_object"}
    said: Json = {"name": form.name or DEFAULT_SCHEMA_NAME}
    if form.description is not None:
        said["description"] = form.description
    if form.schema is not None:
        said["schema"] = form.schema
    if form.strict is not None:
        said["strict"] = form.strict
    return {"type": "json_schema", "json_schema": said}


def _effort(reasoning: Reasoning) -> str | None:
    if reasoning.off:
        return "none"
    if reasoning.effort is not None or reasoning.budget_tokens is None:
        return reasoning.effort
    for most, effort in EFFORT_BY_BUDGET:
        if reasoning.budget_tokens <= most:
            return effort
    return "high"

"""Fields by the names that clients of a door know: dialects name them as OpenAI's chat does."""

from collections.abc import Mapping

from volano.wire.dialects.places import behind, in_messages
from volano.wire.exchange import Ask

_NAMES: Mapping[str, Mapping[str, str]] = {
    "openai.responses": {
        "max_tokens": "max_output_tokens",
        "response_format": "text.format",
        "reasoning_effort": "reasoning.effort",
        "verbosity": "text.verbosity",
    },
    "anthropic.messages": {
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "response_format": "output_config.format",
        "reasoning_effort": "output_config.effort",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
    },
}


def named(param: str | None, door: str, ask: object, *, ours: int | None = 0) -> str | None:
    """Return what a client of this door calls the field that cannot be said.

    So many turns of `ask` are `ours` and stand before the client's; None: the client's
    words are anywhere among ours, and have no place that the client knows.
    """
    if param is None:
        return None
    if ours is None and param.startswith("messages"):
        param = "messages"
    elif ours and isinstance(ask, Ask):
        param = behind(param, ask.turns, ours)
    if door == "openai.responses" and param.startswith("messages"):
        return "input"  # places there are counted differently
    if door == "anthropic.messages" and isinstance(ask, Ask):
        if param == "reasoning_effort":
            wish = ask.reasoning
            return "output_config.effort" if wish and wish.effort else "thinking"
        param = in_messages(param, ask.turns[ours or 0 :])
    return _NAMES.get(door, {}).get(param, param)


def with_field(text: str, param: str | None) -> str:
    """Return what is wrong with the field's name in it."""
    return text if param is None or f"`{param}`" in text else f"`{param}`: {text}"

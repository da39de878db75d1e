"""Refusals: what an engine's error says about the client's own request.

llama.cpp answers some requests that only the client can mend with status 500,
or with an error object without OpenAI's codes. Whoever stands before an engine
asks here, so that a client's slip is told to the client as such.
"""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to tell the client: status 400, a sentence, OpenAI's code and the field."""

    message: str
    code: str = "bad_field"
    param: str | None = None
    status: int = 400


def refusal_of(status: int, body: bytes) -> Refusal | None:
    """Return what the client did wrong, or None when the engine failed by itself."""
    if status not in (400, 500):
        return None
    said = _error(body)
    text = str(said.get("message", ""))[:500]
    if said.get("type") == "exceed_context_size_error":
        return _too_long(said)
    if text.startswith(("image input", "audio input", "video input", "unsupported content")):
        return Refusal("This model reads text only, no images or sound.", param="messages")
    if text.startswith("Failed to parse "):
        field = text.removeprefix("Failed to parse ").partition(":")[0]
        return Refusal(f"{text}.", param=field if field.isidentifier() else None)
    return Refusal(f"{text}.") if status == 400 and text else None


def _too_long(said: dict[str, Any]) -> Refusal:
    asked, room = said.get("n_prompt_tokens", "?"), said.get("n_ctx", "?")
    return Refusal(
        f"The prompt has {asked} tokens; this model's context has room for {room}. Shorten it.",
        code="context_length_exceeded",
        param="messages",
    )


def _error(body: bytes) -> dict[str, Any]:
    try:
        error = json.loads(body)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}

"""Asked: one request in OpenAI's words, read strictly.

What an engine cannot do is refused, not passed over: an answer that silently
ignored a JSON schema would be wrong without a sign.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.errors import InvalidError

MAX_STOPS = 16
MAX_NEW_TOKENS = 1 << 20
LONGEST_STOP = 1024
NOT_HERE = ("tools", "functions", "logit_bias", "logprobs", "grammar", "json_schema", "lora")
ONLY_ZERO = ("presence_penalty", "frequency_penalty")


class BadRequestError(InvalidError):
    """{reason}"""

    hint = "See OpenAI's reference of chat completions; this engine does what `volano engine list` says."


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; a temperature of 0 takes the likeliest."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None

    @property
    def greedy(self) -> bool:
        """Whether nothing is left to chance."""
        return self.temperature == 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants. `messages` of a chat, or else the text or tokens of `prompt`."""

    messages: tuple[dict[str, Any], ...] | None
    prompt: str | tuple[int, ...]
    sampling: Sampling
    max_tokens: int | None
    stops: tuple[str, ...]
    stream: bool
    include_usage: bool


def read(raw: bytes, *, chat: bool) -> Asked:
    """Read a request's body.

    Raises:
        BadRequestError: it is no JSON, lacks something, or asks what this engine cannot do.
    """
    body = _body(raw)
    _refuse(body)
    messages = _messages(body.get("messages")) if chat else None
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise BadRequestError(reason="Failed to parse stream_options: it is no object")
    return Asked(
        messages=messages,
        prompt="" if chat else _prompt(body.get("prompt")),
        sampling=Sampling(
            temperature=_number(body, "temperature", 1.0, 0.0, 100.0),
            top_p=_number(body, "top_p", 1.0, 0.0, 1.0),
            seed=_whole(body, "seed", -(2**63), 2**64),
        ),
        max_tokens=_longest(body),
        stops=_stops(body.get("stop")),
        stream=body.get("stream") is True,
        include_usage=options.get("include_usage") is True,
    )


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(reason="The body is not JSON") from error
    if not isinstance(body, dict):
        raise BadRequestError(reason="The body is not a JSON object")
    return body


def _refuse(body: Mapping[str, Any]) -> None:
    for name in NOT_HERE:
        if body.get(name):
            raise BadRequestError(reason=f"This engine does not know {name}")
    if any(body.get(name) for name in ONLY_ZERO):
        raise BadRequestError(reason="This engine knows no penalties")
    if body.get("n") not in (None, 1):
        raise BadRequestError(reason="This engine gives one answer: n is 1")
    wanted = body.get("response_format")
    if wanted and not (isinstance(wanted, dict) and wanted.get("type") == "text"):
        raise BadRequestError(reason="This engine cannot hold an answer to a schema")


def _messages(raw: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(raw, list) or not raw:
        raise BadRequestError(reason="Failed to parse messages: at least one is needed")
    return tuple(map(_message, raw))


def _message(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict) or not isinstance(raw.get("role"), str):
        raise BadRequestError(reason="Failed to parse messages: each has a role and content")
    content = raw.get("content")
    if isinstance(content, list):
        content = "".join(map(_part, content))
    if content is None:
        content = ""
    if not isinstance(content, str):
        raise BadRequestError(reason="Failed to parse messages: content is text")
    return {"role": raw["role"], "content": content}


def _part(raw: Any) -> str:
    if not isinstance(raw, dict):
        raise BadRequestError(reason="Failed to parse messages: a part of content is an object")
    if raw.get("type") != "text" or not isinstance(raw.get("text"), str):
        raise BadRequestError(reason="unsupported content: this engine reads text only")
    text: str = raw["text"]
    return text


def _prompt(raw: Any) -> str | tuple[int, ...]:
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str | list):
        raw = raw[0]
    if isinstance(raw, str):
        return raw
    if isinstance(raw, list) and raw and all(type(one) is int for one in raw):
        return tuple(raw)
    raise BadRequestError(reason="Failed to parse prompt: it is one text, or one list of tokens")


def _stops(raw: Any) -> tuple[str, ...]:
    stops = [raw] if isinstance(raw, str) else raw or []
    good = isinstance(stops, list) and len(stops) <= MAX_STOPS
    if not good or not all(isinstance(s, str) and 0 < len(s) <= LONGEST_STOP for s in stops):
        raise BadRequestError(
            reason=f"Failed to parse stop: up to {MAX_STOPS} texts that are not empty"
        )
    return tuple(stops)


def _longest(body: Mapping[str, Any]) -> int | None:
    name = "max_completion_tokens" if body.get("max_completion_tokens") else "max_tokens"
    if body.get(name) == -1:  # llama.cpp's word for "as many as fit"
        return None
    return _whole(body, name, 1, MAX_NEW_TOKENS)


def _whole(body: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise BadRequestError(reason=f"Failed to parse {name}: it is a whole number from {low}")
    return value


def _number(body: Mapping[str, Any], name: str, usual: float, low: float, high: float) -> float:
    value = body.get(name)
    if value is None:
        return usual
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise BadRequestError(
            reason=f"Failed to parse {name}: it is a number from {low:g} to {high:g}"
        )
    return float(value)

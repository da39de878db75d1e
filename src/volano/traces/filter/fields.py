"""Fields: what a filter may ask of calls and of spans, and where it stands in their tables."""

from dataclasses import dataclass
from typing import Literal

from volano.traces.filter.nodes import Place

Kind = Literal["text", "words", "number", "duration", "time", "money", "share", "flag", "any"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `calls` and `spans` are its expressions in SQL; None: that table lacks it."""

    name: str
    kind: Kind
    says: str
    calls: str | None
    spans: str | None
    choices: tuple[str, ...] = ()


def _both(name: str, kind: Kind, says: str, column: str = "", **more: tuple[str, ...]) -> Field:
    return Field(name, kind, says, column or name, column or name, **more)


def _call(name: str, kind: Kind, says: str, column: str = "") -> Field:
    return Field(name, kind, says, column or name, None)


def _span(name: str, kind: Kind, says: str, column: str = "") -> Field:
    return Field(name, kind, says, None, column or name)


_TOKENS = "(coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0))"
_FAILED = "(outcome <> 'ok' AND outcome IN ('error', 'cut'))"
_OUTCOMES = ("ok", "error", "cut", "left", "refused")
_KINDS = ("call", "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain",
          "guardrail", "evaluator", "prompt", "other")  # fmt: skip

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        _both("text", "words", "words of input, output, error and name"),
        _both("input", "words", "words of what was asked", "input_text"),
        _both("output", "words", "words of what was answered", "output_text"),
        _both("error", "words", "words of what went wrong"),
        _span("name", "words", "words of the span's name"),
        Field("kind", "text", "`call` for a call of the gateway, else the span's kind",
              "'call'", "kind", choices=_KINDS),
        _both("outcome", "text", "how it ended", choices=_OUTCOMES),
        _both("failed", "flag", "whether its outcome is error or cut", _FAILED),
        _both("began", "time", "when it began", "began_us"),
        _both("ended", "time", "when it ended", "ended_us"),
        _both("latency", "duration", "from its beginning to its end", "latency_us"),
        _both("ttft", "duration", "to the first token", "ttft_us"),
        _both("cost", "money", "what it cost"),
        _both("tokens", "number", "tokens in and out together", _TOKENS),
        _both("prompt_tokens", "number", "tokens in"),
        _both("completion_tokens", "number", "tokens out"),
        _both("cached_tokens", "number", "of the tokens in, those the provider had kept"),
        _both("reasoning_tokens", "number", "of the tokens out, those of thinking"),
        _call("channel", "text", "the channel that was called"),
        _both("release", "text", "what answered: `support@3`; of spans the application's version"),
        _call("arm", "text", "the rollout's arm: stable, candidate, or shadow (a copy that nobody saw)"),
        _call("rollout", "text", "the rollout's id"),
        _call("share", "share", "the candidate's share at that moment"),
        _both("model", "text", "the model's name at its provider"),
        _both("provider", "text", "whose API was asked"),
        _call("target", "text", "the connection that was asked"),
        _both("key", "text", "the gateway key's id", "key_id"),
        _both("group", "text", "the path of team and project", '"group"'),
        _both("unit", "text", "the user"),
        _both("session", "text", "the conversation"),
        _both("environment", "text", "production, staging, …"),
        _span("service", "text", "the application that sent the span"),
        _call("door", "text", "the API that was spoken: openai.chat, …"),
        _both("finish", "text", "why the answer ended: stop, length, …"),
        _call("status", "number", "the HTTP status"),
        _call("streamed", "flag", "whether it was answered in parts", "(streamed = 1)"),
        _call("worker", "text", "the gateway's worker"),
        _span("dialect", "text", "the convention its attributes were written in"),
        _both("id", "text", "the trace's id"),
        _both("span", "text", "the span's id", "span_id"),
        _both("parent", "text", "the id of the span above", "parent_span_id"),
    )
}  # fmt: skip

ALIASES = {"user": "unit", "env": "environment", "trace": "id", "time": "began"}

TAG = Field("tag", "text", "a tag", "tags", "tags")
ATTRIBUTE = Field("attr", "any", "an attribute as the application sent it", None, "attributes")


def field_of(place: Place) -> Field:
    """Return the field of a place."""
    if place.of:
        return TAG if place.of == "tag" else ATTRIBUTE
    return FIELDS[place.name]

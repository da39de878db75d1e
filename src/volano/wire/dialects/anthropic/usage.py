"""Anthropic's `usage` object. Its `input_tokens` are those beside the cache; ours are all."""

from typing import Any

from msgspec import Struct

from volano.wire.dialects.fields import Count
from volano.wire.exchange import Usage


class _Created(Struct):
    ephemeral_1h_input_tokens: Count | None = None


class _OutputDetails(Struct):
    thinking_tokens: Count | None = None


class Tokens(Struct):
    """The `usage` of a message or, cumulative, of a `message_delta`."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: _Created | None = None
    output_tokens_details: _OutputDetails | None = None


def merged(tokens: Tokens, later: Tokens) -> Tokens:
    """The counts with those that came later; what these do not say stays."""
    said = {
        name: value
        for name in Tokens.__struct_fields__
        if (value := getattr(later, name)) is not None
    }
    return Tokens(**{name: getattr(tokens, name) for name in Tokens.__struct_fields__} | said)


def usage_of(tokens: Tokens) -> Usage:
    """The counts in neutral words; what the provider does not say is 0."""
    cached = tokens.cache_read_input_tokens or 0
    written = tokens.cache_creation_input_tokens or 0
    details, created = tokens.output_tokens_details, tokens.cache_creation
    return Usage(
        input=(tokens.input_tokens or 0) + cached + written,
        output=tokens.output_tokens or 0,
        cached=cached,
        cache_written=written,
        reasoning=(details.thinking_tokens or 0) if details else 0,
        cache_written_1h=(created.ephemeral_1h_input_tokens or 0) if created else 0,
    )


def usage_said(usage: Usage) -> dict[str, Any]:
    """The `usage` of a whole message."""
    hour = min(usage.cache_written_1h, usage.cache_written)
    return delta_said(usage) | {
        "cache_creation": {
            "ephemeral_1h_input_tokens": hour,
            "ephemeral_5m_input_tokens": usage.cache_written - hour,
        },
    }


def delta_said(usage: Usage) -> dict[str, Any]:
    """The `usage` of a `message_delta`, which does not tell lifetimes apart."""
    return {
        "input_tokens": max(0, usage.input - usage.cached - usage.cache_written),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }

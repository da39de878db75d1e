"""Anthropic: https://platform.claude.com/docs/en/api/overview."""

from volano.gateway.provider import ANTHROPIC_VERSION, Lines, Provider, registered
from volano.gateway.snapshot import Limits

MESSAGES = {"anthropic.messages": "/messages"}
COUNT_TOKENS = {"anthropic.count_tokens": "/messages/count_tokens"}

# https://platform.claude.com/docs/en/api/rate-limits#response-headers
LIMITS = Limits(
    requests_left="anthropic-ratelimit-requests-remaining",
    tokens_left="anthropic-ratelimit-tokens-remaining",
    requests_reset="anthropic-ratelimit-requests-reset",
    tokens_reset="anthropic-ratelimit-tokens-reset",
    reset_as="rfc3339",
)


def x_api_key(key: str) -> Lines:
    """Return Anthropic's line for a key."""
    return {"x-api-key": key}


ANTHROPIC = registered(
    Provider(
        "anthropic",
        {**MESSAGES, **COUNT_TOKENS},
        url="https://api.anthropic.com/v1",
        key_env="ANTHROPIC_API_KEY",
        auth=x_api_key,
        headers={"anthropic-version": ANTHROPIC_VERSION},
        limits=LIMITS,
    )
)

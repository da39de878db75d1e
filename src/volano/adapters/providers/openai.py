"""OpenAI: https://developers.openai.com/api/reference/overview."""

from volano.gateway.provider import Provider, registered
from volano.gateway.snapshot import Limits

CHAT = {"openai.chat": "/chat/completions"}
RESPONSES = {"openai.responses": "/responses"}
COMPLETIONS = {"openai.completions": "/completions"}
EMBEDDINGS = {"openai.embeddings": "/embeddings"}

# https://developers.openai.com/api/docs/guides/rate-limits#rate-limits-in-headers
LIMITS = Limits(
    requests_left="x-ratelimit-remaining-requests",
    tokens_left="x-ratelimit-remaining-tokens",
    requests_reset="x-ratelimit-reset-requests",
    tokens_reset="x-ratelimit-reset-tokens",
    reset_as="duration",
)

OPENAI = registered(
    Provider(
        "openai",
        {**CHAT, **RESPONSES, **COMPLETIONS, **EMBEDDINGS},
        url="https://api.openai.com/v1",
        key_env="OPENAI_API_KEY",
        limits=LIMITS,
    )
)

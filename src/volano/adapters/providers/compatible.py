"""Vendors and servers that speak OpenAI's words, one a row; many speak Anthropic's too.

What a row does not name was not found in the vendor's own pages (November 2026);
the pages are above each row. Vendors whose pages name no headers about limits
are known by `retry-after` only. `compatible` stands for any other server.
"""

from collections.abc import Mapping
from typing import NamedTuple

from volano.adapters.providers import anthropic, openai
from volano.gateway.provider import ANTHROPIC_VERSION, UNKNOWN, Lines, Provider, bearer, registered
from volano.gateway.snapshot import Limits

CHAT = openai.CHAT
CHAT_TEXT = {**openai.CHAT, **openai.COMPLETIONS}
CHAT_EMBED = {**openai.CHAT, **openai.EMBEDDINGS}
TEXTS = {**CHAT_TEXT, **openai.EMBEDDINGS}
ALL = {**openai.CHAT, **openai.RESPONSES, **openai.COMPLETIONS, **openai.EMBEDDINGS}
MESSAGES = anthropic.MESSAGES
BOTH = {**anthropic.MESSAGES, **anthropic.COUNT_TOKENS}

# https://docs.together.ai/docs/inference/rate-limits
TOGETHER = Limits(
    requests_left="x-ratelimit-remaining",
    tokens_left="x-tokenlimit-remaining",
    requests_reset="x-ratelimit-reset",
    reset_as="seconds",
)
# https://openrouter.ai/docs/api/reference/limits
OPENROUTER = Limits(
    requests_left="x-ratelimit-remaining", requests_reset="x-ratelimit-reset", reset_as="epoch_ms"
)


class Row(NamedTuple):
    """A vendor: its name here, address, variable with the key, what it understands."""

    name: str
    url: str
    key_env: str
    paths: Mapping[str, str]
    limits: Limits = UNKNOWN


ROWS = (
    # https://docs.mistral.ai/resources/migration-guides, https://docs.mistral.ai/api
    Row("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", CHAT_EMBED),
    # https://console.groq.com/docs/openai, https://console.groq.com/docs/rate-limits
    Row("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY",
        {**CHAT, **openai.RESPONSES}, openai.LIMITS),
    # https://docs.together.ai/docs/inference/openai-compatibility
    Row("together", "https://api.together.ai/v1", "TOGETHER_API_KEY", TEXTS, TOGETHER),
    # https://docs.fireworks.ai/tools-sdks/openai-compatibility, .../anthropic-compatibility
    Row("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY",
        {**CHAT_TEXT, **MESSAGES}),
    # https://api-docs.deepseek.com/, https://api-docs.deepseek.com/guides/anthropic_api
    Row("deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
        {**CHAT, "anthropic.messages": "/anthropic/v1/messages"}),
    # https://docs.x.ai/docs/api-reference (its Anthropic door is deprecated)
    Row("xai", "https://api.x.ai/v1", "XAI_API_KEY", {**CHAT, **openai.RESPONSES}),
    # https://openrouter.ai/docs/api/reference/overview
    Row("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY",
        {**CHAT, **openai.RESPONSES, **MESSAGES}, OPENROUTER),
    # https://docs.vllm.ai/en/stable/serving/online_serving.html
    Row("vllm", "http://127.0.0.1:8000/v1", "VLLM_API_KEY", {**ALL, **BOTH}),
    # https://docs.sglang.io/docs/basic_usage/openai_api, .../anthropic_api
    Row("sglang", "http://127.0.0.1:30000/v1", "SGLANG_API_KEY", {**TEXTS, **BOTH}),
    # https://docs.ollama.com/api/openai-compatibility, .../anthropic-compatibility
    Row("ollama", "http://127.0.0.1:11434/v1", "OLLAMA_API_KEY", {**ALL, **MESSAGES}),
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    Row("llamacpp", "http://127.0.0.1:8080/v1", "LLAMA_API_KEY", {**ALL, **BOTH}),
    # https://lmstudio.ai/docs/developer/openai-compat, .../anthropic-compat
    Row("lmstudio", "http://127.0.0.1:1234/v1", "LM_API_TOKEN", {**ALL, **MESSAGES}),
    # https://huggingface.co/docs/text-generation-inference/reference/api_reference
    Row("tgi", "http://127.0.0.1:3000/v1", "HF_TOKEN", CHAT_TEXT),
    Row("compatible", "", "", TEXTS),
)  # fmt: skip


def both(key: str) -> Lines:
    """Return the lines of both worlds: DeepSeek's Anthropic door knows `x-api-key` only."""
    return {**bearer(key), **anthropic.x_api_key(key)}


for _row in ROWS:
    registered(
        Provider(
            _row.name,
            _row.paths,
            url=_row.url,
            prefix="" if _row.name == "deepseek" else "/v1",
            key_env=_row.key_env,
            auth=both if _row.name == "deepseek" else bearer,
            headers={"anthropic-version": ANTHROPIC_VERSION}
            if "anthropic.messages" in _row.paths
            else {},
            limits=_row.limits,
        )
    )

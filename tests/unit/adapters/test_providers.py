"""What each provider's row says: addresses, paths, header lines of keys."""

from urllib.parse import urlsplit

import pytest

from volano.adapters.providers import PROVIDERS
from volano.core.plugins import GROUP, PluginTakenError
from volano.gateway.provider import Provider, registered
from volano.gateway.snapshot import Sign
from volano.gateway.target import Target, TargetKey, check, check_address, compiled

DIALECTS = {
    "openai.chat", "openai.responses", "openai.completions", "openai.embeddings",
    "anthropic.messages", "anthropic.count_tokens", "gemini.generate", "gemini.embeddings", "bedrock.converse",
}  # fmt: skip


def target(provider, url="", region="", version="", **more):
    return Target("t", provider, url, region, version, (), **{
        "plain_http": False, "enabled": True, "created_us": 1, "updated_us": 1, **more
    })  # fmt: skip


def ask(provider, model, *, key="k", url="", region="", version=""):
    made = target(provider, url, region, version)
    found = PROVIDERS.get(provider)
    check(made, found)
    return compiled(made, found, model, keys=[TargetKey("test", key)] if key else [])


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_a_row_can_be_used(name):
    provider = PROVIDERS.get(name)
    assert provider.name == name
    assert provider.paths
    assert set(provider.paths) <= DIALECTS
    assert set(provider.stream_paths) <= set(provider.paths)
    for path in (*provider.paths.values(), *provider.stream_paths.values()):
        assert path.startswith("/")
    if provider.url:
        check_address(provider.address())
        assert urlsplit(provider.url).path or not provider.prefix
    assert provider.limits.reset_as in {
        "duration", "seconds", "rfc3339", "epoch_ms", "epoch_s",
    }  # fmt: skip
    for lines in provider.lines(["a-key"]):
        assert all(line == line.lower() for line in lines)


def test_the_usual_ones_are_there():
    assert {
        "openai", "azure", "azure-deployments", "anthropic", "gemini", "bedrock", "mistral",
        "groq", "together", "fireworks", "deepseek", "xai", "openrouter", "vllm", "sglang",
        "ollama", "llamacpp", "lmstudio", "tgi", "compatible",
    } <= set(PROVIDERS)  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "given", "dialect", "address"),
    [
        ("openai", {}, "openai.chat", "https://api.openai.com/v1/chat/completions"),
        ("openai", {"url": "https://eu.api.openai.com"}, "openai.responses",
         "https://eu.api.openai.com/v1/responses"),
        ("compatible", {"url": "https://x.example/a/chat/completions"}, "openai.chat",
         "https://x.example/a/chat/completions"),
        ("compatible", {"url": "https://x.example/a/v1/"}, "openai.embeddings",
         "https://x.example/a/v1/embeddings"),
        ("anthropic", {}, "anthropic.messages", "https://api.anthropic.com/v1/messages"),
        ("azure", {"url": "https://r.openai.azure.com"}, "openai.chat",
         "https://r.openai.azure.com/openai/v1/chat/completions"),
        ("azure", {"url": "https://r.openai.azure.com/openai/v1/"}, "openai.responses",
         "https://r.openai.azure.com/openai/v1/responses"),
        ("azure-deployments", {"url": "https://r.openai.azure.com", "model": "gpt 5/a"},
         "openai.chat",
         ("https://r.openai.azure.com/openai/deployments/gpt%205%2Fa/chat/completions"
         "?api-version=2024-10-21")),
        ("azure-deployments", {"url": "https://r.openai.azure.com", "version": "2025-01-01-preview"},
         "openai.embeddings",
         ("https://r.openai.azure.com/openai/deployments/m/embeddings"
         "?api-version=2025-01-01-preview")),
        ("gemini", {"model": "gemini-3"}, "gemini.generate",
         "https://generativelanguage.googleapis.com/v1beta/models/gemini-3:generateContent"),
        ("bedrock", {"region": "eu-west-1", "model": "anthropic.claude-4:0"}, "bedrock.converse",
         "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-4%3A0/converse"),
        ("bedrock", {}, "bedrock.converse",
         "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"),
        ("deepseek", {}, "openai.chat", "https://api.deepseek.com/chat/completions"),
        ("deepseek", {}, "anthropic.messages",
         "https://api.deepseek.com/anthropic/v1/messages"),
        ("fireworks", {}, "anthropic.messages",
         "https://api.fireworks.ai/inference/v1/messages"),
        ("vllm", {"url": "http://10.0.0.7:8000"}, "anthropic.messages",
         "http://10.0.0.7:8000/v1/messages"),
    ],
)  # fmt: skip
def test_each_dialect_is_asked_at_its_address(provider, given, dialect, address):
    found = ask(provider, given.pop("model", "m"), **given)
    assert found.url + found.dialects[dialect] == address


def test_streams_have_paths_of_their_own_where_the_api_has_them():
    gemini = ask("gemini", "g")
    assert gemini.stream_paths == {
        "gemini.generate": "/v1beta/models/g:streamGenerateContent?alt=sse"
    }
    assert ask("bedrock", "b").stream_paths == {"bedrock.converse": "/model/b/converse-stream"}
    assert ask("openai", "o").stream_paths == {}


@pytest.mark.parametrize(
    ("provider", "url", "lines"),
    [
        ("openai", "", {"authorization": "Bearer k"}),
        ("anthropic", "", {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
        ("azure", "https://r.openai.azure.com", {"api-key": "k"}),
        ("gemini", "", {"x-goog-api-key": "k"}),
        ("bedrock", "", {"authorization": "Bearer k"}),
        ("ollama", "", {"authorization": "Bearer k", "anthropic-version": "2023-06-01"}),
    ],
)
def test_a_key_becomes_header_lines(provider, url, lines):
    assert ask(provider, "m", url=url).headers == lines


def test_bedrock_signs_with_a_key_pair():
    found = ask("bedrock", "m", key="AKIA1:se/cret+:to:ken=", region="eu-central-1")
    assert found.signs == (Sign("eu-central-1", "AKIA1", "se/cret+", "to:ken="),)
    assert (found.headers, found.keys) == ({}, ({},))


def test_a_strangers_provider_loads_as_ours_do():
    own = Provider("a-strangers-own", {"openai.chat": "/ask"}, url="https://x.example/v1")
    assert registered(own) is PROVIDERS.get("a-strangers-own")
    with pytest.raises(PluginTakenError):
        registered(Provider("a-strangers-own", {}))
    del PROVIDERS._items["a-strangers-own"]
    assert GROUP == "volano.plugins"

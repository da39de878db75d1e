"""LiteLLM's words for providers, and what they are called here.

Source: https://docs.litellm.ai/docs/providers and, for a model without a provider
before it, https://docs.litellm.ai/docs/proxy/configs.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from volano.adapters.gateways.litellm.notes import LeftOutError, Section
from volano.gateway.setup import Connection

REFERENCE = "os.environ/"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_WORD = re.compile(r"[a-z0-9_]{1,30}")
_HOST = re.compile(r"[a-z][a-z0-9-]{1,40}")
_NO_KEY = {"", "none", "null"}
_AWS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_AWS_IDENTITY = (
    "aws_profile_name", "aws_role_name", "aws_web_identity_token", "aws_session_name",
    "aws_sts_endpoint", "aws_external_id",
)  # fmt: skip


class Here(NamedTuple):
    """A provider here; LiteLLM's usual variable for its key; whether an address must be given."""

    provider: str
    key_env: str = ""
    needs_url: bool = False


_OWN = {
    "openai": Here("openai", "OPENAI_API_KEY"),
    "text-completion-openai": Here("openai", "OPENAI_API_KEY"),
    "azure": Here("azure", "AZURE_API_KEY", needs_url=True),
    "anthropic": Here("anthropic", "ANTHROPIC_API_KEY"),
    "gemini": Here("gemini", "GEMINI_API_KEY"),
    "bedrock": Here("bedrock"),
    "mistral": Here("mistral", "MISTRAL_API_KEY"),
    "groq": Here("groq", "GROQ_API_KEY"),
    "deepseek": Here("deepseek", "DEEPSEEK_API_KEY"),
    "xai": Here("xai", "XAI_API_KEY"),
    "openrouter": Here("openrouter", "OPENROUTER_API_KEY"),
    "together_ai": Here("together", "TOGETHERAI_API_KEY"),
    "fireworks_ai": Here("fireworks", "FIREWORKS_AI_API_KEY"),
    "hosted_vllm": Here("vllm", needs_url=True),
    "ollama": Here("ollama"),
    "ollama_chat": Here("ollama"),
    "lm_studio": Here("lmstudio"),
    "huggingface": Here("tgi", needs_url=True),
}
_COMPATIBLE = (
    "openai_like", "custom_openai", "litellm_proxy", "llamafile", "xinference", "perplexity",
    "cerebras", "deepinfra", "nvidia_nim", "sambanova", "moonshot", "novita", "nebius", "hyperbolic",
    "lambda_ai", "volcengine", "dashscope", "github", "docker_model_runner", "infinity",
)  # fmt: skip
WORDS: Mapping[str, Here] = {
    **dict.fromkeys(_COMPATIBLE, Here("compatible", needs_url=True)),
    **_OWN,
}
_PLAINLY = (
    (re.compile(r"(gpt-|chatgpt-|o[1345](-|$)|text-embedding-|ft:gpt-|davinci|babbage)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
)
"""Models that LiteLLM knows without their provider before them."""


class Asked(NamedTuple):
    """What an entry asks: a model at a connection."""

    at: Connection
    model: str


def asked(params: Section, environment: Mapping[str, str]) -> Asked:
    """Return which model an entry asks, and where.

    Raises:
        LeftOutError: it cannot be said here, and why.
    """
    word, model = _word(params)
    here = WORDS[word]
    if here.provider == "bedrock":
        return _bedrock(params, model, environment)
    url = _address(params, environment)
    if here.needs_url and not url:
        raise LeftOutError(f"`{word}` has no address of its own, and it has no `api_base`")
    provider, version = here.provider, ""
    if provider == "openai" and url and not _is_openai(url):
        provider = "compatible"
    if provider == "azure":
        provider, version = _azure(params, url, environment)
    if provider == "openai" and model.startswith("responses/"):
        model = model.removeprefix("responses/")
        params.notes.differ(params.at("model"), "clients come in by the Responses door themselves")
    if provider == "fireworks" and not model.startswith("accounts/"):
        model = f"accounts/fireworks/models/{model}"
    if provider == "tgi":
        model = model or "tgi"
    key_env, key = _key(params)
    if not key_env and not key and here.key_env:
        key_env = _usual(params, here, provider)
    made = Connection(provider, url, "", version, key_env, key, _name(provider, url))
    return Asked(made, model)


def variable(value: str) -> str:
    """Return the variable that `os.environ/NAME` refers to; empty where it is no reference.

    Raises:
        LeftOutError: it refers to what no variable can be called.
    """
    if not value.startswith(REFERENCE):
        return ""
    name = value.removeprefix(REFERENCE)
    if not _VARIABLE.fullmatch(name):
        raise LeftOutError("`os.environ/` stands before what no variable can be called")
    return name


def _word(params: Section) -> tuple[str, str]:
    """Return LiteLLM's word for the provider, and the model's name there."""
    model = params.text("model")
    custom = params.text("custom_llm_provider")
    if not model:
        raise LeftOutError("it names no `model`")
    if "*" in model:
        raise LeftOutError("`*` stands for many models; name each one that clients call")
    if custom:
        word, rest = custom, model.removeprefix(f"{custom}/")
    else:
        word, slash, rest = model.partition("/")
        if not slash:
            rest = model
            word = next((name for form, name in _PLAINLY if form.match(model)), "")
            if not word:
                raise LeftOutError(
                    "its provider cannot be told; write it before the model: openai/…"
                )
    if word not in WORDS:
        named = f" `{word}`" if _WORD.fullmatch(word) else " of this name"
        raise LeftOutError(
            f"there is no provider{named} here; if it speaks OpenAI's words, write openai/… "
            "and its `api_base`"
        )
    return word, rest


def _address(params: Section, environment: Mapping[str, str]) -> str:
    """Return the address that an entry gives; of two names for it the documented one."""
    name = "api_base" if params.peek("api_base") else "base_url"
    url = _resolved(params, name, environment)
    if name == "api_base" and params.peek("base_url"):
        params.take("base_url")
        params.notes.leave(params.at("base_url"), "`api_base` says it already")
    parts = url.partition("://0.0.0.0")
    if parts[1] and parts[2][:1] in ("", ":", "/"):
        url = f"{parts[0]}://127.0.0.1{parts[2]}"
        params.notes.differ(params.at(name), "0.0.0.0 is no address of a server: 127.0.0.1")
    return url


def _resolved(params: Section, name: str, environment: Mapping[str, str]) -> str:
    """Return a text; one that refers to the environment as it is there now."""
    text = params.text(name)
    if not (found := variable(text)):
        return text
    if not environment.get(found, "").strip():
        raise LeftOutError(
            f"`{name}` is in the variable {found}, which is not set where volano runs"
        )
    params.notes.differ(params.at(name), f"the value of {found} as it is now is kept")
    return environment[found].strip()


def _key(params: Section) -> tuple[tuple[str, ...], str]:
    """Return the variable that holds the key, or the key itself."""
    text = params.text("api_key")
    if found := variable(text):
        return (found,), ""
    if text.startswith("oidc/"):
        raise LeftOutError(
            "its key comes from an identity provider (`oidc/`), which is not asked here"
        )
    return (), "" if text.lower() in _NO_KEY else text


def _usual(params: Section, here: Here, provider: str) -> tuple[str, ...]:
    """Return LiteLLM's usual variable, where an entry names no key."""
    if params.peek("api_key") is not None:
        return ()  # it says that there is none
    if provider == "compatible":
        params.notes.differ(
            params.at("api_base" if params.peek("api_base") else "base_url"),
            f"it has no `api_key`: none is sent there, where LiteLLM would send {here.key_env}",
        )
        return ()
    return (here.key_env,)


def _is_openai(url: str) -> bool:
    host = _host(url)
    return host == "openai.com" or host.endswith(".openai.com")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _azure(params: Section, url: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """A dated version is the API with deployments in its paths; any other is the v1 API."""
    version = _resolved(params, "api_version", environment)
    path = urlsplit(url).path.rstrip("/") if _host(url) else ""
    if path not in ("", "/openai", "/openai/v1"):
        raise LeftOutError("its `api_base` has a path; write the resource's address alone")
    if not re.match(r"[0-9]{4}-", version):
        return "azure", ""
    if path == "/openai/v1":
        raise LeftOutError("its `api_base` is the v1 API's, which has no dated `api_version`")
    return "azure-deployments", version


def _bedrock(params: Section, model: str, environment: Mapping[str, str]) -> Asked:
    """Amazon's keys are several, and its models may have a region before them."""
    if named := [name for name in _AWS_IDENTITY if params.peek(name)]:
        raise LeftOutError(
            f"`{named[0]}`: keys of Bedrock are given as keys here, not by a role or profile"
        )
    for way in ("converse/", "converse_like/", "invoke/"):
        model = model.removeprefix(way)
    before, slash, rest = model.partition("/")
    region = _resolved(params, "aws_region_name", environment)
    if slash and _REGION.fullmatch(before):
        region, model = region or before, rest
    url = _resolved(params, "aws_bedrock_runtime_endpoint", environment)
    key_env, key = _aws_key(params)
    if not key_env and not key:
        key_env, key = _key(params)
    return Asked(Connection("bedrock", url, region, "", key_env, key, "bedrock"), model)


def _aws_key(params: Section) -> tuple[tuple[str, ...], str]:
    texts = [text for text in map(params.text, _AWS) if text]
    if not texts:
        return (), ""
    if len(texts) == 1 or params.peek(_AWS[1]) is None:
        raise LeftOutError("of `aws_access_key_id` and `aws_secret_access_key` one is missing")
    names = [variable(text) for text in texts]
    if all(names):
        return (":".join(names),), ""
    if any(names):
        raise LeftOutError("one part of its AWS key is in the environment, another in the file")
    return (), ":".join(texts)


def _name(provider: str, url: str) -> str:
    """Return what to call the target: as the provider, or as the host of a server."""
    first = _host(url).partition(".")[0]
    if provider != "compatible" or not _HOST.fullmatch(first) or first in ("api", "www"):
        return provider
    return first

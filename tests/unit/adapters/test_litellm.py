"""LiteLLM's configuration, read: each key is carried over, or listed with its reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.adapters.gateways import READERS
from volano.adapters.gateways.litellm import reasons
from volano.adapters.gateways.litellm.config import NotLiteLLMError
from volano.adapters.gateways.litellm.providers import WORDS
from volano.adapters.providers import PROVIDERS

SECRET = "sk-very-secret"


def read(config, environment=None):
    return READERS["litellm"](json.dumps(config).encode(), environment or {})


def entry(name="chat", model="openai/gpt-5", info=None, **params):
    made = {"model_name": name, "litellm_params": {"model": model, **params}}
    return {**made, "model_info": info} if info else made


def one(*entries, **sections):
    """Read entries of one group; return its opening and the whole setup."""
    setup = read({"model_list": list(entries), **sections})
    [opening] = setup.openings
    return opening, setup


def left(setup):
    return {remark.key: remark.why for remark in setup.left}


def differs(setup):
    return {remark.key: remark.why for remark in setup.differs}


def at(**params):
    """Return the connection and the model of one entry, with what was left out."""
    setup = read({"model_list": [entry(**params)]})
    if not setup.openings:
        return None, None, left(setup)["model_list[0]"]
    [place] = setup.openings[0].places
    return place.at, place.model, left(setup)


def test_every_provider_it_knows_is_one_of_ours():
    assert {here.provider for here in WORDS.values()} <= set(PROVIDERS)


@pytest.mark.parametrize(
    ("model", "params", "provider", "asked"),
    [
        ("openai/gpt-5", {}, "openai", "gpt-5"),
        ("gpt-4o", {}, "openai", "gpt-4o"),
        ("o3-mini", {}, "openai", "o3-mini"),
        ("claude-sonnet-5", {}, "anthropic", "claude-sonnet-5"),
        ("anthropic/claude-sonnet-5", {}, "anthropic", "claude-sonnet-5"),
        ("gemini/gemini-3-pro", {}, "gemini", "gemini-3-pro"),
        ("openai/org/m", {"api_base": "http://localhost:8000/v1"}, "compatible", "org/m"),
        ("openai/m", {"base_url": "http://localhost:8000/v1"}, "compatible", "m"),
        ("openai/m", {"api_base": "https://eu.api.openai.com/v1"}, "openai", "m"),
        ("m", {"custom_llm_provider": "groq"}, "groq", "m"),
        ("groq/m", {"custom_llm_provider": "groq"}, "groq", "m"),
        ("azure/dep", {"api_base": "https://r.openai.azure.com"}, "azure", "dep"),
        ("azure/dep", {"api_base": "https://r.openai.azure.com", "api_version": "2024-10-21"},
         "azure-deployments", "dep"),
        ("azure/dep", {"api_base": "https://r.openai.azure.com/openai/v1", "api_version": "preview"},
         "azure", "dep"),
        ("bedrock/converse/eu.anthropic.claude:0", {}, "bedrock", "eu.anthropic.claude:0"),
        ("bedrock/eu-west-1/a.b", {}, "bedrock", "a.b"),
        ("together_ai/org/m", {}, "together", "org/m"),
        ("fireworks_ai/m", {}, "fireworks", "accounts/fireworks/models/m"),
        ("fireworks_ai/accounts/me/models/m", {}, "fireworks", "accounts/me/models/m"),
        ("hosted_vllm/m", {"api_base": "http://localhost:8000"}, "vllm", "m"),
        ("ollama_chat/llama3:8b", {}, "ollama", "llama3:8b"),
        ("perplexity/m", {"api_base": "https://api.example.com"}, "compatible", "m"),
    ],
)  # fmt: skip
def test_models_are_asked_at_their_provider(model, params, provider, asked):
    where, name, _ = at(model=model, **params)
    assert (where.provider, name) == (provider, asked)


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"model": "*"}, "stands for many models"),
        ({"model": "openai/*"}, "stands for many models"),
        ({"model": "vertex_ai/gemini-3"}, "no provider `vertex_ai`"),
        ({"model": "mystery-7b"}, "provider cannot be told"),
        ({"model": ""}, "names no `model`"),
        ({"model": ["a"]}, "`model` is not text"),
        ({"model": "azure/x"}, "no `api_base`"),
        ({"model": "perplexity/x"}, "no `api_base`"),
        ({"api_base": "os.environ/NOT_SET"}, "NOT_SET, which is not set"),
        ({"api_key": "os.environ/a b"}, "no variable can be called"),
        ({"api_key": "oidc/google/x"}, "identity provider"),
        ({"weight": 0}, "never asked"),
        ({"info": {"mode": "image_generation"}}, "no door"),
        ({"litellm_credential_name": "nobody"}, "not in `credential_list`"),
        ({"model": "bedrock/x", "aws_role_name": "r"}, "aws_role_name"),
        ({"model": "bedrock/x", "aws_access_key_id": SECRET}, "one is missing"),
        ({"model": "bedrock/x", "aws_access_key_id": SECRET, "aws_secret_access_key": "os.environ/B"},
         "another in the file"),
        ({"model": "azure/x", "api_base": "https://r.openai.azure.com/openai/deployments/x"}, "path"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_is_left_out_whole_with_its_reason(params, part):
    where, _, why = at(**params)
    assert where is None
    assert part in why
    assert SECRET not in why


def test_keys_are_references_or_secrets_never_both():
    where, _, _ = at(api_key="os.environ/MY_KEY")
    assert (where.key_env, where.key) == (("MY_KEY",), "")
    where, _, _ = at(api_key=SECRET)
    assert (where.key_env, where.key) == ((), SECRET)
    assert SECRET not in repr(where)
    where, _, _ = at(api_base="http://localhost:1/v1", api_key="none")
    assert (where.key_env, where.key) == ((), "")
    where, _, _ = at(model="together_ai/x")
    assert where.key_env == ("TOGETHERAI_API_KEY",), "LiteLLM's usual variable"
    where, _, _ = at(
        model="bedrock/x", aws_access_key_id="os.environ/A", aws_secret_access_key="os.environ/B",
        aws_session_token="os.environ/C", aws_region_name="eu-west-1",
    )  # fmt: skip
    assert (where.key_env, where.region) == (("A:B:C",), "eu-west-1")
    where, _, _ = at(model="bedrock/x", aws_access_key_id="a", aws_secret_access_key="b")
    assert where.key == "a:b"


def test_a_usual_key_is_not_sent_to_another_address():
    _, setup = one(entry(api_base="https://llm.example.com/v1"))
    assert "OPENAI_API_KEY" in differs(setup)["model_list[0].litellm_params.api_base"]
    assert setup.openings[0].places[0].at.key_env == ()


def test_addresses_come_from_the_environment_as_they_are_now():
    config = {"model_list": [entry(model="azure/x", api_base="os.environ/BASE")]}
    setup = read(config, {"BASE": "https://r.openai.azure.com"})
    assert setup.openings[0].places[0].at.url == "https://r.openai.azure.com"
    assert "BASE" in differs(setup)["model_list[0].litellm_params.api_base"]
    opening, setup = one(entry(api_base="http://0.0.0.0:8000/v1"))
    assert opening.places[0].at.url == "http://127.0.0.1:8000/v1"


def test_a_version_without_quotes_is_a_version():
    raw = b"""
model_list:
  - model_name: a
    litellm_params: {model: azure/x, api_base: https://r.openai.azure.com, api_version: 2024-10-21}
"""
    [opening] = READERS["litellm"](raw, {}).openings
    assert opening.places[0].at.version == "2024-10-21"


@pytest.mark.parametrize(
    ("strategy", "ours"),
    [
        (None, "weighted"), ("simple-shuffle", "weighted"), ("least-busy", "least-busy"),
        ("latency-based-routing", "fastest"), ("cost-based-routing", "cheapest"),
        ("usage-based-routing-v2", "least-busy"), ("mine", "weighted"),
    ],
)  # fmt: skip
def test_strategies(strategy, ours):
    entries = [entry(api_key="a"), entry(api_key="b")]
    opening, setup = one(*entries, router_settings={"routing_strategy": strategy})
    assert opening.strategy == ours
    told = {**left(setup), **differs(setup)}
    assert ("router_settings.routing_strategy" in told) == (
        strategy in ("mine", "usage-based-routing-v2")
    )


@pytest.mark.parametrize(
    ("numbers", "weights"),
    [
        ([{"weight": 9}, {"weight": 1}], [9, 1]),
        ([{"weight": 0.9}, {"weight": 0.1}], [10_000, 1_111]),
        ([{"rpm": 900}, {"rpm": 10}], [900, 10]),
        ([{"tpm": 5_000_000}, {"tpm": 2_500_000}], [10_000, 5_000]),
        ([{"rpm": 900}, {}], [1, 1]),
        ([{"weight": 3, "rpm": 1}, {"rpm": 1}], [3, 1]),
        ([{}, {}], [1, 1]),
    ],
)
def test_weights(numbers, weights):
    entries = [entry(api_key=str(n), **given) for n, given in enumerate(numbers)]
    opening, _ = one(*entries)
    assert [place.weight for place in opening.places] == weights


def test_order_is_an_order():
    opening, setup = one(
        entry(model="openai/b", order=2), entry(model="openai/c"), entry(model="openai/a", order=1)
    )
    assert opening.strategy == "ordered"
    assert [place.model for place in opening.places] == ["a", "b", "c"]
    assert differs(setup) == {}
    _, setup = one(entry(model="openai/a", order=1), entry(model="openai/b", order=1), entry())
    assert len(differs(setup)) == 2


def test_limits_are_the_sum_where_all_have_one():
    opening, setup = one(entry(rpm=5, tpm=100), entry(model="openai/b", rpm=6))
    assert opening.limit == {"rpm": 11}
    assert "11 for all entries" in differs(setup)["model_list[0].litellm_params.rpm"]
    assert "none" in left(setup)["model_list[0].litellm_params.tpm"]
    opening, setup = one(entry(rpm=5, tpm="1000", max_parallel_requests=2))
    assert opening.limit == {"rpm": 5, "tpm": 1000, "concurrency": 2}
    assert (left(setup), differs(setup)) == ({}, {})


def test_fallbacks_stand_behind_what_has_an_order():
    entries = [entry("a"), entry("b", "openai/b"), entry("c", "openai/c1"), entry("c", "openai/c2")]
    fallbacks = [{"a": ["b", "c"]}, {"c": ["a"]}, {"x": ["a"]}, {"b": ["x"]}]
    setup = read({"model_list": entries, "router_settings": {"fallbacks": fallbacks}})
    a, b, c = setup.openings
    assert [place.model for place in a.places] == ["gpt-5", "b", "c1", "c2"]
    assert (a.strategy, b.strategy, c.strategy) == ("ordered", "ordered", "weighted")
    assert len(b.places) == 1
    assert [(place.model, place.fallback) for place in c.places] == [
        ("c1", False), ("c2", False), ("gpt-5", True),
    ]  # fmt: skip
    assert "no group" in left(setup)["router_settings.fallbacks[2].x"]
    assert "no group" in left(setup)["router_settings.fallbacks[3].b"]


def test_a_channel_with_fallbacks_has_no_limit():
    setup = read(
        {
            "model_list": [entry("a", rpm=5), entry("b", "openai/b", rpm=5)],
            "litellm_settings": {"default_fallbacks": ["b"]},
        }
    )
    a, b = setup.openings
    assert (len(a.places), a.limit, b.limit) == (2, {}, {"rpm": 5})
    assert "fallbacks" in left(setup)["model_list[0].litellm_params.rpm"]


def test_the_router_wins_over_the_library():
    settings = {"fallbacks": [{"chat": ["b"]}]}
    setup = read(
        {
            "model_list": [entry(), entry("b", "openai/b")],
            "router_settings": {"fallbacks": []},
            "litellm_settings": settings,
        }
    )
    assert len(setup.openings[0].places) == 1
    assert "wins" in left(setup)["litellm_settings.fallbacks"]


def test_other_names_are_channels():
    alias = {"gpt": "chat", "old": {"model": "chat", "hidden": True}, "no": "x", "chat": "chat"}
    setup = read({"model_list": [entry(rpm=3)], "router_settings": {"model_group_alias": alias}})
    assert [opening.name for opening in setup.openings] == ["chat", "gpt", "old"]
    assert all(opening.places == setup.openings[0].places for opening in setup.openings)
    alias = "router_settings.model_group_alias"
    assert set(left(setup)) == {f"{alias}.no", f"{alias}.chat"}
    assert "limit of its own" in differs(setup)[f"{alias}.gpt"]


def test_what_clients_may_leave_out_where_all_entries_agree():
    opening, setup = one(
        entry(temperature=0.2, stop="\n", seed=1, max_tokens=-1),
        entry(model="openai/b", temperature=0.2, stop=["\n"], seed=2),
    )
    assert opening.settings == {"temperature": 0.2, "stop": ["\n"]}
    params = "model_list[0].litellm_params"
    assert set(left(setup)) == {
        f"{params}.seed", f"{params}.max_tokens", "model_list[1].litellm_params.seed",
    }  # fmt: skip


def test_prices():
    opening, setup = one(
        entry(
            input_cost_per_token="1e-6",
            info={"input_cost_per_token": 9, "output_cost_per_token": 2.5e-06},
        )
    )
    assert opening.places[0].prices == {}, "neither place has both"
    assert len(left(setup)) == 3
    rates = {"input_cost_per_token": 0.0000025, "output_cost_per_token": 1e-05}
    opening, setup = one(entry(info={**rates, "cache_read_input_token_cost": 0, "mode": "chat"}))
    assert opening.places[0].prices == {"input": "2.5", "output": "10", "cached": "0"}
    assert left(setup) == {}


def test_credentials_by_name():
    credentials = [
        {"credential_name": "a", "credential_values": {"api_key": SECRET, "odd": 1},
         "credential_info": {"description": "x"}},
        {"credential_name": "b", "credential_values": {"api_key": "other"}},
        {"credential_values": {}},
    ]  # fmt: skip
    opening, setup = one(entry(litellm_credential_name="a"), credential_list=credentials)
    assert opening.places[0].at.key == SECRET
    assert set(left(setup)) == {
        "credential_list[0].credential_info", "credential_list[0].credential_values.odd",
        "credential_list[1]", "credential_list[2]",
    }  # fmt: skip


@pytest.mark.parametrize("config", [[], 1, {}, {"model_list": {}}, {"models": []}])
def test_other_files_are_told_apart(config):
    with pytest.raises(NotLiteLLMError):
        read(config)


KEYS = st.sampled_from(
    ["model", "api_key", "api_base", "rpm", "order", "weight", "timeout", "temperature", "odd",
     "model_name", "mode", "fallbacks", "routing_strategy", "model_group_alias", "master_key",
     "credential_name", "credential_values", "litellm_credential_name", "id"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**7) | st.just(SECRET)
    | st.sampled_from(["openai/x", "chat", "os.environ/A", "azure/x", "https://r.example.com", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
PARAMS = st.fixed_dictionaries(
    {"model": st.sampled_from(["openai/a", "azure/b", "bedrock/c", "gpt-5", "x"])},
    optional=dict.fromkeys(("api_key", "api_base", "rpm", "tpm", "weight", "order", "temperature", "stop", "litellm_credential_name", "input_cost_per_token", "aws_access_key_id", "odd"), VALUES),
)  # fmt: skip
ENTRY = VALUES | st.fixed_dictionaries(
    {"model_name": st.sampled_from(["chat", "b", "c"]), "litellm_params": PARAMS},
    optional={"model_info": VALUES, "odd": VALUES},
)
CONFIG = st.fixed_dictionaries(
    {"model_list": st.lists(ENTRY, max_size=5)},
    optional={
        "router_settings": VALUES
        | st.fixed_dictionaries({}, optional={
            "fallbacks": st.lists(st.dictionaries(st.sampled_from(["chat", "b"]),
                                  st.lists(st.sampled_from(["chat", "b", "c"])) | VALUES)) | VALUES,
            "model_group_alias": st.dictionaries(st.sampled_from(["d", "chat"]), VALUES) | VALUES,
            "default_fallbacks": st.lists(st.sampled_from(["chat", "b"])) | VALUES,
            "routing_strategy": st.sampled_from(["least-busy", "odd"]) | VALUES,
        }),
        "litellm_settings": VALUES, "general_settings": VALUES, "environment_variables": VALUES,
        "credential_list": st.lists(VALUES, max_size=3) | VALUES, "odd": VALUES,
    },
)  # fmt: skip


def paths(value, key=""):
    """Yield the path of each leaf: what is no object or list, or is empty."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from paths(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from paths(inner, f"{key}[{number}]")
    else:
        yield key


CONTAINERS = {
    "model_list",
    "credential_list",
    "router_settings",
    "litellm_settings",
    "general_settings",
}


@given(CONFIG)
def test_every_key_is_carried_over_or_listed(config):
    setup = read(config)
    told = {*setup.carried, *left(setup), *differs(setup)}
    assert len(told) == len(setup.carried) + len(setup.left) + len(setup.differs), "said once"
    for path in paths(config):
        covering = {p for p in told if path == p or path.startswith((f"{p}.", f"{p}["))}
        assert covering - (CONTAINERS - set(left(setup))) or path in told, path


@given(CONFIG)
def test_no_reason_tells_a_value(config):
    setup = read(config)
    assert SECRET not in repr([setup.left, setup.differs, setup.carried])


def test_alerts_lead_to_the_rules_that_there_are():
    for name in ("alerting", "alert_types", "alert_to_webhook_url"):
        assert "`volano alert init`" in reasons.GENERAL[name]


def test_every_reason_is_a_sentence_without_a_stop():
    for known in (reasons.PARAMS, reasons.INFO, reasons.ROUTER, reasons.LIBRARY, reasons.GENERAL,
                  reasons.SECTIONS):  # fmt: skip
        for why in known.values():
            assert why == why.strip() and not why.endswith(".")

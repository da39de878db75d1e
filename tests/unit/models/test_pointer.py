"""Where a model elsewhere answers: the gateway and evaluations must ask the same address."""

import pytest

from support.workspace import ANNA
from volano.gateway.errors import UnknownTargetError
from volano.models import BadPointerError, ModelNotUsableError
from volano.models.pointer import Entry, Pointer, pointer_of, pool_of
from volano.serving import open_chat
from volano.store.errors import UnknownArtifactError

ADDRESSES = {
    "https://api.example.com": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/v1": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/v1/": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/v1/chat/completions": "https://api.example.com/v1/chat/completions",
    "https://api.example.com/openai/v1": "https://api.example.com/openai/v1/chat/completions",
    "https://g.example/v1beta/openai/": "https://g.example/v1beta/openai/chat/completions",
    "http://127.0.0.1:8000/v1": "http://127.0.0.1:8000/v1/chat/completions",
    "http://[::1]:8000": "http://[::1]:8000/v1/chat/completions",
}


@pytest.mark.parametrize(("url", "asked"), ADDRESSES.items())
def test_an_address_means_the_same_to_all_who_ask(url, asked):
    pointer = Pointer(url, "m")
    assert pointer.origin + pointer.path == pointer.address == asked
    with open_chat(pointer.address, "m") as chat:
        assert str(chat._client.base_url).rstrip("/") + chat._path == asked


def test_the_key_comes_from_the_environment(desk):
    model = desk.models.add_pointer(
        "big", url="https://api.example.com", model="b", key_env="BIG_KEY", by=ANNA
    )
    pointer = pointer_of(model)
    assert pointer == Pointer("https://api.example.com", "b", "BIG_KEY")
    assert pointer.key({"BIG_KEY": " secret\n"}) == "secret"
    assert pointer.key({"BIG_KEY": "  "}) is None
    assert pointer.key({}) is None
    assert Pointer("https://x", "b").key({"": "x"}) is None


def test_weights_that_are_here_point_nowhere(desk):
    assert pointer_of(desk.models.builtin(by=ANNA)) is None


@pytest.mark.parametrize(
    "given",
    [
        {"url": "ftp://x"}, {"url": "x"}, {"url": ""}, {"url": "https://"},
        {"url": "https://user:pass@x/v1"}, {"url": "https://x/v1?key=1"}, {"url": "https://x/#a"},
        {"url": "https://[::1"}, {"url": "https://x:99999"}, {"url": "https://x/\r\nx: y"},
        {"url": "https://x y/"}, {"url": "https://x/a b"}, {"url": "https://x\0/"},
        {"url": "https://x/\ud800"}, {"model": "m\ud800"},
        {"url": "http://x.example", "key_env": "K"}, {"model": ""}, {"model": " "},
        {"model": "a\nb"}, {"model": "x" * 201}, {"key_env": "sk-123"}, {"key_env": ""},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_pointer_that_cannot_be_used(desk, given):
    with pytest.raises(BadPointerError):
        desk.models.add_pointer("p", **{"url": "https://x", "model": "m", **given}, by=ANNA)
    assert desk.models.list() == []


# pools


def test_a_pool_pins_models_at_targets(desk):
    desk.targets.add("openai", provider="openai", by=ANNA)
    desk.targets.add("near", provider="vllm", by=ANNA)
    own = desk.models.builtin(by=ANNA)
    model = desk.models.add_pointer(
        "mix", at=[own.ref, "near:llama3:8b", "openai:gpt-5"], strategy="least-busy",
        weights=[1, "4", 2], by=ANNA,
    )  # fmt: skip
    assert model.manifest.meta == {
        "format": "pointer",
        "strategy": "least-busy",
        "at": [
            {"model": own.ref, "digest": str(own.digest)},
            {"target": "near", "model": "llama3:8b", "weight": 4},
            {"target": "openai", "model": "gpt-5", "weight": 2},
        ],
    }
    assert [(p.role, p.digest) for p in model.manifest.parents] == [("own", own.digest)]
    pool = pool_of(model)
    assert (pool.strategy, pool.targets) == ("least-busy", {"near", "openai"})
    assert pool.entries[0] == Entry(None, own.ref, str(own.digest), 1)
    assert pointer_of(model) is None
    assert desk.models.usable(model) == model
    again = desk.models.add_pointer(
        "mix", at=["router@1".replace("router", own.name), "near:llama3:8b", "openai:gpt-5"],
        strategy="least-busy", weights=["1", "4", "2"], by=ANNA,
    )  # fmt: skip
    assert again.digest == model.digest


def test_the_short_form_is_as_it_was(desk):
    model = desk.models.add_pointer("big", url="https://x.example", model="b", by=ANNA)
    assert model.manifest.meta == {
        "format": "pointer", "url": "https://x.example", "model": "b", "key_env": None,
    }  # fmt: skip
    assert pool_of(model) is None


@pytest.mark.parametrize(
    "given",
    [
        {"at": ["openai:"]}, {"at": ["openai: "]}, {"at": ["openai:a\nb"]},
        {"at": ["openai:a", "openai:a"]}, {"at": ["openai:a"], "strategy": "best"},
        {"at": ["openai:a"], "weights": ["1", "2"]}, {"at": ["openai:a"], "weights": ["0"]},
        {"at": ["openai:a"], "weights": ["-1"]}, {"at": ["openai:a"], "weights": ["x"]},
        {"at": ["openai:a"], "url": "https://x"}, {"at": ["openai:a"], "model": "m"},
        {}, {"model": "m"}, {"url": "https://x"},
        {"url": "https://x", "model": "m", "strategy": "fastest"},
        {"at": [f"openai:{n}" for n in range(65)]},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_pool_that_cannot_be_used(desk, given):
    desk.targets.add("openai", provider="openai", by=ANNA)
    with pytest.raises(BadPointerError):
        desk.models.add_pointer("mix", by=ANNA, **given)
    assert desk.catalog.list("model") == []


def test_a_pool_names_what_there_is(desk):
    desk.targets.add("openai", provider="openai", by=ANNA)
    pointer = desk.models.add_pointer("big", url="https://x.example", model="b", by=ANNA)
    with pytest.raises(UnknownTargetError):
        desk.models.add_pointer("mix", at=["opnai:gpt-5"], by=ANNA)
    with pytest.raises(UnknownArtifactError):
        desk.models.add_pointer("mix", at=["router@7"], by=ANNA)
    with pytest.raises(ModelNotUsableError, match="weights are not here"):
        desk.models.add_pointer("mix", at=[pointer.ref], by=ANNA)

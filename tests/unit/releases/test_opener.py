"""One sentence opens a channel; said again it changes nothing, and it moves no open channel."""

import pytest

from support.workspace import ANNA
from volano.gateway.errors import UnknownTargetError
from volano.models.errors import BadPointerError
from volano.models.wording import prompt_of
from volano.prompts.prompt import Prompt
from volano.releases.errors import (
    BadChannelNameError,
    OpenedOtherwiseError,
    OpenWithWhatError,
    UnknownChannelError,
)
from volano.releases.opener import Opener
from volano.store.errors import UnknownArtifactError


@pytest.fixture
def opener(desk):
    desk.targets.add("far", provider="openai", by=ANNA)
    desk.targets.add("near", provider="ollama", by=ANNA)
    return Opener(
        models=desk.models, prompts=desk.prompts, flows=desk.flows, releases=desk.releases
    )


def opened(opener, name="chat", **given):
    return opener.open(name, **(given or {"at": ["far:gpt-5"]}), by=ANNA)


def events(desk):
    return len(desk.ledger.list(limit=1000))


def test_a_registered_model_gets_a_channel_with_all_that_stands_under_it(desk, opener):
    model = desk.models.add_pointer("gpt", at=["far:gpt-5"], by=ANNA)
    found = opened(opener, model="gpt@1")
    assert found["new"]
    assert (found["channel"], found["release"], found["flow"], found["model"]) == (
        "chat", "chat@1", "chat@1", "gpt@1",
    )  # fmt: skip
    channel = desk.releases.channel("chat")
    assert (channel.stable_ref, channel.rollout_id, channel.unit) == ("chat@1", None, "user")
    assert desk.releases.verify("chat@1").digest == channel.stable
    compiled = desk.flows.compile(desk.flows.get("chat@1"))
    assert (compiled.prompt, compiled.model.digest) == (Prompt(), model.digest)
    [rollout] = desk.releases.rollouts("chat")
    assert rollout.state == "arrived"


def test_entries_become_the_model_of_the_channels_name(desk, opener):
    given = {"at": ["far:gpt-5", "near:llama"], "strategy": "weighted", "weights": [9, 1]}
    assert opened(opener, **given)["model"] == "chat@1"
    meta = desk.models.get("chat@1").manifest.meta
    assert meta["strategy"] == "weighted"
    assert [one["target"] for one in meta["at"]] == ["far", "near"]


def test_said_twice_nothing_is_doubled(desk, opener):
    first = opened(opener)
    before = events(desk), desk.catalog.counts()
    again = opened(opener)
    assert (events(desk), desk.catalog.counts()) == before
    assert again == {**first, "new": False, "says": again["says"]}
    assert "already" in again["says"]


def test_settings_fill_what_clients_leave_out(desk, opener):
    opened(opener, at=["far:gpt-5"], settings={"temperature": 0.2})
    compiled = desk.flows.compile(desk.flows.get("chat@1"))
    assert compiled.to_dict() == {"before": [], "user": None, "defaults": {"temperature": 0.2}}


def test_an_open_channel_is_moved_by_a_rollout_only(desk, opener):
    opened(opener)
    for _ in range(2):
        with pytest.raises(OpenedOtherwiseError) as refused:
            opened(opener, at=["near:llama"])
        assert "serves `chat@1`" in refused.value.message
        assert "volano release promote chat@2 --channel chat" in refused.value.advice
    assert desk.releases.channel("chat").stable_ref == "chat@1"
    assert desk.releases.promote("chat@2", channel="chat", by=ANNA).candidate_ref == "chat@2"
    assert not opened(opener)["new"], "it still serves the first one"


def test_an_engine_of_our_own_is_waited_for(desk, opener):
    desk.models.builtin(by=ANNA)
    found = opened(opener, "router", model="ticket-router")
    [rollout] = desk.releases.rollouts("router")
    assert (rollout.state, found["release"]) == ("warming", "router@1")
    assert not opened(opener, "router", model="ticket-router")["new"]


def test_a_model_of_ours_is_asked_in_the_words_it_was_trained_in(desk, opener):
    model = desk.models.builtin(by=ANNA)
    opened(opener, "router", model=model.ref)
    said = prompt_of(model)
    compiled = desk.flows.compile(desk.flows.get("router@1"))
    assert compiled.prompt.prefix + "{{input}}" + compiled.prompt.suffix == said["template"]
    assert compiled.to_dict()["user"] == ["Ticket: ", "\nJSON:"]
    assert compiled.to_dict()["defaults"] == said["settings"]
    opened(opener, "other", model=model.ref, settings={"max_tokens": 9})
    other = desk.flows.compile(desk.flows.get("other@1"))
    assert other.to_dict() == {
        "before": [], "user": ["Ticket: ", "\nJSON:"],
        "defaults": {"max_tokens": 9, "temperature": 0},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, OpenWithWhatError),
        ({"model": "gpt", "at": ["far:gpt-5"]}, OpenWithWhatError),
        ({"model": "gpt", "strategy": "weighted"}, OpenWithWhatError),
        ({"model": "gpt"}, UnknownArtifactError),
        ({"at": ["nowhere:gpt-5"]}, UnknownTargetError),
        ({"at": ["far:gpt-5", "far:gpt-5"]}, BadPointerError),
        ({"at": ["far:gpt-5"], "weights": ["0"]}, BadPointerError),
    ],
)
def test_what_cannot_be_opened_leaves_nothing(desk, opener, given, error):
    before = desk.catalog.counts()
    with pytest.raises(error):
        opener.open("chat", **given, by=ANNA)
    assert desk.catalog.counts() == before
    with pytest.raises(UnknownChannelError):
        desk.releases.channel("chat")


def test_a_channel_has_a_name(opener):
    with pytest.raises(BadChannelNameError, match="`a b` cannot be the name of a channel"):
        opened(opener, "a b")


def test_the_latency_that_will_do_is_the_models(desk, opener):
    opened(opener, at=["far:gpt-5"], strategy="cheapest", latency_ms=800)
    assert desk.models.get("chat@1").manifest.meta["latency_ms"] == 800

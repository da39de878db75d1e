"""A release that no channel serves is asked as the gateway would ask it: the same words, no more."""

import json
from contextlib import contextmanager

import pytest

from simulators.prompted import Provider
from support.workspace import ANNA
from volano.core.ports.chat import Answer
from volano.gateway.errors import BadVariablesError, CannotRehearseError
from volano.gateway.rehearsals import Rehearsals, rendered
from volano.gateway.routes import Route
from volano.gateway.snapshot import Arm, Flow
from volano.serving import open_chat

SCHEMA = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}
CHAT = {"model": "support", "stream": True, "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Hol a csomag? 📦"}]}  # fmt: skip


def route(flow):
    return Route(Arm(release="r@1", release_digest="sha256:0", targets=(), flow=flow), [])


def flow_of(workspace, **prompt):
    """The flow of a release, as the publisher hands it to the workers."""
    compiled = workspace.flows.compile(workspace.flow(**prompt))
    raw = compiled.to_dict()
    user = tuple(raw["user"]) if raw["user"] else None
    return Flow(tuple(raw["before"]), user, raw["defaults"], raw.get("wording"))


def said(flow, body, door="openai.chat"):
    return rendered(route(flow), door, json.dumps(body).encode())


def test_the_words_of_a_flow_stand_around_the_callers(desk):
    flow = flow_of(desk, template="Ticket: {{input}} JSON:", system="Sei kurz.",
                   settings={"max_tokens": 9, "temperature": 0}, schema=SCHEMA)  # fmt: skip
    found = said(flow, {**CHAT, "temperature": 1})
    assert [one["content"] for one in found["messages"]] == [
        "Sei kurz.", "Ticket: Hol a csomag? 📦 JSON:",
    ]  # fmt: skip
    assert (found["max_tokens"], found["temperature"]) == (9, 1)
    assert found["response_format"]["json_schema"]["schema"] == SCHEMA
    assert not {"model", "stream", "stream_options"} & found.keys()


def test_a_flow_without_words_passes_on_what_was_said():
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    assert said(Flow(), {**CHAT, "tools": tools}) == {"messages": CHAT["messages"], "tools": tools}


def test_variables_fill_it_and_a_caller_who_lacks_one_is_told(desk):
    messages = [{"role": "user", "content": "{{ tone }}: {{ input }}"}]
    flow = flow_of(
        desk, template=None, messages=messages, variables={"input": "text", "tone": "text"}
    )
    found = said(flow, {**CHAT, "variables": {"tone": "knapp"}})
    assert found["messages"] == [{"role": "user", "content": "knapp: Hol a csomag? 📦"}]
    assert "variables" not in found
    with pytest.raises(BadVariablesError):
        said(flow, CHAT)


def test_requests_of_other_doors_are_put_in_the_words_of_chat(desk):
    flow = flow_of(desk, template="Ticket: {{input}}")
    asked = {"model": "support", "max_tokens": 5, "messages": [{"role": "user", "content": "你好"}]}
    found = said(flow, asked, "anthropic.messages")
    assert found["messages"] == [{"role": "user", "content": "Ticket: 你好"}]
    found = said(flow, {"model": "support", "input": "你好", "store": True}, "openai.responses")
    assert found["messages"] == [{"role": "user", "content": "Ticket: 你好"}]


@pytest.mark.parametrize(
    ("door", "body"),
    [("openai.chat", b"[]"), ("openai.chat", b"{"), ("openai.chat", b'{"model": "m", "messages": [3]}'),
     ("openai.embeddings", b"{}"), ("", b"{}"), ("openai.responses", b'{"input": 3}')],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(desk, door, body):
    with pytest.raises(CannotRehearseError):
        rendered(route(flow_of(desk, template="A {{input}}")), door, body)


def test_releases_of_one_model_share_its_engine(desk):
    provider = Provider({"m": lambda messages, **_: Answer(messages[-1]["content"], "stop", 3, 4)})
    opened = []

    @contextmanager
    def chat(model, folder):
        assert folder.is_dir()
        opened.append(model.ref)
        with open_chat(provider.url, "m") as one:
            yield one

    flows = [desk.flow(template=f"{n} {{{{input}}}}") for n in "ab"]
    releases = [desk.releases.cut("support", flow=one.ref, by=ANNA) for one in flows]
    words = dict(zip([str(r.digest) for r in releases], "ab", strict=True))
    model = desk.catalog.by_digest(releases[0].manifest.parents[1].digest)
    rehearsals = Rehearsals(
        flow_of=lambda r: Flow(user=(f"{words[str(r.digest)]} ", "")), model_of=lambda r: model, chat=chat,
    )  # fmt: skip
    try:
        with rehearsals.open(releases) as asks:
            texts = [ask("openai.chat", json.dumps(CHAT).encode()).text for ask in asks]
    finally:
        provider.close()
    assert texts == ["a Hol a csomag? 📦", "b Hol a csomag? 📦"]
    assert len(opened) == 1

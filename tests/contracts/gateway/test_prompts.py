"""A prompt with variables, asked through the official clients of OpenAI and Anthropic."""

import json

import anthropic
import openai
import pytest

from contracts.gateway.conftest import _arm, _target
from simulators.workers import KEY, Channel, Workers, snapshot
from volano.core.schema import response_format
from volano.gateway.snapshot import Flow
from volano.prompts.draft import Draft

SCHEMA = {"type": "object", "properties": {"queue": {"type": "string"}}, "required": ["queue"],
          "additionalProperties": False}  # fmt: skip
SAID = {
    "messages": [
        {"role": "system", "content": "{{ tone }}{% for r in rules %} {{ loop.index }}. {{ r }}{% endfor %}"},
        {"role": "user", "content": "Jegy: {{ input }}"},
    ],
    "variables": {
        "tone": {"choices": ["höflich", "краткий"], "default": "höflich"},
        "rules": {"type": "list", "default": []}, "input": "text",
    },
}  # fmt: skip
TOPIC = {"messages": [{"role": "system", "content": "Du weißt alles über {{ topic }}."}]}


@pytest.fixture(scope="module")
def prompted(_providers, tmp_path_factory):
    made = Workers(tmp_path_factory.mktemp("gw") / "state", retry_s=0.2, retries=0)
    wording, topic = (Draft.read(said).prompt.wording.to_dict() for said in (SAID, TOPIC))
    flows = {
        "tickets": Flow(wording=wording, defaults={"max_tokens": 9, "response_format": response_format(SCHEMA)}),
        "topic": Flow(wording=topic), "old": Flow(before=({"role": "system", "content": "S"},)),
    }  # fmt: skip
    channels = {
        f"{name}-{api}": Channel(arms=(_arm(_target(_providers[api], api), flow=flow),))
        for name, flow in flows.items()
        for api in ("openai.chat", "anthropic")
    }
    made.publish(snapshot(channels))
    made.start(1, timeouts="first_byte_s=20.0, idle_s=2.0")
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(prompted):
    with openai.OpenAI(base_url=prompted.url, api_key=KEY, max_retries=0, timeout=30) as made:
        yield made


def ask(client, channel, text="Hol van?", **variables):
    messages = [{"role": "user", "content": text}] if text is not None else []
    body = {"variables": variables} if variables else {}
    return client.chat.completions.create(model=channel, messages=messages, extra_body=body)


def test_it_is_filled_with_the_clients_variables(client, providers):
    ask(client, "tickets-openai.chat", tone="краткий", rules=["你好", "{{ x }}"])
    body = _body(providers)
    assert body["messages"] == [
        {"role": "system", "content": "краткий 1. 你好 2. {{ x }}"},
        {"role": "user", "content": "Jegy: Hol van?"},
    ]
    assert "variables" not in body
    assert body["max_tokens"] == 9
    assert body["response_format"] == response_format(SCHEMA)
    assert body["response_format"]["json_schema"]["strict"] is True


def test_the_conversation_stays_before_the_question(client, providers):
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ja?"},
            {"role": "user", "content": [{"type": "text", "text": "Was"},
             {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]  # fmt: skip
    own = {"type": "text"}
    client.chat.completions.create(
        model="tickets-openai.chat", messages=said, response_format=own, max_tokens=3
    )
    body = _body(providers)
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][-1]["content"] == [
        {"type": "text", "text": "Jegy: Was"},
        said[2]["content"][1],
    ]
    assert (body["response_format"], body["max_tokens"]) == (own, 3)


def test_without_a_message_the_variables_say_it_all(client, providers):
    ask(client, "tickets-openai.chat", None, input="Wo?")
    assert _body(providers)["messages"][-1] == {"role": "user", "content": "Jegy: Wo?"}
    ask(client, "topic-openai.chat", "Na?", topic="茶")
    assert _body(providers)["messages"] == [
        {"role": "system", "content": "Du weißt alles über 茶."}, {"role": "user", "content": "Na?"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "text", "variables", "param"),
    [
        ("tickets", "x", {"tone": "loud"}, "variables.tone"),
        ("tickets", "x", {"名": 1}, "variables.名"),
        ("tickets", "x", {"rules": "a"}, "variables.rules"),
        ("topic", "x", {}, "variables.topic"),
        ("topic", "x", {"topic": 7}, "variables.topic"),
        ("tickets", None, {"tone": "höflich"}, "variables.input"),
        ("old", "x", {"tone": "a"}, "variables.tone"),
        ("tickets", "x", {"rules": list(range(10_001))}, "variables"),
    ],
)
@pytest.mark.parametrize("api", ["openai.chat", "anthropic"])
def test_what_does_not_fit_is_refused_naming_the_field(
    client, channel, text, variables, param, api
):
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, f"{channel}-{api}", text, **variables)
    assert raised.value.param == param
    assert raised.value.status_code == 400


def test_variables_are_an_object(client):
    for wrong in ([1], "x", 3):
        with pytest.raises(openai.BadRequestError) as raised:
            client.chat.completions.create(
                model="topic-openai.chat", messages=[{"role": "user", "content": "x"}],
                extra_body={"variables": wrong},
            )  # fmt: skip
        assert raised.value.param == "variables"
        assert "  " not in raised.value.body["message"]


def test_the_other_door_and_the_other_dialect_say_the_same(client, prompted, providers):
    ask(client, "tickets-anthropic", tone="краткий")
    body = _body(providers, "anthropic")
    assert json.dumps(body["system"], ensure_ascii=False).count("краткий") == 1
    assert "Jegy: Hol van?" in json.dumps(body["messages"], ensure_ascii=False)
    assert body["output_config"]["format"]["schema"] == SCHEMA
    url = prompted.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0) as other:
        other.messages.create(
            model="topic-anthropic", max_tokens=5, messages=[{"role": "user", "content": "Na?"}],
            extra_body={"variables": {"topic": "茶"}},
        )  # fmt: skip
    body = _body(providers, "anthropic")
    assert "Du weißt alles über 茶." in json.dumps(body["system"], ensure_ascii=False)
    assert "variables" not in body


def _body(providers, api="openai.chat"):
    return json.loads(providers[api].seen[-1].body)

"""Legacy completions: round trips, the official client, what cannot be said."""

import contextlib
import json

import httpx2
import msgspec
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion

from support import exchanges as ex
from support.examples import examples
from volano.wire.dialect import BadAnswerError, Fault
from volano.wire.dialects.openai_completions import COMPLETIONS
from volano.wire.exchange import (
    Ask,
    Began,
    CannotSayError,
    Delta,
    Failed,
    Finished,
    Image,
    Opened,
    Reply,
    Text,
    Thinking,
    Tool,
    ToolUse,
    Turn,
    Usage,
)
from volano.wire.openai import FieldError, MalformedError

API = COMPLETIONS
brief = examples(50)
NOT_SAID = (
    *("top_k", "n", "logprobs", "tools", "format", "reasoning", "metadata", "service_tier"),
    "wants_usage",
)
prompts = ex.texts(cached=False).map(lambda text: [Turn("user", [text])])
asks = ex.asks(prompts, without=NOT_SAID)
USAGES = ex.usages(without=("audio_input", "audio_output", "cache_written", "cache_written_1h"))
replies = ex.replies(ex.texts(cached=False).map(lambda text: [text]), usage=USAGES)


def read(fields: dict) -> Ask:
    return API.read_ask(json.dumps({"model": "m", **fields}).encode())


def stream(events, ask=None) -> bytes:
    writer = API.event_writer(ask or Ask("m", [], stream=True, wants_usage=True))
    return b"".join(map(writer.write, events))


@brief
@given(asks)
def test_what_is_asked_is_read_back(ask):
    read_back = API.read_ask(API.write_ask(ask))
    assert read_back == msgspec.structs.replace(ask, wants_usage=ask.stream)


@brief
@given(replies)
def test_what_is_answered_is_read_back(reply):
    body = API.write_reply(reply, Ask("m", []))
    Completion.model_validate_json(body)
    assert API.read_reply(body) == reply


@brief
@given(ex.streams(replies), st.data())
def test_what_is_streamed_is_read_back(events, data):
    reader = API.event_reader()
    pieces = data.draw(ex.cut(stream(events)))
    got = [event for piece in pieces for event in reader.feed(piece)]
    assert reader.complete
    assert ex.whole(got) == ex.whole(events)
    assert isinstance(got[-1], Finished)


@brief
@given(ex.streams(replies))
def test_the_official_client_reads_the_stream(events):
    def answer(request: httpx2.Request) -> httpx2.Response:
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, content=stream(events), headers=kind)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http)
    chunks = list(client.completions.create(model="m", prompt="hi", stream=True))
    whole = ex.whole(events)
    assert "".join(c.text for chunk in chunks for c in chunk.choices) == whole.parts[0].text
    assert chunks[-1].usage.total_tokens == whole.usage.input + whole.usage.output


def test_a_documented_request():
    ask = read({"prompt": ["Say this is a test"], "max_tokens": 7, "temperature": 0, "stop": "\n"})
    assert ask == Ask(
        "m", [Turn("user", [Text("Say this is a test")])], max_tokens=7, temperature=0, stop=["\n"]
    )


def test_usage_comes_only_where_it_is_wanted():
    events = [Opened("r", "m"), Began(0, Text("")), Delta(0, "a"), Finished("stop", None, Usage())]
    assert b"usage" in stream(events)
    assert b"usage" not in stream(events, Ask("m", []))


def test_thoughts_stay_out_of_the_text():
    reply = Reply("r", "m", [Thinking("so"), Text("a")])
    assert json.loads(API.write_reply(reply, Ask("m", [])))["choices"][0]["text"] == "a"
    events = [Opened("r", "m"), Began(0, Thinking("")), Delta(0, "so"), Began(1, Text(""))]
    assert b"so" not in stream(events)
    with pytest.raises(CannotSayError):
        API.write_reply(Reply("r", "m", [ToolUse("c", "f", "{}")]), Ask("m", []))


@pytest.mark.parametrize(
    "prompt", [None, 3, [], ["a", "b"], [1, 2], [[1, 2]], [[]], [None], [{"a": 1}], {"a": 1}]
)
def test_other_prompts_are_refused(prompt):
    with pytest.raises(FieldError) as error:
        read({"prompt": prompt})
    assert error.value.param == "prompt"


def test_what_is_peculiar_goes_as_extra():
    ask = read({"prompt": "a", "suffix": "z", "echo": True, "best_of": 3, "logprobs": 2})
    assert set(ask.extra) == {"suffix", "echo", "best_of"}
    assert (ask.logprobs, ask.top_logprobs) == (True, 2)
    plain = read({"prompt": "a", "suffix": "", "echo": False, "best_of": 1, "logit_bias": None})
    assert not plain.extra


@pytest.mark.parametrize(
    ("ask", "param"),
    [
        (Ask("m", [Turn("user", [Text("a")])], n=2), "n"),
        (Ask("m", [Turn("user", [Text("a")])], logprobs=True), "logprobs"),
        (Ask("m", [Turn("user", [Text("a")])], tools=[Tool("f")]), "tools"),
        (Ask("m", [Turn("user", [Text("a")])], extra={"x": msgspec.Raw(b"1")}), "x"),
        (Ask("m", [Turn("user", [Image(url="x")])]), "messages"),
        (Ask("m", [Turn("system", [Text("a")]), Turn("user", [Text("a")])]), "messages"),
    ],
)
def test_what_cannot_be_said_is_refused(ask, param):
    with pytest.raises(CannotSayError) as error:
        API.write_ask(ask)
    assert error.value.param == param


def test_errors():
    body = API.write_error(429, "slow", kind="rate_limit_error", code="x")
    assert API.read_error(429, body) == Fault("slow", "rate_limit_error", "x")
    nothing = Fault("The provider answered with status 503.", "server_error")
    assert API.read_error(503, b"") == nothing
    sent = API.write_stream_error("gone", kind="server_error")
    assert API.event_reader().feed(sent) == [Failed("gone", "server_error")]


@examples(200)
@given(st.data())
def test_nothing_hostile_gets_through(data):
    good = json.dumps(
        {"model": "m", "prompt": ["a"], "stop": ["x"], "stream_options": {"include_usage": True}}
    )
    odd = st.sampled_from(["null", "1e999", "9" * 500, '"\\ud800"', "[[[1]]]", "{}", "[" * 5000])
    at = data.draw(st.sampled_from([i for i, c in enumerate(good) if c in ":["])) + 1
    end = data.draw(st.integers(at, len(good)))
    body = (good[:at] + data.draw(odd | st.text(max_size=5)) + good[end:]).encode()
    with contextlib.suppress(FieldError, MalformedError):
        API.read_ask(body)
    with contextlib.suppress(BadAnswerError):
        API.read_reply(body)
    with contextlib.suppress(BadAnswerError):
        API.event_reader().feed(b"data: " + body + b"\n\n")

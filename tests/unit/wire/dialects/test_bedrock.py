"""Bedrock: what is said passes its simulator, what cannot be said is refused by name."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.providers import bedrock as provider
from support import exchanges
from support.coherent import coherent
from support.examples import examples
from volano.wire import eventstream, sigv4
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.bedrock import BEDROCK, LEFT_OUT
from volano.wire.exchange import (
    Ask,
    Audio,
    Began,
    CannotSayError,
    Delta,
    Ended,
    Failed,
    File,
    Finished,
    Format,
    Image,
    Opened,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
    Usage,
)

MODEL = "us.anthropic.claude-sonnet-4-6-v1:0"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
SAID = "Hello wörld 你好 🎡"
WEATHER = Tool("weather", schema=msgspec.Raw(b'{"type":"object"}'))
SEEN = Usage(input=15, output=5, cached=4, cache_written=3, cache_written_1h=2)
NOW_US = 1_795_000_000_000_000


def ask(*parts, model=MODEL, **fields) -> Ask:
    return Ask(model, [Turn("user", list(parts) or [Text("Hi")])], **fields)


def said(asked: Ask) -> dict:
    body = json.loads(BEDROCK.write_ask(asked))
    provider.check_body(body, asked.model)
    return body


def signed(path: str, body: bytes, secret: str = provider.SECRET_KEY) -> dict[str, str]:
    kind = ("content-type", "application/json")
    lines = sigv4.sign(
        "POST", path, host=HOST, headers=[kind], body=body,
        credentials=sigv4.Credentials(provider.ACCESS_KEY, secret),
        scope=sigv4.Scope(provider.REGION, "bedrock"), at_us=NOW_US,
    )  # fmt: skip
    return {":method": "POST", "host": HOST, **dict([kind, *lines])}


def call(asked: Ask, act: str = "ok"):
    path, body = BEDROCK.path(asked), BEDROCK.write_ask(asked)
    status, _, chunks = provider.answer(path, signed(path, body), body, act)
    data = chunks if isinstance(chunks, bytes) else [c for c in chunks if isinstance(c, bytes)]
    return status, data


def read(chunks):
    reader = BEDROCK.event_reader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events, reader


conversations = exchanges.conversations(
    named=False, redacted=True, kinds=("text", "audio", "file")
).map(coherent)


@pytest.mark.slow
@examples(300)
@given(exchanges.asks(conversations), st.sampled_from([MODEL, "amazon.nova-pro-v1:0", "x.y"]))
def test_all_that_can_be_said_is_accepted(asked, model):
    asked.model = model
    with suppress(CannotSayError):
        said(asked)


no_words = ("seed", "n", "logprobs", "presence_penalty", "frequency_penalty", "tools", "metadata")
words_only = exchanges.conversations(
    named=False, kinds=("text",), answer_kinds=("text", "thinking")
)


@settings(deadline=None)
@given(exchanges.asks(words_only.map(coherent), without=no_words))
def test_what_bedrock_has_words_for_is_not_refused(asked):
    asked.model = MODEL
    body = said(asked)
    assert body.get("inferenceConfig", {}).get("maxTokens") == asked.max_tokens
    assert body.get("additionalModelRequestFields", {}).get("top_k") == asked.top_k


def test_each_part_in_its_words():
    body = said(
        ask(
            Text("Look", cache_ttl="1h"),
            Image(data="aWk=", media_type="image/png", cache_ttl="5m"),
            Image(url="s3://bucket/a.jpeg"),
            Audio("aWk=", "wav"),
            File(data="aWk=", media_type="application/pdf", name="Q3_report  (final).pdf"),
            File(data="aWk=", media_type="application/pdf", name="Q3 report (final).pdf"),
            File(data="aWk=", media_type="video/mp4"),
        )
    )
    data = {"bytes": "aWk="}
    assert body["messages"][0]["content"] == [
        {"text": "Look"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"image": {"format": "png", "source": data}},
        {"cachePoint": {"type": "default"}},
        {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.jpeg"}}}},
        {"audio": {"format": "wav", "source": data}},
        {"document": {"format": "pdf", "name": "Q3 report (final)", "source": data}},
        {"document": {"format": "pdf", "name": "Q3 report (final) (2)", "source": data}},
        {"video": {"format": "mp4", "source": data}},
    ]


def test_a_tools_way_there_and_back():
    turns = [
        Turn("system", [Text("Be kind.", cache_ttl="5m")]),
        Turn("user", [Text("Weather?")]),
        Turn("assistant", [
            Thinking("hm", "c2ln"), Thinking("b3BhcXVl", redacted=True),
            ToolUse("a", "weather", '{"city":"Ulm"}'), ToolUse("b" * 80, "weather", ""),
        ]),
        Turn("user", [ToolResult("a", [Text("rain")])]),
        Turn("user", [ToolResult("b" * 80, [Text("no city")], is_error=True), Text("Well?")]),
    ]  # fmt: skip
    body = said(Ask(MODEL, turns, tools=[WEATHER], tool_choice=ToolChoice("tool", "weather")))
    made = body["messages"][1]["content"][3]["toolUse"]["toolUseId"]
    assert made.startswith("tooluse_")
    assert body["system"] == [{"text": "Be kind."}, {"cachePoint": {"type": "default"}}]
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "weather"}}
    assert body["messages"][1:] == [
        {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "b3BhcXVl"}},
            {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Ulm"}}},
            {"toolUse": {"toolUseId": made, "name": "weather", "input": {}}},
        ]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "a", "content": [{"text": "rain"}]}},
            {"toolResult": {"toolUseId": made, "content": [{"text": "no city"}],
                            "status": "error"}},
            {"text": "Well?"},
        ]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "wish", "more", "effort"),
    [
        (MODEL, Reasoning(effort="high"), {"thinking": {"type": "adaptive"}}, "high"),
        (MODEL, Reasoning(budget_tokens=2000, summary="auto"),
         {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"}}, None),
        (MODEL, Reasoning(off=True), {"thinking": {"type": "disabled"}}, None),
        ("openai.gpt-oss-120b-1:0", Reasoning(effort="low"), None, "low"),
    ],
)  # fmt: skip
def test_thought_is_measured(model, wish, more, effort):
    body = said(ask(model=model, reasoning=wish))
    assert body.get("additionalModelRequestFields") == more
    assert body.get("outputConfig", {}).get("effort") == effort


def test_forms_tiers_and_fields_of_the_model():
    schema = msgspec.Raw(b'{"type":"object"}')
    body = said(
        ask(
            format=Format("schema", schema, name="x", strict=True), top_k=5, service_tier="flex",
            metadata={"team": "a"}, stop=["END"], user="u",
            extra={"additionalModelRequestFields": msgspec.Raw(b'{"a":1}')},
        )
    )  # fmt: skip
    form = {"schema": '{"type":"object"}', "name": "x"}
    assert body["outputConfig"] == {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": form}}
    }
    assert body["additionalModelRequestFields"] == {"a": 1, "top_k": 5}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["requestMetadata"] == {"team": "a"}
    nova = said(ask(model="amazon.nova-pro-v1:0", top_k=5))
    assert nova["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 5}}
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (ask(n=2), "n"),
        (ask(seed=1), "seed"),
        (ask(seed=0), "seed"),
        (ask(presence_penalty=0.5), "presence_penalty"),
        (ask(temperature=1.5), "temperature"),
        (ask(model="meta.llama3-8b", top_k=5), "top_k"),
        (ask(model="meta.llama3-8b", reasoning=Reasoning(off=True)), "reasoning_effort"),
        (ask(reasoning=Reasoning(effort="minimal")), "reasoning_effort"),
        (ask(format=Format("json")), "response_format"),
        (ask(tools=[WEATHER], parallel_tools=False), "parallel_tool_calls"),
        (ask(tools=[Tool("a b")]), "tools"),
        (ask(tool_choice=ToolChoice("any")), "tool_choice"),
        (ask(metadata={"a": 1}), "metadata"),
        (ask(service_tier="gold"), "service_tier"),
        (ask(extra={"logit_bias": msgspec.Raw(b'{"1":2}')}), "logit_bias"),
        (ask(extra={"additionalModelRequestFields": msgspec.Raw(b"[]")}),
         "additionalModelRequestFields"),
        (ask(Image(url="https://example.org/a.png")), "messages[0].content[0].image_url"),
        (ask(File(data="aWk=", media_type="application/pdf")), "messages[0].content"),
        (ask(File(file_id="file-1")), "messages[0].content[0].file"),
        (ask(File(data="aWk=")), "messages[0].content[0].file"),
        (ask(Audio("aWk=", "g711")), "messages[0].content[0].input_audio.format"),
        (ask(Text("")), "messages[0].content"),
        (ask(ToolResult("a", [Text("x")])), "tools"),
        (Ask(MODEL, [Turn("assistant", [Text("x")])]), "messages[0]"),
        (Ask(MODEL, [Turn("user", [Text("x")], name="Bo")]), "messages[0].name"),
        (Ask(MODEL, [Turn("user", [Text("x")]), Turn("assistant", [ToolUse("a", "b", "{}")])],
             tools=[WEATHER], tool_choice=ToolChoice("none")), "tool_choice"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(asked, param):
    with pytest.raises(CannotSayError) as refused:
        BEDROCK.write_ask(asked)
    assert refused.value.param == param


def test_tools_that_must_not_be_used_are_not_shown():
    assert "toolConfig" not in said(ask(tools=[WEATHER], tool_choice=ToolChoice("none")))


def test_the_path_is_encoded_and_signed():
    assert BEDROCK.path(ask()) == "/model/us.anthropic.claude-sonnet-4-6-v1%3A0/converse"
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"
    assert BEDROCK.path(ask(model=arn, stream=True)).endswith("nova-pro-v1%3A0/converse-stream")
    assert call(ask(model=arn))[0] == 200
    path, body = BEDROCK.path(ask()), BEDROCK.write_ask(ask())
    status, _, answered = provider.answer(path, signed(path, body, "wrong"), body, "ok")
    assert BEDROCK.read_error(status, answered).kind == "authentication_error"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer(stream):
    status, data = call(ask(stream=stream))
    reply = exchanges.whole(read(data)[0]) if stream else BEDROCK.read_reply(data)
    assert status == 200
    assert reply.parts == [Thinking("Let me think.", "c2ln"), Text(SAID)]
    assert (reply.id, reply.model, reply.finish, reply.usage) == ("", "", "stop", SEEN)


@pytest.mark.parametrize("stream", [False, True])
def test_the_stop_sequence_is_told(stream):
    data = call(ask(stream=stream, stop=["END", "X"]))[1]
    reply = exchanges.whole(read(data)[0]) if stream else BEDROCK.read_reply(data)
    assert (reply.finish, reply.stop_sequence) == ("stop_sequence", "END")


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called_and_answered(stream):
    asked = ask(tools=[WEATHER], stream=stream)
    data = call(asked, "tools")[1]
    reply = exchanges.whole(read(data)[0]) if stream else BEDROCK.read_reply(data)
    assert reply.finish == "tools"
    assert [(use.id, json.loads(use.arguments)) for use in reply.parts] == [
        ("tooluse_0", {"city": "Ulm"}), ("tooluse_1", {"city": "köln"}),
    ]  # fmt: skip
    asked.turns += [Turn("assistant", reply.parts),
                    Turn("user", [ToolResult(use.id, [Text("rain")]) for use in reply.parts])]  # fmt: skip
    assert call(asked)[0] == 200


def test_a_guardrail_filters():
    assert BEDROCK.read_reply(call(ask(), "guarded")[1]).finish == "filter"


@settings(deadline=None)
@given(st.data())
def test_a_stream_cut_anywhere_says_the_same(data):
    sound = b"".join(call(ask(stream=True))[1])
    events, reader = read(data.draw(exchanges.cut(sound)))
    assert reader.complete
    assert isinstance(events[0], Opened)
    assert events[-1] == Finished("stop", usage=SEEN)
    begun = [e.index for e in events if isinstance(e, Began)]
    assert begun == [e.index for e in events if isinstance(e, Ended)] == [0, 1]


@settings(deadline=None)
@given(st.integers(0, 4000))
def test_a_stream_that_ends_early_is_not_complete(length):
    sound = b"".join(call(ask(stream=True))[1])
    events, reader = read([sound[: min(length, len(sound) - 1)]])
    assert not reader.complete
    assert not any(isinstance(event, Finished) for event in events)


def test_exceptions_in_mid_stream():
    events, reader = read(call(ask(stream=True), "error")[1])
    assert events[-1] == Failed("The model broke off.", "server_error", 424)
    assert not reader.complete
    throttled = provider.exception("throttlingException", "Too many.")
    assert read([throttled])[0] == [Failed("Too many.", "rate_limit_error", 429)]
    broken = eventstream.encode(
        {":message-type": "error", ":error-code": "x", ":error-message": "y"}
    )
    assert read([broken])[0] == [Failed("y")]


def test_events_of_a_new_kind_are_passed_over():
    assert read([provider.event("somethingNew", {"a": 1})])[0] == []


def test_redacted_thoughts_in_a_stream():
    chunk = provider.event(
        "contentBlockDelta",
        {"delta": {"reasoningContent": {"redactedContent": "aWk="}}, "contentBlockIndex": 0},
    )
    assert read([chunk])[0][1:] == [Began(0, Thinking("", redacted=True)), Delta(0, "aWk=")]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("status-400", "invalid_request_error"),
        ("status-403", "permission_error"),
        ("status-404", "not_found_error"),
        ("status-424", "server_error"),
        ("status-429", "rate_limit_error"),
        ("status-503", "server_error"),
    ],
)
def test_errors(act, kind):
    status, body = call(ask(), act)
    fault = BEDROCK.read_error(status, body)
    assert fault.kind == kind
    assert fault.message == json.loads(body)["message"]


fields = st.sampled_from(
    ["output", "message", "content", "text", "toolUse", "toolUseId", "name", "input", "stopReason",
     "usage", "inputTokens", "delta", "start", "contentBlockIndex", "reasoningContent", "image",
     "reasoningText", "message", "__type", "cacheDetails", "additionalModelResponseFields"]
)  # fmt: skip
crooked = st.recursive(
    exchanges.json_values,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(fields, inner, max_size=4),
    max_leaves=20,
)
steps = st.sampled_from(
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop",
     "metadata"]
)  # fmt: skip


@pytest.mark.slow
@examples(200)
@given(crooked, st.lists(st.tuples(steps, st.dictionaries(fields, crooked, max_size=3))))
def test_a_crooked_answer_is_a_bad_answer_and_nothing_else(body, told):
    raw = json.dumps(body).encode()
    with suppress(BadAnswerError):
        BEDROCK.read_reply(raw)
    with suppress(BadAnswerError):
        BEDROCK.event_reader().feed(b"".join(provider.event(*each) for each in told))
    assert BEDROCK.read_error(500, raw).message


@settings(deadline=None)
@given(st.data())
def test_a_corrupt_stream_never_crashes(data):
    sound = bytearray(b"".join(call(ask(stream=True))[1]))
    for at in data.draw(st.lists(st.integers(0, len(sound) - 1), max_size=3)):
        sound[at] ^= data.draw(st.integers(1, 255))
    with suppress(BadAnswerError):
        read(data.draw(exchanges.cut(bytes(sound))))

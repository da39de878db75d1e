"""Gemini: what is said passes its simulator, what cannot be said is refused by name."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.providers import gemini as provider
from support import exchanges
from support.coherent import coherent
from support.examples import examples
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.gemini import GEMINI, LEFT_OUT
from volano.wire.exchange import (
    Ask,
    Audio,
    Began,
    CannotSayError,
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

MODEL = "gemini-3-pro"
HEADERS = {":method": "POST", "x-goog-api-key": provider.KEY, "content-type": "application/json"}
SAID = "Hello wörld 你好 🎡"
WEATHER = Tool("weather", schema=msgspec.Raw(b'{"type":"object"}'))
SEEN = Usage(input=12, output=8, cached=4, reasoning=3, audio_input=2)


def ask(*parts, **fields) -> Ask:
    return Ask(MODEL, [Turn("user", list(parts) or [Text("Hi")])], **fields)


def said(asked: Ask) -> dict:
    body = json.loads(GEMINI.write_ask(asked))
    provider.check_body(body, asked.model)
    return body


def call(asked: Ask, act: str = "ok"):
    status, _, chunks = provider.answer(GEMINI.path(asked), HEADERS, GEMINI.write_ask(asked), act)
    data = chunks if isinstance(chunks, bytes) else [c for c in chunks if isinstance(c, bytes)]
    return status, data


conversations = exchanges.conversations(named=False, redacted=True).map(coherent)


@pytest.mark.slow
@examples(300)
@given(exchanges.asks(conversations))
def test_all_that_can_be_said_is_accepted(asked):
    asked.model = MODEL
    with suppress(CannotSayError):
        said(asked)


@settings(deadline=None)
@given(
    exchanges.asks(conversations, without=("seed", "n", "logprobs", "parallel_tools", "reasoning"))
)
def test_what_gemini_has_words_for_is_not_refused(asked):
    asked.model, asked.parallel_tools = MODEL, None
    body = said(asked)
    config = body.get("generationConfig", {})
    assert config.get("maxOutputTokens") == asked.max_tokens
    assert config.get("topK") == asked.top_k
    assert config.get("stopSequences") == asked.stop


def test_each_part_in_its_words():
    body = said(
        ask(
            Text("Look"),
            Image(data="aWk=", media_type="image/png", detail="high"),
            Image(url="https://example.org/a.jpg"),
            Audio("aWk=", "wav"),
            File(data="aWk=", media_type="application/pdf", name="a.pdf"),
        )
    )
    assert body["contents"][0]["parts"] == [
        {"text": "Look"},
        {"inlineData": {"mimeType": "image/png", "data": "aWk="},
         "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}},
        {"fileData": {"fileUri": "https://example.org/a.jpg", "mimeType": "image/jpeg"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "aWk="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "aWk="}},
    ]  # fmt: skip


def test_a_tools_way_there_and_back():
    turns = [
        Turn("system", [Text("Be kind.")]),
        Turn("user", [Text("Weather?")]),
        Turn("assistant", [
            Thinking("hm", "gemini." + provider.SIGNATURE), ToolUse("a", "weather", '{"city":"Ulm"}'),
            ToolUse("b", "weather", ""),
        ]),
        Turn("user", [ToolResult("a", [Text("rain")])]),
        Turn("user", [ToolResult("b", [Text("no city"), Image(data="aWk=", media_type="image/png")],
                                 is_error=True), Text("Well?")]),
    ]  # fmt: skip
    body = said(Ask(MODEL, turns, tools=[WEATHER], tool_choice=ToolChoice("tool", "weather")))
    assert body["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
    assert body["toolConfig"] == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}
    }
    assert body["contents"][1:] == [
        {"role": "model", "parts": [
            {"text": "hm", "thought": True},
            {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Ulm"}},
             "thoughtSignature": provider.SIGNATURE},
            {"functionCall": {"id": "b", "name": "weather", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "a", "name": "weather", "response": {"output": "rain"}}},
            {"functionResponse": {"id": "b", "name": "weather", "response": {"error": "no city"},
             "parts": [{"inlineData": {"mimeType": "image/png", "data": "aWk="}}]}},
            {"text": "Well?"},
        ]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "signature"), [(MODEL, provider.DUMMY), ("gemini-2.5-pro", None)]
)
def test_calls_that_lost_their_signature_get_the_documented_word(model, signature):
    turns = [Turn("user", [Text("x")]), Turn("assistant", [
        Thinking("y", "signed by another provider"), ToolUse("a", "weather", "{}")])]  # fmt: skip
    called = said(Ask(model, turns))["contents"][1]["parts"][1]
    assert called.get("thoughtSignature") == signature


@pytest.mark.parametrize(
    ("wish", "config"),
    [
        (
            Reasoning(effort="low", summary="auto"),
            {"thinkingLevel": "LOW", "includeThoughts": True},
        ),
        (Reasoning(budget_tokens=100), {"thinkingBudget": 100}),
        (Reasoning(off=True), {"thinkingBudget": 0}),
        (Reasoning(effort="none"), {"thinkingBudget": 0}),
    ],
)
def test_thought_is_measured(wish, config):
    assert said(ask(reasoning=wish))["generationConfig"]["thinkingConfig"] == config


def test_forms_of_answers():
    schema = msgspec.Raw(b'{"type":"object"}')
    body = said(ask(format=Format("schema", schema, name="x", description="An x.")))
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"description": "An x.", "type": "object"},
    }
    assert said(ask(format=Format("json")))["generationConfig"] == {
        "responseMimeType": "application/json"
    }
    strict = said(ask(tools=[Tool("x", strict=True)]))
    assert strict["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (ask(n=2), "n"),
        (ask(logprobs=True), "logprobs"),
        (ask(seed=1 << 40), "seed"),
        (ask(stop=list("abcdef")), "stop"),
        (ask(tools=[WEATHER], parallel_tools=False), "parallel_tool_calls"),
        (ask(tools=[Tool("1x")]), "tools"),
        (ask(tool_choice=ToolChoice("any")), "tool_choice"),
        (ask(reasoning=Reasoning(effort="max")), "reasoning_effort"),
        (ask(reasoning=Reasoning(effort="low", budget_tokens=1)), "reasoning_effort"),
        (ask(service_tier="reserved"), "service_tier"),
        (ask(extra={"logit_bias": msgspec.Raw(b'{"1":2}')}), "logit_bias"),
        (ask(ToolResult("nobody", [Text("x")])), "messages[0].tool_call_id"),
        (ask(File(file_id="file-1")), "messages[0].content[0].file"),
        (ask(Audio("aWk=", "pcm16")), "messages[0].content[0].input_audio.format"),
        (ask(Text("")), "messages[0].content"),
        (Ask(MODEL, [Turn("user", [Text("x")], name="Bo")]), "messages[0].name"),
        (Ask(MODEL, [Turn("system", [Text("x")])]), "messages"),
        (Ask(MODEL, [Turn("user", [Text("x")]), Turn("system", [Text("x")])]), "messages[1]"),
        (Ask(MODEL, [Turn("assistant", [ToolUse("a", "b", "[1]")])]),
         "messages[0].tool_calls[0].function.arguments"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(asked, param):
    with pytest.raises(CannotSayError) as refused:
        GEMINI.write_ask(asked)
    assert refused.value.param == param


def test_harmless_fields_are_left_out_with_a_reason():
    extra = {"store": msgspec.Raw(b"false"), "logit_bias": msgspec.Raw(b"{}"),
             "prompt_cache_key": msgspec.Raw(b'"x"'), "modalities": msgspec.Raw(b'["text"]'),
             "cachedContent": msgspec.Raw(b'"cachedContents/1"'), "echo": msgspec.Raw(b"null")}  # fmt: skip
    body = said(ask(user="u", metadata={"a": "b"}, wants_usage=True, extra=extra))
    assert set(body) == {"contents", "cachedContent"}
    assert all(LEFT_OUT.values())


def test_the_path():
    assert GEMINI.path(ask()) == "/v1beta/models/gemini-3-pro:generateContent"
    assert GEMINI.path(ask(stream=True)).endswith(":streamGenerateContent?alt=sse")


def test_a_whole_answer():
    status, body = call(ask())
    reply = GEMINI.read_reply(body)
    assert status == 200
    assert reply.parts == [
        Thinking("Let me think.", "gemini." + provider.SIGNATURE), Text(SAID),
    ]  # fmt: skip
    assert (reply.id, reply.model, reply.finish) == ("mAitaLmkHPPlz7IPvtfUqQ4", MODEL, "stop")
    assert reply.usage == SEEN


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "ids"), [(MODEL, ["fc0x", "fc1x"]), ("gemini-2.5-pro", None)]
)  # fmt: skip
def test_tools_are_called_and_answered(model, ids, stream):
    asked = Ask(model, [Turn("user", [Text("?")])], tools=[WEATHER], stream=stream)
    _, data = call(asked, "tools")
    if stream:
        events = read(data)[0]
        reply = exchanges.whole(events)
    else:
        reply = GEMINI.read_reply(data)
    uses = [part for part in reply.parts if isinstance(part, ToolUse)]
    assert reply.finish == "tools"
    assert [json.loads(use.arguments) for use in uses] == [{"city": "Ulm"}, {"city": "köln"}]
    assert len({use.id for use in uses}) == 2
    assert ids in (None, [use.id for use in uses])
    asked.turns += [Turn("assistant", reply.parts),
                    Turn("user", [ToolResult(use.id, [Text("rain")]) for use in uses])]  # fmt: skip
    assert call(asked)[0] == 200


@pytest.mark.parametrize(("act", "finish"), [("blocked", "filter"), ("safety", "filter")])
def test_a_refusal_of_the_provider(act, finish):
    assert GEMINI.read_reply(call(ask(), act)[1]).finish == finish
    events, reader = read(call(ask(stream=True), act)[1])
    assert isinstance(events[-1], Finished)
    assert events[-1].finish == finish
    assert reader.complete


def read(chunks):
    reader = GEMINI.event_reader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events, reader


@settings(deadline=None)
@given(st.data())
def test_a_stream_cut_anywhere_says_the_same(data):
    sound = b"".join(call(ask(stream=True))[1])
    events, reader = read(data.draw(exchanges.cut(sound)))
    assert reader.complete
    assert isinstance(events[0], Opened)
    assert events[-1] == Finished("stop", usage=SEEN)
    begun = [e.index for e in events if isinstance(e, Began)]
    assert begun == [e.index for e in events if isinstance(e, Ended)] == [0, 1, 2]
    parts = exchanges.whole(events).parts
    assert parts == [
        Thinking("Let me think."), Text(SAID), Thinking("", "gemini." + provider.SIGNATURE),
    ]  # fmt: skip


@settings(deadline=None)
@given(st.integers(0, 2000))
def test_a_stream_that_ends_early_is_not_complete(length):
    sound = b"".join(call(ask(stream=True))[1])
    events, reader = read([sound[: min(length, len(sound) - 1)]])
    assert not reader.complete
    assert not any(isinstance(event, Finished) for event in events)


def test_an_error_in_mid_stream():
    events, reader = read(call(ask(stream=True), "error")[1])
    assert events[-1] == Failed("The model is overloaded.", "server_error", 503)
    assert not reader.complete


@pytest.mark.parametrize(
    ("act", "kind", "code"),
    [
        ("status-400", "invalid_request_error", "INVALID_ARGUMENT"),
        ("status-403", "permission_error", "PERMISSION_DENIED"),
        ("status-404", "not_found_error", "NOT_FOUND"),
        ("status-429", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        ("status-503", "server_error", "UNAVAILABLE"),
    ],
)
def test_errors(act, kind, code):
    status, body = call(ask(), act)
    fault = GEMINI.read_error(status, body)
    assert (fault.kind, fault.code) == (kind, code)
    assert fault == GEMINI.read_error(status, b"[" + body + b"]")


def test_a_wrong_key_is_the_keys_fault():
    headers = {**HEADERS, "x-goog-api-key": "wrong"}
    status, _, body = provider.answer(GEMINI.path(ask()), headers, GEMINI.write_ask(ask()), "ok")
    assert GEMINI.read_error(status, body).kind == "authentication_error"


json_bodies = exchanges.json_values.map(lambda value: json.dumps(value).encode())
crooked = st.recursive(
    exchanges.json_values,
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(["candidates", "content", "parts", "text", "functionCall", "name", "args",
                         "finishReason", "usageMetadata", "promptTokenCount", "error", "index",
                         "promptFeedback", "blockReason", "thoughtSignature", "message", "code"]),
        inner, max_size=4),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())  # fmt: skip


@examples(300)
@given(crooked | st.binary(max_size=60))
def test_a_crooked_answer_is_a_bad_answer_and_nothing_else(body):
    with suppress(BadAnswerError):
        GEMINI.read_reply(body)
    with suppress(BadAnswerError):
        GEMINI.event_reader().feed(b"data: " + body.replace(b"\n", b"") + b"\n\n")
    assert GEMINI.read_error(500, body).message


def test_an_answer_nested_beyond_reason():
    for body in (b"[" * 100_000, b'{"candidates":' * 50_000):
        with pytest.raises(BadAnswerError):
            GEMINI.read_reply(body)
        assert GEMINI.read_error(500, body).kind == "server_error"

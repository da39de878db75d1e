"""The dialect `openai.chat`, against itself, recorded shapes and the official package."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionToolChoiceOptionParam,
    ChatCompletionToolParam,
    completion_create_params,
)

from support import hostile, params
from support.exchanges import (
    answers,
    asks,
    conversations,
    cut,
    replies,
    streams,
    usages,
    whole,
    words,
)
from volano.wire import sse
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.openai_chat import CHAT
from volano.wire.exchange import (
    Ask,
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
    Reply,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
    Turn,
    Usage,
)
from volano.wire.openai import FieldError, MalformedError

sayable = asks(
    conversations(
        answer_kinds=("text", "refusal", "tool_use"), errors=False, cached=False, signed=False
    ),
    without=("top_k",),
)
sayable_replies = replies(answers(signed=False), usage=usages(without=("cache_written_1h",)))


def said(ask: Ask) -> dict:
    return json.loads(CHAT.write_ask(ask))


def read(body: dict) -> Ask:
    return CHAT.read_ask(json.dumps(body).encode())


def hello(**fields) -> dict:
    return {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **fields}


# round trips


@given(sayable)
def test_an_ask_is_read_as_it_was_written(ask):
    assert CHAT.read_ask(CHAT.write_ask(ask)) == ask


@given(sayable_replies)
def test_a_reply_is_read_as_it_was_written(reply):
    assert CHAT.read_reply(CHAT.write_reply(reply, Ask("m", []))) == reply


@given(streams(sayable_replies), st.data())
def test_a_stream_is_read_as_it_was_written_wherever_it_is_cut(events, data):
    writer = CHAT.event_writer(Ask("m", [], stream=True, wants_usage=True))
    sent = b"".join(writer.write(event) for event in events)
    reader = CHAT.event_reader()
    heard = [event for piece in data.draw(cut(sent)) for event in reader.feed(piece)]
    assert reader.complete
    assert whole(heard) == whole(events)
    spans = [event for event in heard if isinstance(event, Began | Ended)]
    assert [type(event) for event in spans] == [Began, Ended] * (len(spans) // 2)
    assert isinstance(heard[0], Opened)
    assert isinstance(heard[-1], Finished)


# the official package


MESSAGES = params.adapter(list[ChatCompletionMessageParam])
TOOLS = params.adapter(list[ChatCompletionToolParam])
CHOICE = params.adapter(ChatCompletionToolChoiceOptionParam)
FORMAT = params.adapter(completion_create_params.ResponseFormat)
BODY = params.adapter(completion_create_params.CompletionCreateParams)


@given(sayable)
def test_the_official_types_know_every_request(ask):
    body = said(ask)
    params.check(MESSAGES, body["messages"])
    params.check(BODY, body)
    for name, kind in (("tools", TOOLS), ("tool_choice", CHOICE), ("response_format", FORMAT)):
        if name in body:
            params.check(kind, body[name])


@given(sayable_replies)
def test_the_official_types_know_every_reply(reply):
    completion = ChatCompletion.model_validate_json(
        CHAT.write_reply(reply, Ask("m", [])), strict=True
    )
    assert (completion.id, completion.model) == (reply.id, reply.model)
    message = completion.choices[0].message
    uses = [part for part in reply.parts if isinstance(part, ToolUse)]
    assert len(message.tool_calls or []) == len(uses)
    if reply.usage:
        assert completion.usage.total_tokens == reply.usage.input + reply.usage.output


@given(streams(sayable_replies), st.booleans())
def test_the_official_client_puts_a_stream_together(events, wants_usage):
    writer = CHAT.event_writer(Ask("m", [], stream=True, wants_usage=wants_usage))
    sent = b"".join(writer.write(event) for event in events)
    data = [said for _, said in sse.events(sent)]
    assert data[-1] == b"[DONE]"
    state = ChatCompletionStreamState()
    for each in data[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(each, strict=True))
    put = state.current_completion_snapshot
    reply = whole(events)
    message = put.choices[0].message
    assert message.content == "".join(p.text for p in reply.parts if isinstance(p, Text))
    calls = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []]
    assert calls == [(p.id, p.name, p.arguments) for p in reply.parts if isinstance(p, ToolUse)]
    assert (put.usage is not None) == wants_usage


# hostile input


@given(sayable.map(CHAT.write_ask).flatmap(hostile.spoiled))
def test_a_spoiled_request_is_read_or_refused_by_name(body):
    with contextlib.suppress(MalformedError, FieldError):
        CHAT.read_ask(body)


@given(sayable_replies.map(lambda r: CHAT.write_reply(r, Ask("m", []))).flatmap(hostile.spoiled))
def test_a_spoiled_reply_is_read_or_refused(body):
    try:
        reply = CHAT.read_reply(body)
    except BadAnswerError:
        return
    CHAT.write_reply(reply, Ask("m", []))


@given(streams(sayable_replies), st.data())
def test_a_spoiled_stream_is_read_or_refused(events, data):
    writer = CHAT.event_writer(Ask("m", [], wants_usage=True))
    bodies = [said for e in events for _, said in sse.events(writer.write(e))]
    at = data.draw(st.integers(0, len(bodies) - 2))
    bodies[at] = data.draw(hostile.spoiled(bodies[at]))
    reader = CHAT.event_reader()
    with contextlib.suppress(BadAnswerError):
        for body in bodies:
            reader.feed(sse.event(body))


@pytest.mark.parametrize("body", [*hostile.TOO_DEEP, *hostile.NOT_JSON])
def test_no_body_breaks_the_readers(body):
    with pytest.raises((MalformedError, FieldError)):
        CHAT.read_ask(body)
    with pytest.raises(BadAnswerError):
        CHAT.read_reply(body)
    with pytest.raises(BadAnswerError):
        CHAT.event_reader().feed(b"data: " + body + b"x\n\n")
    assert CHAT.read_error(500, body).message


@given(st.binary() | st.sampled_from(hostile.ODD).map(lambda v: json.dumps({"error": v}).encode()))
def test_an_error_is_always_read(body):
    fault = CHAT.read_error(400, body)
    assert fault.message
    CHAT.write_error(400, fault.message, kind=fault.kind)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": 3, "messages": []}, "model"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        (
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"model": "m", "messages": [{"role": "assistant", "audio": {"id": "a"}}]},
            "messages[0].audio",
        ),
        (hello(temperature="warm"), "temperature"),
        (hello(max_tokens=-1), "max_tokens"),
        (hello(seed=1 << 70), "seed"),
        (hello(max_tokens=1, max_completion_tokens=2), "max_tokens"),
        (hello(stop=[1]), "stop[0]"),
        (hello(tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
        (hello(response_format={"type": "json_schema"}), "response_format.json_schema"),
        (hello(stream_options={"include_usag": True}), "stream_options.include_usag"),
    ],
)
def test_a_wrong_field_is_named(body, param):
    with pytest.raises(FieldError) as caught:
        read(body)
    assert caught.value.param == param


# recorded shapes, from the public reference


def test_a_documented_request_with_everything():
    ask = read(
        {
            "model": "gpt-5.4",
            "messages": [
                {"role": "developer", "content": "You are helpful."},
                {
                    "role": "user",
                    "name": "ada",
                    "content": [
                        {"type": "text", "text": "What is in these?"},
                        {
                            "type": "image_url",
                            "image_url": {"url": "https://a.org/x.png", "detail": "low"},
                        },
                        {
                            "type": "image_url",
                            "image_url": {"url": "data:image/jpeg;base64,/9j/4A=="},
                        },
                        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
                        {
                            "type": "file",
                            "file": {
                                "filename": "a.pdf",
                                "file_data": "data:application/pdf;base64,JVBERi0=",
                            },
                        },
                        {"type": "file", "file": {"file_id": "file-6F2ksmvXxt4VdoqmHRw6kL"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "audio": None,
                    "tool_calls": [
                        {
                            "id": "call_abc123",
                            "type": "function",
                            "function": {
                                "name": "get_current_weather",
                                "arguments": '{\n"location": "Boston, MA"\n}',
                            },
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_abc123", "content": "21 C"},
                {
                    "role": "tool",
                    "tool_call_id": "call_2",
                    "content": [{"type": "text", "text": "no"}],
                },
                {"role": "user", "content": "Thanks"},
            ],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "get_current_weather",
                        "description": "Get the current weather in a given location",
                        "parameters": {
                            "type": "object",
                            "properties": {"location": {"type": "string"}},
                        },
                        "strict": True,
                    },
                }
            ],
            "tool_choice": "required",
            "parallel_tool_calls": False,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "math", "strict": True, "schema": {"type": "object"}},
            },
            "stop": "END",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 300,
            "reasoning_effort": "none",
            "safety_identifier": "u1",
            "store": False,
            "temperature": None,
        }
    )
    assert ask.turns[0] == Turn("system", [Text("You are helpful.")])
    assert ask.turns[1].name == "ada"
    assert ask.turns[1].parts[1:3] == [
        Image(url="https://a.org/x.png", detail="low"),
        Image("/9j/4A==", "image/jpeg"),
    ]
    assert ask.turns[1].parts[4] == File("JVBERi0=", "application/pdf", name="a.pdf")
    assert ask.turns[2].parts == [
        ToolUse("call_abc123", "get_current_weather", '{\n"location": "Boston, MA"\n}')
    ]
    assert ask.turns[3] == Turn(
        "user", [ToolResult("call_abc123", [Text("21 C")]), ToolResult("call_2", [Text("no")])]
    )
    assert ask.turns[4] == Turn("user", [Text("Thanks")])
    assert ask.tools[0].strict
    assert (ask.tool_choice.kind, ask.parallel_tools) == ("any", False)
    assert (ask.format.kind, ask.format.name) == ("schema", "math")
    assert (ask.stop, ask.max_tokens, ask.wants_usage) == (["END"], 300, True)
    assert (ask.reasoning, ask.user) == (Reasoning(off=True), "u1")
    assert set(ask.extra) == {"store"}
    assert CHAT.read_ask(CHAT.write_ask(ask)) == ask


COMPLETION = b"""{
  "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion",
  "created": 1741569952, "model": "gpt-4.1-2025-04-14",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!", "refusal": null,
    "annotations": []}, "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0,
      "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}},
  "service_tier": "default"}"""


def test_a_documented_completion():
    assert CHAT.read_reply(COMPLETION) == Reply(
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "gpt-4.1-2025-04-14",
        [Text("Hello!")],
        usage=Usage(19, 10, cached=4, reasoning=3),
        created_s=1741569952,
    )


def test_calls_that_lack_index_and_finish_as_some_servers_stream_them():
    reader = CHAT.event_reader()
    chunks = [
        {"id": "c", "model": "m", "choices": [{"delta": {"role": "assistant", "reasoning": "hm"}}]},
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]
                    }
                }
            ]
        },
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [{"id": "b", "function": {"name": "g", "arguments": "{}"}}]
                    }
                }
            ]
        },
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1}},
    ]
    events = [e for chunk in chunks for e in reader.feed(sse.event(json.dumps(chunk).encode()))]
    assert not reader.complete
    events += reader.feed(b"data: [DONE]\n\n")
    assert reader.complete
    assert whole(events).parts == [Thinking("hm"), ToolUse("a", "f", "{}"), ToolUse("b", "g", "{}")]
    assert events[-1] == Finished("tools", usage=Usage(1))


def test_an_error_in_mid_stream_ends_it():
    reader = CHAT.event_reader()
    events = reader.feed(
        b'data: {"error":{"message":"boom","type":"server_error","code":null}}\n\ndata: [DONE]\n\n'
    )
    assert events == [Failed("boom")]
    assert not reader.complete
    written = CHAT.event_writer(Ask("m", [])).write(events[0])
    assert json.loads(sse.data_of(written))["error"]["message"] == "boom"


def test_a_stream_without_a_finish_is_a_bad_answer():
    reader = CHAT.event_reader()
    reader.feed(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
    with pytest.raises(BadAnswerError):
        reader.feed(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("body", "message", "kind", "code"),
    [
        (
            b'{"error":{"message":"You exceeded","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}',
            "You exceeded",
            "insufficient_quota",
            "insufficient_quota",
        ),
        (b'{"error":"model not found"}', "model not found", "rate_limit_error", None),
        (b'{"detail":"nope"}', "nope", "rate_limit_error", None),
        (b"<html>", "<html>", "rate_limit_error", None),
        (b"", "The provider answered with status 429.", "rate_limit_error", None),
    ],
)
def test_errors_as_servers_say_them(body, message, kind, code):
    assert CHAT.read_error(429, body) == (message, kind, code)


# what it cannot say


def turns(*parts, role="user") -> list[Turn]:
    return [Turn("system", [Text("s")]), Turn("user", [Text("u")]), Turn(role, list(parts))]


@pytest.mark.parametrize(
    ("ask", "param"),
    [
        (Ask("m", turns(), top_k=3), "top_k"),
        (Ask("m", turns(), n=2), "n"),
        (Ask("m", turns(), logprobs=True), "logprobs"),
        (Ask("m", turns(), extra={"container": msgspec.Raw(b'"c"')}), "container"),
        (Ask("m", turns(), extra={"modalities": msgspec.Raw(b'["text","audio"]')}), "modalities"),
        (Ask("m", turns(File(url="https://a.org"))), "messages[2].content[0]"),
        (
            Ask("m", turns(Text("t"), ToolResult("a", [Text("t"), Image(url="u")]))),
            "messages[2].content[1]",
        ),
        (Ask("m", turns(Image(url="u"), role="assistant")), "messages[2].content[0]"),
        (Ask("m", turns(), extra={"store": msgspec.Raw(b"true")}), "store"),
    ],
)
def test_what_cannot_be_said_is_named(ask, param):
    with pytest.raises(CannotSayError) as caught:
        CHAT.write_ask(ask)
    assert caught.value.param == param


def test_what_changes_nothing_is_left_out():
    ask = Ask(
        "m",
        [Turn("assistant", [Thinking("t", "sig"), Text("x", "1h")])],
        format=Format("schema", msgspec.Raw(b"{}")),
        reasoning=Reasoning(budget_tokens=20000, summary="auto"),
        tools=[Tool("f", cache_ttl="5m")],
        extra={"modalities": msgspec.Raw(b'["text"]'), "cache_control": msgspec.Raw(b"{}")},
    )
    body = said(ask)
    assert body["messages"] == [{"role": "assistant", "content": "x"}]
    assert body["response_format"]["json_schema"]["name"] == "answer"
    assert body["reasoning_effort"] == "high"
    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert not {"modalities", "cache_control"} & set(body)


def test_a_failed_tool_is_said_in_words():
    ask = Ask("m", [Turn("user", [ToolResult("a", [Text("no file")], is_error=True)])])
    assert said(ask)["messages"][0]["content"] == "Error: no file"


def test_marks_of_a_prefix_are_read_in_both_spellings():
    parts = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit"}},
    ]
    ask = read({"model": "m", "messages": [{"role": "user", "content": parts}]})
    assert ask.turns[0].parts == [Text("a", "1h"), Text("b", "30m")]
    assert said(ask)["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {
            "type": "text",
            "text": "b",
            "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"},
        },
    ]


def test_tools_that_are_no_functions_stay_extra_and_are_refused_elsewhere():
    ask = read(hello(tools=[{"type": "custom", "custom": {"name": "c"}}]))
    assert ask.tools == []
    with pytest.raises(CannotSayError) as caught:
        CHAT.write_ask(ask)
    assert caught.value.param == "tools[0].type"


@given(words)
def test_a_stream_without_usage_wanted_says_none(text):
    writer = CHAT.event_writer(Ask("m", []))
    sent = b"".join(
        writer.write(e)
        for e in (
            Opened("i", "m"),
            Began(0, Text("")),
            Delta(0, text),
            Ended(0),
            Finished("stop", usage=Usage(1)),
        )
    )
    assert b"usage" not in sent.replace(json.dumps(text).encode(), b"") or "usage" in text

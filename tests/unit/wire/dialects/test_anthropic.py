"""The dialect `anthropic.messages`, against itself, recorded shapes and the official package."""

import base64
import contextlib
import json

import msgspec
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import (
    ContentBlockParam,
    Message,
    RawMessageStreamEvent,
    message_create_params,
)
from anthropic.types.message_param import MessageParam
from anthropic.types.shared import ErrorResponse
from anthropic.types.tool_param import ToolParam
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from support import hostile, params
from support.exchanges import answers, asks, conversations, cut, replies, streams, usages, whole
from volano.wire import sse
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.anthropic import MESSAGES, Messages
from volano.wire.dialects.anthropic.ask_writer import DEFAULT_MAX_TOKENS
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
    Refusal,
    Reply,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
    Usage,
)
from volano.wire.openai import FieldError, MalformedError


def canonical(ask: Ask) -> Ask:
    """The ask as this API says it: always with a limit; of a format only the schema."""
    ask.max_tokens = ask.max_tokens or 100
    ask.wants_usage = ask.stream
    if ask.format is not None:
        ask.format = None if ask.format.kind == "text" else Format("schema", ask.format.schema)
    return ask


UNSAYABLE = ("seed", "presence_penalty", "frequency_penalty", "n", "logprobs", "metadata")
KINDS = ("text", "image", "file")
sayable = asks(
    conversations(
        kinds=KINDS,
        answer_kinds=("thinking", "text", "tool_use"),
        result_kinds=KINDS,
        named=False,
        signed=True,
        redacted=True,
    ),
    without=UNSAYABLE,
).map(canonical)
sayable_replies = replies(
    answers(("thinking", "text", "tool_use"), redacted=True),
    usage=usages(without=("audio_input", "audio_output")),
    stop_sequences=True,
    dated=False,
)
NOTHING = Ask("m", [])


def said(ask: Ask) -> dict:
    return json.loads(MESSAGES.write_ask(ask))


def read(body: dict) -> Ask:
    return MESSAGES.read_ask(json.dumps(body).encode())


def hello(**fields) -> dict:
    messages = [{"role": "user", "content": "Hi"}]
    return {"model": "m", "max_tokens": 9, "messages": messages, **fields}


def blocks(*content, role="user") -> dict:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": role, "content": list(content)}]}


# round trips


@given(sayable)
def test_an_ask_is_read_as_it_was_written(ask):
    assert MESSAGES.read_ask(MESSAGES.write_ask(ask)) == ask


@given(sayable_replies)
def test_a_reply_is_read_as_it_was_written(reply):
    assert MESSAGES.read_reply(MESSAGES.write_reply(reply, NOTHING)) == reply


@given(streams(sayable_replies, early_usage=True), st.data())
def test_a_stream_is_read_as_it_was_written_wherever_it_is_cut(events, data):
    writer = MESSAGES.event_writer(NOTHING)
    sent = b"".join(writer.write(event) for event in events)
    reader = MESSAGES.event_reader()
    heard = [event for piece in data.draw(cut(sent)) for event in reader.feed(piece)]
    assert reader.complete
    assert heard == events


# the official package


MESSAGE_PARAMS = params.adapter(list[MessageParam])
BLOCKS = params.adapter(list[ContentBlockParam])  # a message's may also be an answer's, less strict
TOOLS = params.adapter(list[ToolParam])
BODY = params.adapter(message_create_params.MessageCreateParams)


@given(sayable)
def test_the_official_types_know_every_request(ask):
    body = json.loads(Messages("2026-10-21").write_ask(unsampled(ask)))
    params.check(BODY, body)
    params.check(MESSAGE_PARAMS, body["messages"])
    params.check(TOOLS, body.get("tools", []))
    for message in body["messages"]:
        if isinstance(message["content"], list):
            params.check(BLOCKS, message["content"])


def unsampled(ask: Ask) -> Ask:
    ask.temperature = ask.top_p = ask.top_k = None
    return ask


@given(sayable_replies)
def test_the_official_types_know_every_reply(reply):
    message = Message.model_validate_json(MESSAGES.write_reply(reply, NOTHING), strict=True)
    assert (message.id, message.model) == (reply.id, reply.model)
    assert len(message.content) == len(reply.parts)
    usage = message.usage
    cached = usage.cache_creation_input_tokens + usage.cache_read_input_tokens
    assert usage.input_tokens + cached == reply.usage.input


EVENT = TypeAdapter(RawMessageStreamEvent)


@given(streams(sayable_replies))
def test_the_official_client_puts_a_stream_together(events):
    writer = MESSAGES.event_writer(NOTHING)
    sent = b"".join(writer.write(event) for event in events)
    put, buffers = None, {}
    for raw, data in sse.events(sent):
        event = EVENT.validate_json(data, strict=True)
        assert raw.startswith(b"event: " + event.type.encode() + b"\n")
        put = accumulate_event(event=event, current_snapshot=put, json_bufs=buffers)
    reply = whole(events)
    assert put.stop_reason is not None
    assert put.usage.output_tokens == reply.usage.output
    for block, part in zip(put.content, reply.parts, strict=True):
        match part:
            case ToolUse():
                assert (block.id, block.name) == (part.id, part.name)
                assert block.input == json.loads(part.arguments)
            case Thinking(redacted=True):
                assert block.data == part.text
            case Thinking():
                assert (block.thinking, block.signature) == (part.text, part.signature or "")
            case _:
                assert block.text == part.text


@given(st.integers(400, 599), st.sampled_from(["server_error", "rate_limit_error", "x"]))
def test_the_official_types_know_errors(status, kind):
    body = MESSAGES.write_error(status, "no", kind=kind, param="tools")
    if status != 413 and status != 409:
        assert ErrorResponse.model_validate_json(body).error.message == "tools: no"
    assert json.loads(MESSAGES.write_stream_error("no", kind=kind).split(b"data: ")[1])


# hostile input


@given(sayable.map(MESSAGES.write_ask).flatmap(hostile.spoiled))
def test_a_spoiled_request_is_read_or_refused_by_name(body):
    with contextlib.suppress(MalformedError, FieldError):
        MESSAGES.read_ask(body)


@given(sayable_replies.map(lambda r: MESSAGES.write_reply(r, NOTHING)).flatmap(hostile.spoiled))
def test_a_spoiled_reply_is_read_or_refused(body):
    with contextlib.suppress(BadAnswerError):
        MESSAGES.write_reply(MESSAGES.read_reply(body), NOTHING)


@given(streams(sayable_replies), st.data())
def test_a_spoiled_stream_is_read_or_refused(events, data):
    writer = MESSAGES.event_writer(NOTHING)
    bodies = [said for e in events for _, said in sse.events(writer.write(e))]
    at = data.draw(st.integers(0, len(bodies) - 1))
    bodies[at] = data.draw(hostile.spoiled(bodies[at]))
    reader = MESSAGES.event_reader()
    with contextlib.suppress(BadAnswerError):
        for body in bodies:
            reader.feed(sse.event(body))


@pytest.mark.parametrize("body", [*hostile.TOO_DEEP, *hostile.NOT_JSON])
def test_no_body_breaks_the_readers(body):
    for reader in (MESSAGES.read_ask, MESSAGES.read_count):
        with pytest.raises((MalformedError, FieldError)):
            reader(body)
    with pytest.raises(BadAnswerError):
        MESSAGES.read_reply(body)
    with pytest.raises(BadAnswerError):
        MESSAGES.event_reader().feed(b"data: " + body + b"x\n\n")
    assert MESSAGES.read_error(500, body).message


@given(st.binary() | st.sampled_from(hostile.ODD).map(lambda v: json.dumps({"error": v}).encode()))
def test_an_error_is_always_read(body):
    fault = MESSAGES.read_error(400, body)
    assert fault.message
    MESSAGES.write_error(400, fault.message, kind=fault.kind)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m", "messages": []}, "max_tokens"),
        ({"max_tokens": 1, "messages": []}, "model"),
        (hello(messages=[]), "messages"),
        (hello(messages=[{"role": "tool", "content": "x"}]), "messages[0].role"),
        (hello(messages=[{"role": "user", "content": []}]), "messages[0].content"),
        (hello(max_tokens=1.5), "max_tokens"),
        (hello(system=[{"type": "image"}]), "system[0].type"),
        (blocks({"type": "text"}), "messages[0].content[0].text"),
        (
            blocks({"type": "image", "source": {"type": "file", "file_id": "f"}}),
            "messages[0].content[0].source.type",
        ),
        (
            blocks(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": 1}],
                }
            ),
            "messages[0].content[0].content[0].text",
        ),
        (
            blocks({"type": "tool_use", "id": "t", "name": "n", "input": []}, role="assistant"),
            "messages[0].content[0].input",
        ),
        (
            blocks(
                {
                    "type": "document",
                    "source": {"type": "url", "url": "u"},
                    "citations": {"enabled": True},
                }
            ),
            "messages[0].content[0].citations",
        ),
        (hello(thinking={"type": "enabled"}), "thinking.budget_tokens"),
        (hello(tool_choice={"type": "tool"}), "tool_choice.name"),
        (hello(output_config={"format": {"type": "xml"}}), "output_config.format.type"),
        (hello(service_tier="gold"), "service_tier"),
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
            "model": "claude-opus-5-5",
            "max_tokens": 1024,
            "system": [
                {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
            ],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "See:"},
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": "image/jpeg",
                                "data": "/9j/4A==",
                            },
                            "cache_control": {"type": "ephemeral", "ttl": "1h"},
                        },
                        {"type": "image", "source": {"type": "url", "url": "https://a.org/x.png"}},
                        {
                            "type": "document",
                            "source": {
                                "type": "base64",
                                "media_type": "application/pdf",
                                "data": "JVBERi0=",
                            },
                            "title": "a.pdf",
                        },
                        {
                            "type": "document",
                            "source": {"type": "text", "media_type": "text/plain", "data": "Ünï"},
                            "citations": {"enabled": False},
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm", "signature": "EqQB"},
                        {"type": "redacted_thinking", "data": "EmwK"},
                        {"type": "text", "text": "Let me look.", "citations": None},
                        {
                            "type": "tool_use",
                            "id": "toolu_01",
                            "name": "get_weather",
                            "input": {"location": "Paris"},
                            "caller": {"type": "direct"},
                        },
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "toolu_01", "content": "15 degrees"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_02",
                            "is_error": True,
                            "content": [
                                {"type": "text", "text": "x"},
                                {
                                    "type": "image",
                                    "source": {"type": "url", "url": "https://a.org"},
                                },
                            ],
                        },
                        {"type": "tool_result", "tool_use_id": "toolu_03"},
                        {"type": "text", "text": "And now?"},
                    ],
                },
                {"role": "system", "content": "Answer in French."},
            ],
            "tools": [
                {
                    "name": "get_weather",
                    "input_schema": {"type": "object"},
                    "cache_control": {"type": "ephemeral"},
                    "type": "custom",
                },
                {"type": "web_search_20250305", "name": "web_search"},
            ],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
            "output_config": {
                "effort": "high",
                "format": {"type": "json_schema", "schema": {"type": "object"}},
            },
            "metadata": {"user_id": "u1"},
            "service_tier": "standard_only",
            "stop_sequences": ["END"],
            "stream": True,
            "temperature": 1,
        }
    )
    assert [turn.role for turn in ask.turns] == ["system", "user", "assistant", "user", "system"]
    assert ask.turns[0].parts == [Text("Be brief.", "5m")]
    assert ask.turns[1].parts[1:] == [
        Image("/9j/4A==", "image/jpeg", cache_ttl="1h"),
        Image(url="https://a.org/x.png"),
        File("JVBERi0=", "application/pdf", name="a.pdf"),
        File(base64.b64encode("Ünï".encode()).decode(), "text/plain"),
    ]
    assert ask.turns[2].parts == [
        Thinking("Hm", "EqQB"),
        Thinking("EmwK", redacted=True),
        Text("Let me look."),
        ToolUse("toolu_01", "get_weather", '{"location": "Paris"}'),
    ]
    assert ask.turns[3].parts[1:] == [
        ToolResult("toolu_02", [Text("x"), Image(url="https://a.org")], is_error=True),
        ToolResult("toolu_03", []),
        Text("And now?"),
    ]
    assert ask.tools[0].cache_ttl == "5m"
    assert (ask.tool_choice, ask.parallel_tools) == (ToolChoice("any"), False)
    assert ask.reasoning == Reasoning("high", 2048, summary="auto")
    assert ask.format.kind == "schema"
    assert (ask.user, ask.service_tier, ask.stop) == ("u1", "default", ["END"])
    assert ask.stream
    assert ask.wants_usage
    assert set(ask.extra) == {"tools[1].type"}
    with pytest.raises(CannotSayError) as refused:
        MESSAGES.write_ask(ask)
    assert refused.value.param == "tools[1].type"
    del ask.extra["tools[1].type"]
    assert MESSAGES.read_ask(MESSAGES.write_ask(ask)) == ask


MESSAGE = b"""{
  "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF", "type": "message", "role": "assistant",
  "model": "claude-opus-5-5",
  "content": [{"type": "text", "text": "Hi! My name is Claude.", "citations": null}],
  "stop_reason": "end_turn", "stop_sequence": null, "container": null, "stop_details": null,
  "usage": {"input_tokens": 2095, "output_tokens": 503, "cache_creation_input_tokens": 2051,
    "cache_read_input_tokens": 51, "cache_creation": {"ephemeral_1h_input_tokens": 3,
      "ephemeral_5m_input_tokens": 2048}, "output_tokens_details": {"thinking_tokens": 7},
    "server_tool_use": null, "service_tier": "standard"}}"""


def test_a_documented_message():
    usage = Usage(4197, 503, cached=51, cache_written=2051, reasoning=7, cache_written_1h=3)
    assert MESSAGES.read_reply(MESSAGE) == Reply(
        "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "claude-opus-5-5",
        [Text("Hi! My name is Claude.")],
        usage=usage,
    )


STREAM = b"""event: message_start
data: {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Let me"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: content_block_start
data: {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ""}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 1}

event: something_new
data: {"type": "something_new"}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 89}}

event: message_stop
data: {"type": "message_stop"}

"""


def test_a_documented_stream_and_a_tool_without_arguments():
    reader = MESSAGES.event_reader()
    assert reader.feed(STREAM) == [
        Opened("msg_1", "claude", Usage(30, 1, cached=5)),
        Began(0, Thinking("")),
        Delta(0, "Let me"),
        Delta(0, signature="EqQB"),
        Ended(0),
        Began(1, ToolUse("toolu_1", "now", "")),
        Delta(1, "{}"),
        Ended(1),
        Finished("tools", usage=Usage(30, 89, cached=5)),
    ]
    assert reader.complete


def test_an_error_in_mid_stream_ends_it():
    reader = MESSAGES.event_reader()
    error = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    assert reader.feed(b"event: error\ndata: " + error + b"\n\n") == [
        Failed("Overloaded", "server_error", 529)
    ]
    assert not reader.complete
    written = MESSAGES.event_writer(NOTHING).write(Failed("boom", request_id="ab12"))
    assert json.loads(sse.data_of(written))["request_id"] == "ab12"
    assert written.startswith(b"event: error\n")
    assert json.loads(sse.data_of(written))["error"] == {"type": "api_error", "message": "boom"}


def test_blocks_of_its_own_tools_are_a_bad_answer():
    body = MESSAGE.replace(b'"type": "text"', b'"type": "server_tool_use"')
    with pytest.raises(BadAnswerError):
        MESSAGES.read_reply(body)


@pytest.mark.parametrize(
    ("status", "kind", "code", "said"),
    [
        (429, "rate_limit_error", "", "rate_limit_error"),
        (529, "server_error", "", "overloaded_error"),
        (503, "server_error", "", "overloaded_error"),
        (500, "server_error", "", "api_error"),
        (413, "invalid_request_error", "", "request_too_large"),
        (400, "invalid_request_error", "", "invalid_request_error"),
        (429, "insufficient_quota", "", "billing_error"),
        (403, "whatever", "", "permission_error"),
    ],
)
def test_errors_are_said_in_its_words(status, kind, code, said):
    body = json.loads(MESSAGES.write_error(status, "m", kind=kind, code=code))
    assert body["error"]["type"] == said
    assert body["type"] == "error"


def test_errors_are_read_into_openais_words():
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert MESSAGES.read_error(529, body) == ("Overloaded", "server_error", "overloaded_error")


def test_tokens_are_counted_without_a_limit():
    ask = MESSAGES.read_count(b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}')
    assert ask == Ask("m", [Turn("user", [Text("Hi")])])
    assert json.loads(MESSAGES.write_count(14)) == {"input_tokens": 14}


# what it cannot say


def turns(*parts, role="user", **fields) -> list[Turn]:
    """As a client of OpenAI's chat says them: the parts stand in messages[4]."""
    return [
        Turn("system", [Text("s")]),
        Turn("user", [Text("u")]),
        Turn("user", [ToolResult("a", []), ToolResult("b", [])]),
        Turn(role, list(parts), **fields),
    ]


HERE = turns(Text("x"))


@pytest.mark.parametrize(
    ("ask", "param"),
    [
        (Ask("m", HERE, n=2), "n"),
        (Ask("m", HERE, logprobs=True), "logprobs"),
        (Ask("m", HERE, top_logprobs=2), "top_logprobs"),
        (Ask("m", HERE, presence_penalty=0.5), "presence_penalty"),
        (Ask("m", HERE, seed=1), "seed"),
        (Ask("m", HERE, temperature=1.5), "temperature"),
        (Ask("m", HERE, service_tier="flex"), "service_tier"),
        (Ask("m", HERE, format=Format("json")), "response_format"),
        (Ask("m", HERE, extra={"logit_bias": msgspec.Raw(b'{"1":2}')}), "logit_bias"),
        (Ask("m", turns(Text("x"), Audio("UklG", "wav"))), "messages[4].content[1].input_audio"),
        (Ask("m", turns(File("/w==", "text/csv"))), "messages[4].content[0].file"),
        (Ask("m", turns(File("AA==", "image/tiff"))), "messages[4].content[0].file"),
        (
            Ask("m", turns(ToolResult("c", []), ToolResult("d", [File("AA==", "x/y")]))),
            "messages[5].content[0].file",
        ),
        (Ask("m", turns(Text("x"), name="ada")), "messages[4].name"),
        (Ask("m", turns(Image(url="u"), role="system")), "messages[4].content[0]"),
        (Ask("m", [Turn("system", [Text("x")])]), "messages"),
    ],
)
def test_what_cannot_be_said_is_named(ask, param):
    with pytest.raises(CannotSayError) as caught:
        MESSAGES.write_ask(ask)
    assert caught.value.param == param


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k"])
def test_the_newer_version_takes_no_sampling(field):
    dialect = Messages("2026-10-21")
    with pytest.raises(CannotSayError) as caught:
        dialect.write_ask(Ask("m", HERE, **{field: 0}))
    assert caught.value.param == field
    dialect.write_ask(Ask("m", HERE, temperature=1, top_p=1))


def test_what_changes_nothing_is_left_out():
    ask = Ask(
        "m",
        [
            Turn("assistant", [Thinking("unsigned"), Text(""), ToolUse("a", "f", "")]),
            Turn("assistant", [Thinking("unsigned")]),
            Turn("user", [Image(url="u", detail="high")]),
        ],
        n=1,
        logprobs=False,
        presence_penalty=0,
        metadata={"a": "b"},
        parallel_tools=False,
        tool_choice=ToolChoice("auto"),
        extra={"store": msgspec.Raw(b"false"), "verbosity": msgspec.Raw(b'"medium"')},
    )
    assert said(ask) == {
        "model": "m",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
            },
            {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]},
        ],
    }


def test_the_limit_leaves_room_for_thoughts():
    body = said(Ask("m", HERE, reasoning=Reasoning(budget_tokens=5000)))
    assert body["max_tokens"] == DEFAULT_MAX_TOKENS + 5000
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 5000}


@pytest.mark.parametrize(
    ("reasoning", "thinking", "config"),
    [
        (Reasoning("minimal"), {"type": "adaptive"}, {"effort": "low"}),
        (
            Reasoning("high", summary="auto"),
            {"type": "adaptive", "display": "summarized"},
            {"effort": "high"},
        ),
        (Reasoning(off=True), {"type": "disabled"}, None),
        (Reasoning(), {"type": "adaptive"}, None),
    ],
)
def test_how_much_thought(reasoning, thinking, config):
    body = said(Ask("m", HERE, reasoning=reasoning))
    assert (body["thinking"], body.get("output_config")) == (thinking, config)


@pytest.mark.parametrize("arguments", ["{", "[1]", "3", '{"a":"\\ud800"}', "[" * 100_000])
def test_arguments_that_are_no_object_are_wrapped(arguments):
    ask = Ask("m", [Turn("assistant", [ToolUse("a", "f", arguments)])])
    wrapped = {"INVALID_JSON": arguments}
    assert said(ask)["messages"][0]["content"][0]["input"] == wrapped
    reply = Reply("i", "m", [ToolUse("a", "f", arguments)], "length")
    assert json.loads(MESSAGES.write_reply(reply, ask))["content"][0]["input"] == wrapped


def test_a_tool_without_schema_takes_no_arguments():
    body = said(Ask("m", HERE, tools=[Tool("f")], parallel_tools=False))
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_what_a_format_is_for_is_said_in_its_schema():
    form = Format("schema", msgspec.Raw(b'{"type":"object"}'), "n", "A sum", strict=False)
    schema = said(Ask("m", HERE, format=form))["output_config"]["format"]["schema"]
    assert schema == {"description": "A sum", "type": "object"}


@pytest.mark.parametrize(
    ("part", "reason"),
    [(ToolUse("a", "f", "{}"), "tool_use"), (Refusal("no"), "refusal"), (Text("x"), "end_turn")],
)
def test_clients_see_tools_and_refusals_by_the_stop_reason(part, reason):
    assert (
        json.loads(MESSAGES.write_reply(Reply("i", "m", [part]), NOTHING))["stop_reason"] == reason
    )
    writer = MESSAGES.event_writer(NOTHING)
    sent = b"".join(
        map(writer.write, [Opened("i", "m"), Began(0, part), Ended(0), Finished("stop")])
    )
    assert b'"stop_reason":"%b"' % reason.encode() in sent


def test_a_pdf_is_known_by_its_beginning():
    data = base64.b64encode(b"%PDF-1.7").decode()
    body = said(Ask("m", [Turn("user", [File(data)])]))
    assert body["messages"][0]["content"][0]["source"]["media_type"] == "application/pdf"


def test_an_answer_without_a_word_is_left_out():
    turns = [Turn("user", [Text("a")]), Turn("assistant", [Text("")]), Turn("user", [Text("b")])]
    said = json.loads(MESSAGES.write_ask(Ask("m", turns, max_tokens=9)))["messages"]
    assert said == [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]

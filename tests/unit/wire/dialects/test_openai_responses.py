"""The Responses API: round trips, the official package's models, hostile bytes."""

import contextlib
import json

import httpx2
import msgspec
import openai
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from support import exchanges as ex
from support.examples import examples
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.openai_chat import CHAT
from volano.wire.dialects.openai_responses import RESPONSES
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

API = RESPONSES
NOT_SAID = (
    *("top_k", "stop", "seed", "presence_penalty", "frequency_penalty"),
    *("n", "logprobs", "wants_usage"),
)
USAGES = ex.usages(without=("audio_input", "audio_output", "cache_written_1h"))
EVENT = TypeAdapter(ResponseStreamEvent)

conversations = ex.conversations(
    kinds=("text", "image", "file"), result_kinds=("text", "image", "file"),
    named=False, errors=False, cached=False, redacted=True,
)  # fmt: skip
asks = ex.asks(conversations, without=NOT_SAID)
replies = ex.replies(ex.answers(redacted=True), usage=USAGES)
brief = examples(40)


def canonical(ask: Ask) -> Ask:
    """Turns of the assistant in a row are one; what is not strict is said so."""
    turns: list[Turn] = []
    for turn in ask.turns:
        if turns and turn.role == turns[-1].role == "assistant":
            turns[-1] = Turn("assistant", turns[-1].parts + turn.parts)
        else:
            turns.append(turn)
    tools = ask.tools and [
        msgspec.structs.replace(tool, strict=bool(tool.strict)) for tool in ask.tools
    ]
    return msgspec.structs.replace(ask, turns=turns, tools=tools, wants_usage=True)


def read(fields: dict) -> Ask:
    return API.read_ask(json.dumps({"model": "m", **fields}).encode())


# round trips


@brief
@given(asks)
def test_what_is_asked_is_read_back(ask):
    assert API.read_ask(API.write_ask(ask)) == canonical(ask)


@brief
@given(asks)
def test_a_second_writing_changes_nothing(ask):
    body = API.write_ask(API.read_ask(API.write_ask(ask)))
    assert API.write_ask(API.read_ask(body)) == body


@brief
@given(replies, asks)
def test_what_is_answered_is_read_back(reply, ask):
    body = API.write_reply(reply, ask)
    Response.model_validate_json(body, strict=False)
    assert API.read_reply(body) == reply


@brief
@given(ex.streams(replies), asks, st.data())
def test_what_is_streamed_is_read_back(events, ask, data):
    writer = API.event_writer(ask)
    sent = b"".join(writer.write(event) for event in events)
    reader = API.event_reader()
    got = [event for piece in data.draw(ex.cut(sent)) for event in reader.feed(piece)]
    assert reader.complete
    assert ex.whole(got) == ex.whole(events)
    assert [type(event) for event in got if not isinstance(event, Delta)] == [
        type(event) for event in events if not isinstance(event, Delta)
    ]


@brief
@given(ex.streams(replies), asks)
def test_every_event_is_the_official_packages(events, ask):
    writer = API.event_writer(ask)
    sent = b"".join(writer.write(event) for event in events)
    numbers = []
    for block in sent.split(b"\n\n")[:-1]:
        kind, data = block.split(b"\n", 1)
        event = EVENT.validate_json(data.removeprefix(b"data: "))
        assert kind == b"event: " + event.type.encode()
        numbers.append(event.sequence_number)
    assert numbers == list(range(len(numbers)))


@brief
@given(ex.streams(replies), asks)
def test_a_stream_ends_with_what_a_whole_answer_says(events, ask):
    whole = ex.whole(events)
    writer = API.event_writer(ask)
    sent = b"".join(writer.write(event) for event in events)
    last = json.loads(sent.split(b"\ndata: ")[-1])
    assert last["response"] == json.loads(API.write_reply(whole, ask))


# the official client


def client_of(body: bytes, kind: str = "text/event-stream") -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": kind})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http, max_retries=0)


@brief
@given(ex.streams(replies))
def test_the_official_client_accumulates_the_stream(events):
    whole = ex.whole(events)
    ids = [part.id for part in whole.parts if isinstance(part, ToolUse)]
    assume(len(ids) == len(set(ids)))
    writer = API.event_writer(Ask("m", []))
    sent = b"".join(writer.write(event) for event in events)
    seen = list(client_of(sent).responses.create(model="m", input="hi", stream=True))
    final = seen[-1].response
    assert final.output_text == "".join(p.text for p in whole.parts if isinstance(p, Text))
    with client_of(sent).responses.stream(model="m", input="hi") as stream:
        kinds = [event.type for event in stream]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    if final.status == "completed":
        with client_of(sent).responses.stream(model="m", input="hi") as stream:
            done = stream.get_final_response()
        assert done.id == whole.id
        calls = [item for item in done.output if item.type == "function_call"]
        assert [(call.call_id, call.arguments) for call in calls] == [
            (part.id, part.arguments) for part in whole.parts if isinstance(part, ToolUse)
        ]


def test_the_official_client_sees_an_error_in_mid_stream():
    sent = API.write_stream_error("gone", kind="server_error")
    (event,) = client_of(sent).responses.create(model="m", input="hi", stream=True)
    assert (event.type, event.message, event.code) == ("error", "gone", "server_error")


def test_a_failed_answer_says_so():
    writer = API.event_writer(Ask("m", []))
    sent = writer.write(Opened("r", "m"))
    sent += writer.write(Failed("too many", "rate_limit_error", 429))
    *_, event = client_of(sent).responses.create(model="m", input="hi", stream=True)
    assert (event.type, event.sequence_number) == ("response.failed", 2)
    assert event.response.error.code == "rate_limit_exceeded"
    reader = API.event_reader()
    assert reader.feed(sent)[-1] == Failed("too many", "rate_limit_error", 429)
    assert reader.complete


def test_a_failed_answer_holds_what_was_said_so_far():
    writer = API.event_writer(Ask("m", []))
    sent = b"".join(
        map(
            writer.write,
            [
                Opened("r", "m"),
                Began(0, Thinking("")), Delta(0, "hm"), Ended(0),
                Began(1, Text("")), Delta(1, "one "), Ended(1),
                Began(2, Text("")), Delta(2, "két"),
                Began(3, ToolUse("c1", "look_up", "")), Delta(3, '{"ci'),
                Began(4, Thinking("")), Delta(4, "and"),
                Failed("gone", code="upstream_cut"),
            ],
        )
    )  # fmt: skip
    *_, error, event = client_of(sent).responses.create(model="m", input="hi", stream=True)
    assert (error.code, event.response.error.code) == ("upstream_cut", "server_error")
    assert error.sequence_number + 1 == event.sequence_number
    first, message, tool, second = event.response.output
    assert [part.text for part in first.summary] == ["hm"]
    assert [part.text for part in message.content] == ["one ", "két"]
    assert tool.arguments == '{"ci'
    assert [part.text for part in second.summary] == ["and"]
    status = [item.status for item in event.response.output]
    assert status == ["completed", *["incomplete"] * 3]


def test_an_answer_that_fails_between_its_parts_holds_them():
    writer = API.event_writer(Ask("m", []))
    said = [Opened("r", "m"), Began(0, Text("")), Delta(0, "one"), Ended(0), Failed("gone")]
    sent = b"".join(map(writer.write, said))
    *_, event = client_of(sent).responses.create(model="m", input="hi", stream=True)
    assert [part.text for part in event.response.output[0].content] == ["one"]


# requests as the documentation has them


def test_a_conversation_with_a_tool():
    ask = read(
        {
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "What is the weather in Paris?"},
                {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
                {
                    "type": "function_call",
                    "id": "fc_67ca09c6bedc8190a7abfec07b1a1332",
                    "call_id": "call_unLAR8MvFNptuiZK6K6HCy5k",
                    "name": "get_weather",
                    "arguments": '{"latitude":48.8566}',
                    "status": "completed",
                },
                {"type": "function_call_output", "call_id": "call_unLAR8", "output": "14"},
            ],
            "tools": [
                {
                    "type": "function",
                    "name": "get_weather",
                    "parameters": {"type": "object"},
                    "strict": True,
                }
            ],
            "tool_choice": {"type": "function", "name": "get_weather"},
            "parallel_tool_calls": False,
            "reasoning": {"effort": "medium", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
            "max_output_tokens": 300,
            "truncation": "disabled",
            "previous_response_id": None,
        }
    )
    assert ask.turns == [
        Turn("system", [Text("Be brief.")]),
        Turn("user", [Text("What is the weather in Paris?")]),
        Turn(
            "assistant",
            [
                Thinking("gAAA", redacted=True),
                ToolUse("call_unLAR8MvFNptuiZK6K6HCy5k", "get_weather", '{"latitude":48.8566}'),
            ],
        ),
        Turn("user", [ToolResult("call_unLAR8", [Text("14")])]),
    ]
    assert ask.tools == [Tool("get_weather", None, msgspec.Raw(b'{"type": "object"}'), True)]
    assert ask.tool_choice == ToolChoice("tool", "get_weather")
    assert ask.reasoning == Reasoning(effort="medium", summary="auto")
    assert set(ask.extra) == {"include", "store"}


def test_pictures_files_and_sound():
    ask = read(
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "what's this?"},
                        {"type": "input_image", "image_url": "https://x.org/a.png"},
                        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                        {"type": "input_file", "file_url": "https://x.org/a.pdf"},
                        {"type": "input_file", "file_id": "file-6F2ksmvXxt4VdoqmHRw6kL"},
                        {
                            "type": "input_file",
                            "filename": "draconomicon.pdf",
                            "file_data": "data:application/pdf;base64,JVBE",
                        },
                        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
                    ],
                }
            ]
        }
    )
    assert ask.turns[0].parts[1:6] == [
        Image(url="https://x.org/a.png"),
        Image(data="AAAA", media_type="image/png"),
        File(url="https://x.org/a.pdf"),
        File(file_id="file-6F2ksmvXxt4VdoqmHRw6kL"),
        File(data="JVBE", media_type="application/pdf", name="draconomicon.pdf"),
    ]


def test_a_sound_is_refused_by_name():
    said = Ask("m", [Turn("user", [Audio("UklG", "wav")])])
    with pytest.raises(CannotSayError) as caught:
        API.write_ask(said)
    assert caught.value.param == "messages[0].content[0].input_audio"


def test_structured_outputs():
    form = {"type": "json_schema", "name": "event", "schema": {"type": "object"}, "strict": True}
    ask = read({"input": "hi", "text": {"format": form, "verbosity": "low"}})
    schema = msgspec.Raw(b'{"type": "object"}')
    assert ask.format == Format("schema", schema, "event", None, True)
    assert json.loads(API.write_ask(ask))["text"] == {"format": form, "verbosity": "low"}
    assert read({"input": "hi", "text": {"format": {"type": "json_object"}}}).format == Format(
        "json"
    )


def test_what_an_answer_was_can_be_asked_again():
    reply = Reply("r", "m", [Thinking("so", "sig"), Text("a"), ToolUse("c", "f", "{}")], "tools")
    output = json.loads(API.write_reply(reply, Ask("m", [])))["output"]
    ask = read({"input": [*output, {"role": "user", "content": "and?"}]})
    assert ask.turns[0] == Turn("assistant", reply.parts)


def test_a_documented_answer():
    body = {
        "id": "resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41",
        "object": "response",
        "created_at": 1741476777,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-4o-2024-08-06",
        "output": [
            {"id": "rs_1", "type": "reasoning", "summary": []},
            {
                "type": "message",
                "id": "msg_67ccd3acc8d48190a77525dc6de64b4104becb25c45c1d41",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "A boardwalk.", "annotations": []}],
            },
        ],
        "usage": {
            "input_tokens": 328,
            "input_tokens_details": {"cached_tokens": 8},
            "output_tokens": 52,
            "output_tokens_details": {"reasoning_tokens": 3},
            "total_tokens": 380,
        },
    }
    reply = API.read_reply(json.dumps(body).encode())
    assert reply.parts == [Text("A boardwalk.")]
    assert reply.usage == Usage(input=328, output=52, cached=8, reasoning=3)
    assert (reply.finish, reply.created_s) == ("stop", 1741476777)
    body |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert API.read_reply(json.dumps(body).encode()).finish == "length"


def test_a_terse_provider_is_made_up_for():
    item = {"type": "message", "content": [{"type": "output_text", "text": "hello"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    lines = [
        {"type": "response.output_text.delta", "output_index": 0, "delta": "hel"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 1, "item": call},
        {
            "type": "response.completed",
            "response": {"id": "r", "status": "completed", "output": [item, call]},
        },
    ]
    sent = b"".join(b"data: %b\n\n" % json.dumps(line).encode() for line in lines)
    assert API.event_reader().feed(sent) == [
        Opened("", ""),
        Began(0, Text("")),
        Delta(0, "hel"),
        Delta(0, "lo"),
        Ended(0),
        Began(1, ToolUse("c", "f", "")),
        Delta(1, "{}"),
        Ended(1),
        Finished("tools"),
    ]


def test_thoughts_in_several_pieces_are_one():
    item = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": t} for t in ("one", "two")],
        "encrypted_content": "enc",
    }
    reply = API.read_reply(json.dumps({"status": "completed", "output": [item]}).encode())
    assert reply.parts == [Thinking("one\n\ntwo", "enc")]
    kind = "response.reasoning_summary_text.delta"
    lines = [
        {"type": kind, "output_index": 0, "summary_index": 0, "delta": "one"},
        {"type": kind, "output_index": 0, "summary_index": 1, "delta": "two"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]
    sent = b"".join(b"data: %b\n\n" % json.dumps(line).encode() for line in lines)
    assert ex.whole(API.event_reader().feed(sent)).parts == reply.parts


def test_parts_said_at_the_same_time():
    writer = API.event_writer(Ask("m", []))
    events = [
        Opened("r", "m"),
        Began(0, Text("")),
        Began(1, ToolUse("c", "f", "")),
        Delta(0, "a"),
        Delta(1, "{}"),
        Ended(1),
        Ended(0),
        Began(2, Text("")),
        Delta(2, "b"),
        Ended(2),
        Finished("tools"),
    ]
    sent = b"".join(map(writer.write, events))
    with client_of(sent).responses.stream(model="m", input="hi") as stream:
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["message", "function_call", "message"]
    assert ex.whole(API.event_reader().feed(sent)).parts == [
        Text("a"),
        ToolUse("c", "f", "{}"),
        Text("b"),
    ]


# what cannot be said


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": "hi", "background": True}, "background"),
        ({"input": "hi", "tools": [{"type": "web_search", "filters": {}}]}, "tools[0].type"),
        ({"input": "hi", "tools": [{"type": "custom", "name": "x"}]}, "tools[0].type"),
        ({"input": "hi", "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"input": "hi", "tool_choice": "any"}, "tool_choice"),
        ({"input": [{"type": "web_search_call", "action": {}}]}, "input[0].type"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"type": "message", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "tool", "content": ""}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": "x", "odd": 1}]}, "input[0].odd"),
        ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": 3}, "input"),
        ({"input": [3]}, "input[0]"),
        ({"input": "hi", "temperature": "hot"}, "temperature"),
        ({"input": "hi", "max_output_tokens": 10**400}, "max_output_tokens"),
        ({"input": "hi", "metadata": {"a": 1}}, "metadata[...]"),
        ({"input": "hi", "include": ["everything"]}, "include[0]"),
        ({"input": "hi", "text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"input": "hi", "tools": [{"type": "function"}]}, "tools[0].name"),
        (
            {"input": "hi", "tools": [{"type": "function", "name": "f", "parameters": 3}]},
            "tools[0].parameters",
        ),
        ({"input": "hi", "model": None}, "model"),
    ],
)
def test_wrong_fields_are_named(fields, param):
    with pytest.raises(FieldError) as error:
        read(fields)
    assert error.value.param == param


def test_a_model_and_an_input_are_needed():
    with pytest.raises(FieldError) as error:
        API.read_ask(b'{"input":"hi"}')
    assert error.value.param == "model"
    with pytest.raises(FieldError) as error:
        API.read_ask(b'{"model":"m"}')
    assert error.value.param == "input"


@pytest.mark.parametrize(
    ("ask", "param"),
    [
        (Ask("m", [], top_k=3), "top_k"),
        (Ask("m", [], stop=["x"]), "stop"),
        (Ask("m", [], seed=3), "seed"),
        (Ask("m", [], n=2), "n"),
        (Ask("m", [], presence_penalty=0.5), "presence_penalty"),
        (Ask("m", [], logprobs=True), "logprobs"),
        (Ask("m", [], service_tier="standard_only"), "service_tier"),
        (Ask("m", [], metadata={"a": 1}), "metadata.a"),
        (Ask("m", [], extra={"logit_bias": msgspec.Raw(b'{"1":2}')}), "logit_bias"),
        (Ask("m", [Turn("user", [Text("a")], name="bob")]), "messages[0].name"),
        (Ask("m", [Turn("assistant", [Image(url="http://x")])]), "messages[0].content[0]"),
        (
            Ask(
                "m", [Turn("system", [Text("x")]), Turn("user", [Text("a"), Audio("UklG", "wav")])]
            ),
            "messages[1].content[1].input_audio",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(ask, param):
    with pytest.raises(CannotSayError) as error:
        API.write_ask(ask)
    assert error.value.param == param


def test_what_lies_at_openai_goes_only_there():
    ask = read({"input": "hi", "previous_response_id": "resp_1"})
    assert ask.extra == {"previous_response_id": msgspec.Raw(b'"resp_1"')}
    assert json.loads(API.write_ask(ask))["previous_response_id"] == "resp_1"


def test_what_has_no_word_is_said_in_others():
    failed = ToolResult("c", [Text("no such file")], is_error=True)
    ask = Ask("m", [Turn("user", [failed])], reasoning=Reasoning(budget_tokens=9000))
    body = json.loads(API.write_ask(ask))
    assert body["input"][0]["output"] == "Error: no such file"
    assert body["reasoning"] == {"effort": "medium"}


def test_a_codex_request_can_be_asked_of_other_apis():
    ask = read(
        {
            "instructions": "x",
            "input": [{"type": "message", "role": "user", "content": "hi"}],
            "tools": [],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "medium", "summary": "auto"},
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "0199",
            "stream_options": {"include_obfuscation": False},
            "text": {"verbosity": "medium"},
        }
    )
    body = json.loads(CHAT.write_ask(ask))
    assert (body["messages"][1]["content"], body["store"]) == ("hi", False)


# hostile bytes

GOOD = json.dumps(
    {
        "model": "m",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "x"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}]},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"a": [1]}}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
        "metadata": {"a": "b"},
        "store": True,
    }
)
odd_values = st.sampled_from(
    [
        "null", "true", "0", "-1", "1e999", "9" * 500, '""', '"\\ud800"', "[]", "{}", "[[]]",
        "[null]", '[{"type":null}]', '{"type":[]}', "[" * 5000, "[" * 5000 + "]" * 5000, "NaN",
        '{"a":' * 3000 + "1" + "}" * 3000,
    ]
)  # fmt: skip


@examples(150)
@given(st.data())
def test_nothing_hostile_gets_through(data):
    places = [i for i, c in enumerate(GOOD) if c in ":[,"]
    at = data.draw(st.sampled_from(places)) + 1
    value = data.draw(odd_values | st.text(max_size=5))
    end = data.draw(
        st.sampled_from([at, *[i for i, c in enumerate(GOOD) if c in ",]}" and i > at]])
    )
    body = (GOOD[:at] + value + GOOD[end:]).encode()
    try:
        ask = API.read_ask(body)
    except (FieldError, MalformedError):
        return
    try:
        API.write_ask(ask)
    except CannotSayError:
        return


@given(st.binary(max_size=60))
def test_no_bytes_break_the_readers(data):
    for readable, errors in (
        (API.read_ask, (FieldError, MalformedError)),
        (API.read_reply, BadAnswerError),
        (lambda data: API.event_reader().feed(b"data: " + data + b"\n\n"), BadAnswerError),
    ):
        with contextlib.suppress(errors):
            readable(data)
    API.read_error(500, data)


@examples(150)
@given(st.data())
def test_a_lying_provider_is_a_bad_answer(data):
    reply = Reply("r", "m", [Thinking("so"), Text("a"), ToolUse("c", "f", "{}")], usage=Usage(3, 4))
    good = API.write_reply(reply, Ask("m", [])).decode()
    writer = API.event_writer(Ask("m", []))
    events = [Opened("r", "m"), Began(0, Text("")), Delta(0, "a"), Ended(0), Finished("stop")]
    stream = b"".join(map(writer.write, events)).decode()
    for text, readable in ((good, API.read_reply), (stream, API.event_reader().feed)):
        at = data.draw(st.sampled_from([i for i, c in enumerate(text) if c in ":[,"])) + 1
        end = data.draw(st.integers(at, min(len(text), at + 40)))
        with contextlib.suppress(BadAnswerError):
            readable((text[:at] + data.draw(odd_values) + text[end:]).encode())

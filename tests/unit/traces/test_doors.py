"""What is read of the bodies that pass the doors, each in its dialect."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import exchanges
from support.hostile import NOT_JSON, TOO_DEEP, spoiled
from volano.gateway.door import DOORS
from volano.traces.content import Content, clean
from volano.traces.row import READERS
from volano.wire.dialects.all import SERVED, SERVED_EMBEDDINGS
from volano.wire.embeddings import EmbeddingAsk, EmbeddingReply
from volano.wire.exchange import Ask, Delta, Text, ToolUse, Turn, Usage

DIALECTS = ["openai.chat", "openai.responses", "anthropic.messages"]
UNSAID = {
    "openai.chat": ["cache_written", "cache_written_1h"],
    "openai.responses": ["audio_input", "audio_output", "cache_written_1h"],
    "anthropic.messages": ["audio_input", "audio_output"],
}
ASK = Ask("m", [Turn("user", [Text("hello")])], wants_usage=True, stream=True)
MESSAGE = {
    "type": "message",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "here."},
        {"type": "tool_use", "id": "t", "name": "find", "input": {"id": 7}},
    ],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 5,
        "output_tokens": 3,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 8, "ephemeral_5m_input_tokens": 12},
        "output_tokens_details": {"thinking_tokens": 2},
    },
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "It is here."}]},
        {"type": "function_call", "name": "find", "arguments": '{"id":7}'},
    ],
    "usage": {
        "input_tokens": 125,
        "output_tokens": 3,
        "input_tokens_details": {"cached_tokens": 100},
        "output_tokens_details": {"reasoning_tokens": 2},
    },
}


def dumped(value):
    return json.dumps(value).encode()


def events(*said):
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), dumped(e)) for e in said)


def expected_text(parts):
    words = "".join(part.text for part in parts if isinstance(part, Text))
    tools = [f"{p.name}({p.arguments})" for p in parts if isinstance(p, ToolUse)]
    return clean(words or "\n".join(tools) or None)


def loose(text):
    """Arguments may be written anew where they are JSON and not text in the dialect."""
    return None if text is None else "".join(text.split())


def test_every_door_has_a_reader():
    assert {door.name for door in DOORS} == set(READERS)


def test_a_whole_message():
    request = dumped({"messages": [{"role": "user", "content": "Where?"}]})
    assert READERS["anthropic.messages"](request, dumped(MESSAGE)) == Content(
        "Where?",
        "It is here.",
        125,
        3,
        "end_turn",
        Usage(125, 3, cached=100, cache_written=20, cache_written_1h=8, reasoning=2),
    )


def test_a_whole_response():
    given = [
        {"role": "user", "content": [{"type": "input_text", "text": "Where?"}]},
        {"type": "function_call_output", "call_id": "c", "output": "there"},
    ]
    assert READERS["openai.responses"](dumped({"input": given}), dumped(RESPONSE)) == Content(
        "Where?",
        "It is here.",
        125,
        3,
        "max_output_tokens",
        Usage(125, 3, cached=100, reasoning=2),
    )
    assert READERS["openai.responses"](b'{"input": "Once"}', b"").input_text == "Once"


def test_the_users_words_count_before_what_tools_answered():
    result = {"type": "tool_result", "tool_use_id": "t", "content": "there"}
    asked = [{"role": "user", "content": "Where?"}, {"role": "user", "content": [result]}]
    assert READERS["anthropic.messages"](dumped({"messages": asked}), b"").input_text == "Where?"
    only = READERS["anthropic.messages"](dumped({"messages": asked[1:]}), b"")
    assert only.input_text == "[tool_result]"


def test_a_cut_message_shows_its_text_and_has_no_usage():
    said = events(
        {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It"}},
    )
    content = READERS["anthropic.messages"](b"", said + b"event: content_block_del")
    assert content == Content(None, "It", 9, None, None, None)


def test_embeddings_have_texts_and_tokens():
    body = {"data": [{"embedding": [0.5] * 9}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}
    read = READERS["openai.embeddings"]
    found = read(b'{"input": ["a", "b"]}', dumped(body))
    assert found == Content("a\nb", prompt_tokens=4, usage=Usage(input=4))
    assert read(b'{"input": [[1, 2]]}', dumped(body)).input_text is None


def test_counting_tokens_costs_none():
    request = dumped({"messages": [{"role": "user", "content": "Where?"}]})
    read = READERS["anthropic.count_tokens"]
    assert read(request, b'{"input_tokens": 12}') == Content("Where?", usage=Usage())
    assert read(request, b'{"type": "error"}') == Content("Where?")


def test_a_completion():
    plain = b'{"choices":[{"index":0,"text":" upon"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
    found = READERS["openai.completions"](b'{"prompt": "Once"}', plain)
    assert found == Content("Once", " upon", 1, 1, None, Usage(1, 1))


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
def test_what_a_door_says_is_read_back_plain_and_streamed(name, data):
    parts = exchanges.answers(("thinking", "text", "tool_use"))
    usage = exchanges.usages(without=UNSAID[name])
    reply = data.draw(exchanges.replies(parts, usage=usage))
    plain = READERS[name](b"", SERVED[name].write_reply(reply, ASK))
    said = data.draw(exchanges.streams(st.just(reply), early_usage=name == "anthropic.messages"))
    writer = SERVED[name].event_writer(ASK)
    pieces = [writer.write(event) for event in said]
    streamed = READERS[name](b"", b"".join(pieces))
    for found in (plain, streamed):
        assert loose(found.output_text) == loose(expected_text(reply.parts))
        assert (found.prompt_tokens, found.completion_tokens) == (
            reply.usage.input,
            reply.usage.output,
        )
        assert found.finish
    assert plain.usage == reply.usage
    hour = 0 if name == "anthropic.messages" else reply.usage.cache_written_1h
    if streamed.usage.cache_written_1h != reply.usage.cache_written_1h:
        assert streamed.usage.cache_written_1h == hour


@pytest.mark.parametrize("name", DIALECTS)
def test_every_cut_of_a_stream_gives_a_beginning_of_the_answer(name):
    text = "我的订单在哪里"
    reply = exchanges.Reply("i", "m", [Text(text)], usage=Usage(7, 2))
    writer = SERVED[name].event_writer(ASK)
    said = [
        exchanges.Opened("i", "m"),
        exchanges.Began(0, Text("")),
        *(Delta(0, char) for char in text),
        exchanges.Ended(0),
        exchanges.Finished("stop", None, reply.usage),
    ]
    body = b"".join(writer.write(event) for event in said)
    lengths = []
    for end in range(len(body)):
        found = READERS[name](b"", body[:end]).output_text or ""
        assert text.startswith(found)
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(text)


@pytest.mark.parametrize("name", sorted(READERS))
@given(data=st.data())
def test_whatever_comes_nothing_is_raised_and_texts_can_be_stored(name, data):
    whole = MESSAGE if name.startswith("anthropic") else RESPONSE
    start = {"type": "message_start", "message": MESSAGE}
    block = {"type": "content_block_start", "index": 0, "content_block": MESSAGE["content"][3]}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"partial_json": "{}"}}
    item = {"type": "response.output_item.added", "output_index": 1, "item": RESPONSE["output"][2]}
    more = {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"}
    done = {"type": "response.completed", "response": RESPONSE}
    asked = dumped({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
                    "input": [{"role": "user", "content": [{"type": "text", "text": "y"}]}]})  # fmt: skip
    request = data.draw(spoiled(asked))
    stream = b"".join(
        b"data: " + data.draw(spoiled(dumped(event))) + b"\n\n"
        for event in (start, block, delta, item, more, done)
    )
    for response in (data.draw(spoiled(dumped(whole))), stream):
        content = READERS[name](request, response)
        for text in (content.input_text, content.output_text, content.finish):
            assert text is None or "\0" not in text.encode().decode()


@pytest.mark.parametrize("name", sorted(READERS))
def test_odd_bodies_raise_nothing(name):
    for body in [*NOT_JSON, *TOO_DEEP, b"[]", b"data: {\n\n", b"data: 7\n\n", b"\xff\x00"]:
        for response in (body, b"data: " + body + b"\n\n"):
            assert READERS[name](body, response).output_text is None


def test_embeddings_are_read_back_from_the_doors_own_words():
    dialect = SERVED_EMBEDDINGS["openai.embeddings"]
    ask = EmbeddingAsk("m", ["a"])
    body = dialect.write_reply(EmbeddingReply("m", [[0.25, 1.0]], 3), ask)
    assert READERS["openai.embeddings"](b"", body).usage == Usage(input=3)

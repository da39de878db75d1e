import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.traces.content import MAX_TEXT_CHARS, Content, read_content
from volano.wire.exchange import Usage


def asked(*messages, **more):
    return json.dumps({"messages": list(messages)} | more).encode()


def user(content):
    return {"role": "user", "content": content}


def sse(*chunks, end=b"\n\n", done=True):
    lines = [b"data: " + json.dumps(chunk, ensure_ascii=False).encode() for chunk in chunks]
    return end.join([*lines, b"data: [DONE]"] if done else lines) + end


def delta(text=None, finish=None, index=0, **more):
    return {
        "choices": [{"index": index, "delta": {"content": text} | more, "finish_reason": finish}]
    }


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


def test_a_plain_chat():
    response = {
        "choices": [
            {"index": 1, "message": {"content": "other"}, "finish_reason": "length"},
            {"index": 0, "message": {"content": "Szállítás"}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3},
    }
    request = asked(user("alt"), {"role": "assistant", "content": "x"}, user("Hol a csomagom?"))
    assert read_content(request, json.dumps(response).encode()) == Content(
        "Hol a csomagom?", "Szállítás", 12, 3, "stop", Usage(12, 3)
    )


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_a_stream(end):
    body = sse(delta(""), delta("Гд"), delta("е?"), delta(None, "stop"), USAGE, end=end)
    assert read_content(b"", body) == Content(None, "Где?", 7, 2, "stop", Usage(7, 2))


def test_a_stream_with_comments_event_names_and_data_over_several_lines():
    body = b": ping\n\nevent: message\n"
    body += b'data: {"choices":\ndata: [{"delta":{"content":"hi"}}]}\nid: 1\n\n'
    assert read_content(b"", body).output_text == "hi"


def test_every_cut_of_a_stream_gives_a_beginning_of_the_answer():
    body = sse(delta("我的"), delta("订单"), delta("在哪里"), delta(None, "stop"), USAGE)
    for cut in range(len(body)):
        text = read_content(b"", body[:cut]).output_text
        assert text is None or "我的订单在哪里".startswith(text)
    assert read_content(b"", body[: body.rindex(b"data: [DONE]")]).prompt_tokens == 7


def test_broken_utf8_costs_a_character_and_not_the_text():
    request = asked(user("Grüße")).replace(b"\\u00fc", b"\xfc")
    assert read_content(request, b"").input_text == "Gr\ufffdße"
    assert (
        read_content(b"", b'data: {"choices":[{"delta":{"content":"a\xffb"}}]}\n\n').output_text
        == "a\ufffdb"
    )


def test_lone_surrogates_and_nul_become_text_that_a_database_takes():
    content = read_content(
        b'{"messages":[{"role":"user","content":"a\\ud83d b\\u0000c \\ud83d\\ude00"}]}', b""
    )
    assert content.input_text == "a\ufffd b\ufffdc 😀"


def test_text_is_nfc_and_has_a_limit():
    assert read_content(asked(user("e\u0301")), b"").input_text == "é"
    assert len(read_content(asked(user("x" * 10**6)), b"").input_text) == MAX_TEXT_CHARS


def test_parts_are_joined_and_what_is_no_text_shows_its_type():
    parts = [{"type": "text", "text": "What"}, {"type": "image_url", "image_url": {}}, "is it?", 7]
    assert read_content(asked(user(parts)), b"").input_text == "What\n[image_url]\nis it?"


def test_without_a_user_message_the_last_one_counts_and_prompts_are_read():
    assert read_content(asked({"role": "system", "content": "only"}), b"").input_text == "only"
    assert read_content(b'{"prompt": "Once"}', b'{"choices":[{"text":" upon"}]}') == Content(
        "Once", " upon"
    )


def test_tool_calls_and_refusals_are_the_answer_when_there_is_no_text():
    def call(arguments, name=None):
        return delta(
            None, tool_calls=[{"index": 0, "function": {"name": name, "arguments": arguments}}]
        )

    body = sse(call("", "find"), call('{"id":'), call("7}"), delta(None, "tool_calls"))
    content = read_content(b"", body)
    assert (content.output_text, content.finish) == ('find({"id":7})', "tool_calls")
    assert (
        read_content(b"", b'{"choices":[{"message":{"content":null,"refusal":"No."}}]}').output_text
        == "No."
    )


@pytest.mark.parametrize("count", [True, -1, 1.5, "7", None, 2**60, [1]])
def test_odd_counts_are_no_counts(count):
    body = json.dumps({"usage": {"prompt_tokens": count, "completion_tokens": 1}}).encode()
    content = read_content(b"", body)
    assert (content.prompt_tokens, content.completion_tokens) == (None, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b"null",
        b'{"messages": [null, {"role": "user"}, 7]}',
        b'{"messages": {"role": "user"}}',
        b'{"choices": [null, {"message": []}, {"delta": 7, "tool_calls": 1}]}',
        b'{"choices": [{"message": {"tool_calls": [null, {"function": {"name": 7}}]}}]}',
        b"data: {\n\ndata: [[[\n\n",
    ],
)
def test_odd_bodies_raise_nothing(body):
    assert read_content(body, body) == Content()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "role",
                    "content",
                    "choices",
                    "message",
                    "delta",
                    "index",
                    "usage",
                    "text",
                    "prompt_tokens",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "finish_reason",
                    "type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(JSON, JSON, st.binary(max_size=20))
def test_whatever_comes_nothing_is_raised_and_texts_can_be_stored(request_, response, noise):
    body = json.dumps(response).encode()
    for answer in (body, b"data: " + body + b"\n\n" + noise, noise):
        content = read_content(json.dumps(request_).encode() + noise, answer)
        for text in (content.input_text, content.output_text, content.finish):
            assert text is None or "\0" not in text.encode().decode()

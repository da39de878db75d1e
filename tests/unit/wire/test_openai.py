import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from volano.wire import openai
from volano.wire.openai import FieldError, MalformedError, kind_of, read_chat, rewrite, with_model

TRICKY = [
    b'{"model":"a","messages":[{}]}',
    b'{ "messages" : [{"model":"a"}] , "model" : "a" }',
    b'{"messages":[{"role":"user","content":"\\"model\\":\\"a\\""}],"model":"a"}',
    b'{"mod\\u0065l":"a","messages":[{}],"metadata":{"model":"a"}}',
    b'{"model":"x","messages":[{}],"model":"a"}',
    b'{"model":"a","messages":[{"role":"model","content":"model"}]}',
    '{"model":"ä\\"\\\\","messages":[{"role":"user","content":"你好 🎡"}]}'.encode(),
]


@pytest.mark.parametrize("body", TRICKY)
def test_only_the_top_level_model_is_replaced(body):
    read_chat(body)
    for out in (with_model(body, b'"router"'), rewrite(body, {"model": b'"router"'})):
        before, after = json.loads(body), json.loads(out)
        assert after.pop("model") == "router"
        before.pop("model")
        assert after == before
        assert out.count(b'"router"') == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["model", '"model":']),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["model", "messages", "x"]) | st.text(), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@examples(300)
@given(
    st.dictionaries(st.text(), values, max_size=4), st.text(), st.text(), st.booleans(),
    st.sampled_from([None, 2]),
)  # fmt: skip
def test_splicing_any_request_changes_the_model_alone(extra, name, new, ascii_only, indent):
    fields = {**extra, "model": name, "messages": [{}]}
    for checked in openai.ChatRequest.__struct_fields__:
        if checked not in ("model", "messages"):
            fields.pop(checked, None)
    try:
        body = json.dumps(fields, ensure_ascii=ascii_only, indent=indent).encode()
    except UnicodeEncodeError:
        return
    assert read_chat(body).model == name
    out = json.loads(with_model(body, json.dumps(new).encode()))
    assert out == {**fields, "model": new}


def test_values_pass_byte_for_byte():
    body = b'{"messages":[1.50, 1e400, 12345678901234567890123],"model":"a","seed":-0}'
    assert b"[1.50, 1e400, 12345678901234567890123]" in rewrite(body, {"model": b'"b"'})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages":[]}', "model"),
        (b'{"model":"a"}', "messages"),
        (b'{"model":1,"messages":[]}', "model"),
        (b'{"model":"a","messages":{}}', "messages"),
        (b'{"model":"a","messages":[ ]}', "messages"),
        (b'{"model":"a","messages":null}', "messages"),
        (b'{"model":"a","messages":[],"stream":"yes"}', "stream"),
        (b'{"model":"a","messages":[],"max_tokens":"10"}', "max_tokens"),
        (b'{"model":"a","messages":[],"temperature":[]}', "temperature"),
        (b'{"model":"a","messages":[],"stream_options":{"include_usage":3}}',
         "stream_options.include_usage"),
        (b"[]", None),
        (b"3", None),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(body, param):
    with pytest.raises(FieldError) as caught:
        read_chat(body)
    assert caught.value.param == param
    assert param is None or param in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"model":"a","messages":[]} x', b'{"model":"a","messages":["\xff"]}',
        b'{"model":"a","messages":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"model":"a","messages":[01]}', b'{"model":"a","messages":[NaN]}',
        b'\xef\xbb\xbf{"model":"a","messages":[]}',
    ],
)  # fmt: skip
def test_what_is_not_json_in_utf8_is_malformed(body):
    with pytest.raises(MalformedError):
        read_chat(body)


def test_defaults_fill_only_what_is_missing():
    out = rewrite(b'{"model":"a","temperature":1}', {}, {"temperature": b"0", "max_tokens": b"9"})
    assert json.loads(out) == {"model": "a", "temperature": 1, "max_tokens": 9}


def messages(*rows):
    body = json.dumps({"model": "a", "messages": list(rows)}, ensure_ascii=False).encode()
    return read_chat(body).messages


def test_the_last_user_message_is_wrapped():
    rows = [{"role": "user", "content": "first"}, {"role": "user", "content": "Hol van? 你好"},
            {"role": "assistant", "content": "x"}]  # fmt: skip
    out = json.loads(openai.wrap_messages(messages(*rows), b'{"role":"system"}', ("<", ">")))
    assert out[0] == {"role": "system"}
    assert [m["content"] for m in out[1:]] == ["first", "<Hol van? 你好>", "x"]


def test_parts_are_wrapped_around_their_texts():
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}},
             {"type": "text", "text": "b"}]  # fmt: skip
    out = json.loads(
        openai.wrap_messages(messages({"role": "user", "content": parts}), b"", ("<", ">"))
    )
    assert [p.get("text") for p in out[0]["content"]] == ["<a", None, "b>"]


def test_a_message_that_is_no_object_is_named():
    with pytest.raises(FieldError, match="messages"):
        openai.wrap_messages(messages("hi"), b"", ("<", ">"))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[DONE]", "done"),
        (b'{"choices":[{"delta":{"role":"assistant","content":""}}]}', "other"),
        (b'{"choices":[{"delta":{"role":"assistant","content":null}}]}', "other"),
        (b'{"choices":[{"delta":{"content":"x"}}],"usage":null}', "content"),
        (b'{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}', "content"),
        (b'{"choices":[],"usage":{"prompt_tokens":1}}', "usage"),
        (b'{"choices": [], "usage":null}', "other"),
        (b'{"error":{"message":"x"}}', "error"),
        (b"not json", "other"),
        (b"\xff", "other"),
        (b'{"choices":[{"delta":{"audio":{"data":"UklG"}}}]}', "content"),
        (b'{"choices":[{"delta":{"reasoning":"Hm"}}]}', "content"),
        (b'{"choices":[{"delta":{"function_call":{"arguments":"{"}}}]}', "content"),
    ],
)
def test_events_of_a_chat_stream_are_told_apart(data, kind):
    assert kind_of(data) == kind

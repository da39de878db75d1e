"""What counts of a request: nothing that could change the answer is left out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.gateway.door import BY_PATH, DOORS
from volano.gateway.words import asked, repeatable

DOOR = {door.name: door for door in DOORS}
MESSAGES = [{"role": "user", "content": "Where is my parcel?"}]


def words(value, door="openai.chat", *, any_channel=False):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return asked(door, body, DOOR[door].peek(body), any_channel=any_channel)


def chat(**more):
    return {"model": "support", "messages": MESSAGES, **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"user": "anna"}, {"user": "ben"}),
        ({"safety_identifier": "1"}, {"safety_identifier": "22"}),
        ({"metadata": {"a": "1"}}, {"metadata": {"b": {"c": 2}}}),
        ({"user": "anna", "n": 1}, {"user": "", "n": 1}),
    ],
)
def test_who_asks_does_not_count(one, other):
    assert words(chat(**one)) == words(chat(**other))


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0}, {"stream": True}, {"stream_options": {"include_usage": True}},
        {"max_tokens": 5}, {"tools": [{"type": "function", "function": {"name": "user"}}]},
        {"user": "anna"}, {"seed": 1}, {"unheard_of": 1},
    ],
)  # fmt: skip
def test_all_else_counts(more):
    assert words(chat(**more)) != words(chat())


def test_the_same_names_deeper_count():
    """A name that only looks like the ignored one is never taken for it."""
    said = [{"role": "user", "content": "x", "user": "anna"}]
    other = [{"role": "user", "content": "x", "user": "ben"}]
    for top in ({}, {"user": "anna"}, {"user": "carl"}):
        assert words(chat(messages=said, **top)) != words(chat(messages=other, **top))
    for top in ({"user": "anna"}, {"user": "carl"}):
        assert words({**top, **chat(messages=said)}) != words({**top, **chat(messages=other)})


def test_names_twice_or_written_otherwise_are_left_as_they_are():
    twice = b'{"user":"a","model":"m","messages":[{"role":"user","content":"x"}],"user":"b"}'
    assert b'"a"' in words(twice)
    hidden = rb'{"\u0075ser":"a","model":"m","messages":[{"role":"user","user":"a"}]}'
    assert words(hidden) == hidden
    two = b'{"model":"m","messages":[1],"messages":[2],"user":"a"}'
    assert words(two) == two.replace(b'"a"', b"null")


def test_a_value_that_only_begins_alike_is_not_it():
    said = b'{"messages":[{"metadata":12}],"model":"m","metadata":1}'
    assert words(said) == said.replace(b'"metadata":1}', b'"metadata":null}')


def test_the_channels_name_counts_only_where_channels_do_not_share():
    one, other = chat(), {**chat(), "model": "support/staging"}
    assert words(one) != words(other)
    assert words(one, any_channel=True) == words(other, any_channel=True)


def test_the_responses_api_says_back_who_asked():
    body = {"model": "m", "input": "x", "user": "anna", "metadata": {"a": "b"}}
    assert words(body, "openai.responses") == json.dumps(body).encode()


@pytest.mark.parametrize("name", ["background", "conversation", "previous_response_id"])
def test_what_depends_on_former_calls_is_not_repeated(name):
    body = json.dumps({"model": "m", "input": "x", name: "y"}).encode()
    assert not repeatable("openai.responses", body)
    assert repeatable("openai.chat", body)
    assert repeatable("openai.responses", b'{"model":"m","input":"x"}')


TEXT = st.text(max_size=5)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.sampled_from(["user", "metadata"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["user", "metadata", "model", "safety_identifier"]) | TEXT, inner, max_size=3
    ),
    max_leaves=8,
)  # fmt: skip


@given(extra=st.dictionaries(st.sampled_from(["tools", "x", "stop", "model_"]), JSON),
       metadata=JSON, user=TEXT, ascii_only=st.booleans(), first=st.booleans())  # fmt: skip
def test_only_top_level_values_are_ever_left_out(extra, metadata, user, ascii_only, first):
    """Whatever stands around: read again, all but the ignored values is as it was."""
    who = {"user": user, "metadata": metadata}
    value = {**who, **chat(**extra)} if first else {**chat(**extra), **who}
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    found = json.loads(words(body, any_channel=True))
    assert found.keys() == value.keys()
    for name, was in value.items():
        assert found[name] == was or (name in {*who, "model"} and found[name] is None)


def test_every_door_has_its_words():
    bodies = {
        "openai.completions": {"prompt": "x"}, "openai.embeddings": {"input": "x"},
        "openai.responses": {"input": "x"}, "openai.chat": {"messages": MESSAGES},
        "anthropic.messages": {"messages": MESSAGES, "max_tokens": 1},
        "anthropic.count_tokens": {"messages": MESSAGES},
    }  # fmt: skip
    assert {door.name for door in BY_PATH.values()} == bodies.keys()
    for door, more in bodies.items():
        body = {"model": "m", **more}
        assert words(body, door) == json.dumps(body).encode()

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
        ({"user": "anna"}, {}),
        ({"user": "anna", "n": 1}, {"n": 1}),
        ({"safety_identifier": "1"}, {}),
        ({"metadata": {"a": "1"}}, {}),
        ({"metadata": {"a": "1"}, "user": "anna", "safety_identifier": "1", "n": 1}, {"n": 1}),
    ],
)
@pytest.mark.parametrize("form", [{}, {"separators": (",", ":")}, {"indent": 2}])
def test_who_asks_does_not_count(one, other, form):
    def last(more):
        return words(json.dumps(chat(**more), **form).encode())

    def first(more):
        return words(json.dumps({**more, **chat()}, **form).encode())

    assert last(one) == last(other)
    assert first(one) == first(other)


@pytest.mark.parametrize(
    ("door", "more", "who"),
    [
        ("openai.completions", {"prompt": "x"}, {"user": "anna"}),
        ("openai.embeddings", {"input": "x"}, {"user": "anna"}),
        ("anthropic.messages", {"messages": MESSAGES}, {"metadata": {"user_id": "anna"}}),
    ],
)
def test_at_every_door_one_who_says_who_asks_gets_what_one_gets_who_does_not(door, more, who):
    body = {"model": "m", **more}
    assert words({**body, **who}, door) == words({**who, **body}, door) == words(body, door)


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0}, {"stream": True}, {"stream_options": {"include_usage": True}},
        {"max_tokens": 5}, {"tools": [{"type": "function", "function": {"name": "user"}}]},
        {"user": None}, {"seed": 1}, {"unheard_of": 1},
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
    assert words(two) == two.replace(b',"user":"a"', b"")


@pytest.mark.parametrize(
    "body",
    [
        b'{"x":"\\"user\\":1","model":"m","messages":[1],"user":"a"}',
        b'{"x":{"user\\"":1,"\\"user":2},"model":"m","messages":[1],"user":"a"}',
        b'{"x":{"metadata":{"a":1}},"model":"m","messages":[1],"metadata":{"a":1}}',
        b'{"metadata":{"a":1},"model":"m","messages":[1],"x":[{"metadata":{"a":1}}]}',
        b'{"x":1,"metadata" : 1 , "model":"m","messages":[1],"y":{"metadata":12}}',
        b'{ "user" : "a" , "model":"m","messages":[1],"y":"\\u0075"}',
        b'{"model":"m","messages":[1],"x":", \\"user\\":","user":"a,\\"b\\""}',
    ],
)
def test_what_only_looks_like_who_asks_stays(body):
    """Read again, it is the same but for the top level's own member, which is gone."""
    left = {k: v for k, v in json.loads(body).items() if k not in {"user", "metadata"}}
    assert json.loads(words(body)) == left


def test_two_members_of_one_name_are_another_question_than_one():
    once = b'{"model":"m","messages":[1],"metadata":{"a":1}}'
    twice = b'{"metadata":{"a":1},"model":"m","messages":[1],"metadata":{"a":1}}'
    hidden = rb'{"m\u0065tadata":{"a":1},"model":"m","messages":[1],"metadata":{"a":1}}'
    assert words(twice) == twice
    assert words(hidden) == hidden
    assert words(once) == b'{"model":"m","messages":[1]}'


def test_a_value_that_only_begins_alike_is_not_it():
    said = b'{"messages":[{"metadata":12}],"model":"m","metadata":1}'
    assert words(said) == said.replace(b',"metadata":1}', b"}")


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
       metadata=JSON, user=TEXT, ascii_only=st.booleans(), first=st.booleans(),
       form=st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}]))  # fmt: skip
def test_only_top_level_values_are_ever_left_out(extra, metadata, user, ascii_only, first, form):
    """Whatever stands around: read again, all but the ignored values is as it was."""
    who = {"user": user, "metadata": metadata}
    value = {**who, **chat(**extra)} if first else {**chat(**extra), **who}
    body = json.dumps(value, ensure_ascii=ascii_only, **form).encode()
    found = json.loads(words(body, any_channel=True))
    for name, was in value.items():
        assert found.get(name, was) == was
    assert value.keys() - found.keys() <= {*who, "model"}
    assert found.keys() <= value.keys()


@given(extra=st.dictionaries(st.sampled_from(["tools", "x", "stop"]), JSON), who=st.fixed_dictionaries(
    {"user": TEXT.filter(str.isalnum), "safety_identifier": TEXT.filter(str.isalnum)}),
    at=st.integers(0, 5), form=st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}]))  # fmt: skip
def test_a_member_that_was_left_out_leaves_no_trace(extra, who, at, form):
    """Wherever it stood; two that differ in anything else stay two."""
    items = list(chat(**extra).items())
    with_it = json.dumps(dict([*items[:at], *who.items(), *items[at:]]), **form).encode()
    without = json.dumps(dict(items), **form).encode()
    found = words(with_it)
    assert found == words(without) or found.count(b'"user"') > 1 or b"\\u" in with_it
    assert words(json.dumps({**dict(items), **who, "more": 1}, **form).encode()) != found


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

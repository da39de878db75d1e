"""Thoughts keep the mark of their maker outside, and reach nobody else."""

import json

import pytest

from volano.wire.exchange import Began, Delta, Reply, Text, Thinking, Turn
from volano.wire.thoughts import Marker, own, without_foreign

CLAUDE = "anthropic.claude-opus-4-5-v1:0"


def turns(*parts) -> list[Turn]:
    return [Turn("user", [Text("Hi")]), Turn("assistant", list(parts))]


def kept(part: Thinking, door: str, dialect: str, model: str = "m") -> Thinking | None:
    found = own(turns(part, Text("a")), door=door, dialect=dialect, model=model)[1].parts
    return found[0] if len(found) == 2 else None


@pytest.mark.parametrize(
    ("part", "door", "dialect", "model", "expected"),
    [
        (Thinking("t", "Eq"), "anthropic.messages", "anthropic.messages", "m", Thinking("t", "Eq")),
        (Thinking("t", "Eq"), "anthropic.messages", "openai.responses", "m", None),
        (Thinking("t", "Eq"), "anthropic.messages", "gemini.generate", "m", None),
        (Thinking("t", "Eq"), "anthropic.messages", "bedrock.converse", CLAUDE, Thinking("t", "Eq")),
        (Thinking("t", "Eq"), "anthropic.messages", "bedrock.converse", "amazon.nova", None),
        (Thinking("t", "anthropic.Eq"), "openai.responses", "anthropic.messages", "m",
         Thinking("t", "Eq")),
        (Thinking("t", "gAAA"), "openai.responses", "openai.responses", "m", Thinking("t", "gAAA")),
        (Thinking("t", "gemini.x"), "openai.responses", "gemini.generate", "m",
         Thinking("t", "gemini.x")),
        (Thinking("t", "gemini.x"), "openai.responses", "openai.responses", "m", None),
        (Thinking("t"), "openai.chat", "gemini.generate", "m", None),
        (Thinking("", redacted=True), "anthropic.messages", "anthropic.messages", "m", None),
        (Thinking("Em", redacted=True), "anthropic.messages", "bedrock.converse", CLAUDE, None),
        (Thinking("bedrock.Em", redacted=True), "anthropic.messages", "bedrock.converse", CLAUDE,
         Thinking("Em", redacted=True)),
        (Thinking("openai.gA", redacted=True), "anthropic.messages", "openai.responses", "m",
         Thinking("gA", redacted=True)),
    ],
)  # fmt: skip
def test_a_target_is_told_its_own_thoughts_only(part, door, dialect, model, expected):
    assert kept(part, door, dialect, model) == expected


def test_a_turn_of_foreign_thoughts_alone_is_left_out():
    said = turns(Thinking("t", "Eq"))
    assert own(said, door="anthropic.messages", dialect="openai.responses", model="m") == said[:1]
    assert len(said[1].parts) == 1


def test_an_answers_thoughts_are_marked_where_the_client_must_be_told():
    parts = [Thinking("t", "Eq"), Thinking("Em", redacted=True), Thinking("u"), Text("a")]
    marked = Marker("openai.responses", "bedrock.converse", CLAUDE).reply(Reply("r", "m", parts))
    assert marked.parts == [
        Thinking("t", "anthropic.Eq"), Thinking("bedrock.Em", redacted=True), Thinking("u"),
        Text("a"),
    ]  # fmt: skip
    same = Reply("r", "m", [Thinking("t", "Eq")])
    assert Marker("anthropic.messages", "bedrock.converse", CLAUDE).reply(same).parts == [
        Thinking("t", "Eq")
    ]


def test_a_streams_thoughts_are_marked_once():
    marker = Marker("anthropic.messages", "openai.responses", "m")
    said = [
        Began(0, Thinking("")), Delta(0, "Hm."), Delta(0, signature="gA"),
        Began(1, Thinking("", redacted=True)), Delta(1, "gB"), Delta(1, "C"), Delta(2, "x"),
    ]  # fmt: skip
    assert [marker.event(event) for event in said] == [
        Began(0, Thinking("")), Delta(0, "Hm."), Delta(0, signature="openai.gA"),
        Began(1, Thinking("", redacted=True)), Delta(1, "openai.gB"), Delta(1, "C"), Delta(2, "x"),
    ]  # fmt: skip


def body(*messages, **more) -> bytes:
    return json.dumps({"model": "m", "messages": list(messages), "x": 1.50, **more}).encode()


def test_a_body_that_passes_unread_loses_foreign_thoughts():
    ours = {"type": "thinking", "thinking": "t", "signature": "Eq"}
    foreign = {"type": "thinking", "thinking": "t", "signature": "openai.gA"}
    unsigned = {"type": "thinking", "thinking": "t", "signature": ""}
    hidden = {"type": "redacted_thinking", "data": "bedrock.Em"}
    text = {"type": "text", "text": '"openai.'}
    user = {"role": "user", "content": "Hi"}
    given = body(user, {"role": "assistant", "content": [ours, foreign, unsigned, hidden, text]},
                 {"role": "assistant", "content": [foreign]}, user)  # fmt: skip
    left = json.loads(without_foreign(given, "anthropic.messages"))
    answered = {"role": "assistant", "content": [ours, text]}
    assert left == {"model": "m", "messages": [user, answered, user], "x": 1.5}


def test_items_of_responses_and_fields_of_chat_lose_them_too():
    ours = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gA"}
    foreign = {**ours, "encrypted_content": "anthropic.Eq"}
    given = json.dumps({"model": "m", "input": [ours, foreign]}).encode()
    assert json.loads(without_foreign(given, "openai.responses"))["input"] == [ours]
    said = {"role": "assistant", "content": "a"}
    given = body({**said, "reasoning_content": "t", "reasoning": None})
    assert json.loads(without_foreign(given, "openai.chat"))["messages"] == [said]


@pytest.mark.parametrize("door", ["anthropic.messages", "openai.responses", "openai.embeddings"])
@pytest.mark.parametrize(
    "given",
    [
        body({"role": "user", "content": "Hi"}),
        body({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": "Eq"}]}),
        b'{"model":"m","messages":7,"input":7,"a":"thinking","encrypted_content":"openai.gemini."}',
        b'{"model":"m","messages":[5],"a":"thinking\\"","x":"openai."}',
        b'{"model":"m","input":[{"type":7}],"encrypted_content":"gemini."}',
    ],
)  # fmt: skip
def test_all_else_passes_byte_for_byte(given, door):
    assert without_foreign(given, door) == given

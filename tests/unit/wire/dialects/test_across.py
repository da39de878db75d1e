"""From one dialect into the other: what a client said must arrive, or be refused by name."""

import json

from hypothesis import given

from support.exchanges import answers, asks, conversations, replies, streams, usages, whole
from volano.wire.dialects.anthropic import MESSAGES
from volano.wire.dialects.anthropic.ask_writer import DEFAULT_MAX_TOKENS
from volano.wire.dialects.openai_chat import CHAT
from volano.wire.dialects.openai_chat.message_writer import TOOL_FAILED
from volano.wire.exchange import Ask, Format, Refusal, Text, Thinking, ToolResult, Turn, Usage

ANTHROPIC_HAS_NOT = ("seed", "presence_penalty", "frequency_penalty")


def through_anthropic(ask: Ask) -> Ask:
    """What a chat client's ask becomes on its way, as `LEFT_OUT` and the writers document."""
    for turn in ask.turns:
        turn.parts = [Text(p.text) if isinstance(p, Refusal) else p for p in turn.parts]
    ask.max_tokens = ask.max_tokens or DEFAULT_MAX_TOKENS
    ask.n = ask.logprobs = ask.metadata = None
    ask.wants_usage = ask.stream
    if ask.format is not None and ask.format.description is not None:
        schema = json.loads(bytes(ask.format.schema))
        ask.format.schema = {"description": ask.format.description, **schema}
    return ask


def comparable(ask: Ask) -> dict:
    """Its fields; a format only by its schema, as a value."""
    fields = {name: getattr(ask, name) for name in ask.__struct_fields__}
    form: Format | None = fields.pop("format")
    if form is not None and form.kind == "schema":
        schema = form.schema
        fields["schema"] = schema if isinstance(schema, dict) else json.loads(bytes(schema))
    return fields


from_chat = asks(
    conversations(
        kinds=("text", "image", "file"),
        answer_kinds=("text", "refusal", "tool_use"),
        named=False,
        errors=False,
        cached=False,
    ),
    without=("top_k", *ANTHROPIC_HAS_NOT),
)


@given(from_chat)
def test_a_chat_ask_arrives_in_anthropics_words(ask):
    heard = CHAT.read_ask(CHAT.write_ask(ask))
    arrived = MESSAGES.read_ask(MESSAGES.write_ask(heard))
    assert comparable(arrived) == comparable(through_anthropic(ask))


def through_chat(ask: Ask) -> Ask:
    """What an Anthropic client's ask becomes on its way: no marks, no thoughts, failures as words."""
    turns = []
    for turn in ask.turns:
        parts = [p for p in turn.parts if not isinstance(p, Thinking)]
        if parts:
            turns.append(Turn(turn.role, parts))
        for part in parts:
            _unmark(part)
    ask.turns = turns
    return ask


def _unmark(part) -> None:
    if hasattr(part, "cache_ttl"):
        part.cache_ttl = None
    if isinstance(part, ToolResult):
        for inner in part.parts:
            _unmark(inner)
        if part.is_error:
            part.is_error = False
            if len(part.parts) == 1:
                part.parts[0].text = TOOL_FAILED + part.parts[0].text
            else:
                part.parts.insert(0, Text(TOOL_FAILED))


from_anthropic = asks(
    conversations(
        kinds=("text", "image", "file"),
        answer_kinds=("thinking", "text", "tool_use"),
        named=False,
        signed=True,
        redacted=True,
    ),
    without=("top_k", "n", "logprobs", "metadata", *ANTHROPIC_HAS_NOT),
)


@given(from_anthropic)
def test_an_anthropic_ask_arrives_in_chats_words(ask):
    ask.max_tokens = ask.max_tokens or 7
    ask.format = None
    ask.wants_usage = ask.stream
    heard = MESSAGES.read_ask(MESSAGES.write_ask(ask))
    arrived = CHAT.read_ask(CHAT.write_ask(heard))
    ask.turns = _results_joined(through_chat(ask).turns)
    assert comparable(arrived) == comparable(ask)


def _results_joined(turns: list[Turn]) -> list[Turn]:
    """Where a thought between them was left out, two turns of results are one."""
    joined: list[Turn] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if last and all(isinstance(p, ToolResult) for p in last.parts + turn.parts):
            last.parts += turn.parts
        else:
            joined.append(turn)
    return joined


PLAIN_USAGE = usages(without=("audio_input", "audio_output", "cache_written_1h"))
both = replies(
    answers(("thinking", "text", "tool_use"), signed=False), usage=PLAIN_USAGE, dated=False
)


@given(both)
def test_a_reply_arrives_either_way(reply):
    ask = Ask("m", [])
    chat = CHAT.read_reply(CHAT.write_reply(reply, ask))
    assert MESSAGES.read_reply(MESSAGES.write_reply(chat, ask)) == reply
    message = MESSAGES.read_reply(MESSAGES.write_reply(reply, ask))
    assert CHAT.read_reply(CHAT.write_reply(message, ask)) == reply


@given(streams(both))
def test_a_stream_arrives_either_way(events):
    ask = Ask("m", [], stream=True, wants_usage=True)
    for first, second in ((CHAT, MESSAGES), (MESSAGES, CHAT)):
        heard = events
        for dialect in (first, second):
            writer, reader = dialect.event_writer(ask), dialect.event_reader()
            heard = [e for event in heard for e in reader.feed(writer.write(event))]
            assert reader.complete
        assert whole(heard) == whole(events)


def test_the_whole_prompt_is_counted_on_both_sides():
    usage = Usage(input=100, output=5, cached=60, cache_written=30)
    ask = Ask("m", [])
    reply = CHAT.read_reply(
        b'{"id":"i","choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":'
        b'{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,'
        b'"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}}'
    )
    assert reply.usage == usage
    said = json.loads(MESSAGES.write_reply(reply, ask))["usage"]
    assert said["input_tokens"] == 10
    assert (said["cache_read_input_tokens"], said["cache_creation_input_tokens"]) == (60, 30)

"""A refusal names the field as the client wrote it."""

import pytest

from volano.gateway.naming import named, with_field
from volano.wire.exchange import Ask, Image, Reasoning, Text, Turn


@pytest.mark.parametrize(
    ("param", "door", "expected"),
    [
        (None, "openai.chat", None),
        ("stop", "openai.chat", "stop"),
        ("stop", "anthropic.messages", "stop_sequences"),
        ("messages[0].content[1]", "anthropic.messages", "messages[0].content[1]"),
        ("messages[0].content[1]", "openai.responses", "input"),
        ("response_format", "openai.responses", "text.format"),
        ("input", "openai.embeddings", "input"),
    ],
)
def test_a_field_has_the_doors_name(param, door, expected):
    assert named(param, door, Ask("m", [])) == expected


@pytest.mark.parametrize(
    ("text", "param", "expected"),
    [
        ("It is deaf.", "messages[0].content[1]", "`messages[0].content[1]`: It is deaf."),
        ("There is no `seed`.", "seed", "There is no `seed`."),
        ("It is deaf.", None, "It is deaf."),
    ],
)
def test_a_text_has_the_fields_name(text, param, expected):
    assert with_field(text, param) == expected


def said(*roles):
    return Ask("m", [Turn(role, [Text("x"), Image(url="u")]) for role in roles])


@pytest.mark.parametrize(
    ("param", "door", "ours", "expected"),
    [
        ("messages[2].content[1]", "openai.chat", 0, "messages[2].content[1]"),
        ("messages[2].content[1]", "openai.chat", 2, "messages[0].content[1]"),
        ("messages[1].content[1]", "openai.chat", 2, "messages"),
        ("messages[2].content[1]", "openai.chat", None, "messages"),
        (
            "messages[2].content[1].image_url",
            "anthropic.messages",
            0,
            "messages[1].content[1].source",
        ),
        (
            "messages[2].content[1].image_url",
            "anthropic.messages",
            2,
            "messages[0].content[1].source",
        ),
        ("messages[2].content[1]", "openai.responses", 2, "input"),
        ("seed", "openai.chat", 2, "seed"),
    ],
)
def test_a_place_is_counted_in_what_the_client_said(param, door, ours, expected):
    assert named(param, door, said("system", "user", "user"), ours=ours) == expected


def test_thought_by_effort_or_by_tokens():
    ask = Ask("m", [], reasoning=Reasoning(budget_tokens=5))
    assert named("reasoning_effort", "anthropic.messages", ask) == "thinking"
    ask.reasoning.effort = "max"
    assert named("reasoning_effort", "anthropic.messages", ask) == "output_config.effort"

"""A refusal names the field as the client wrote it."""

import pytest

from volano.gateway.naming import named
from volano.wire.exchange import Ask, Reasoning


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


def test_thought_by_effort_or_by_tokens():
    ask = Ask("m", [], reasoning=Reasoning(budget_tokens=5))
    assert named("reasoning_effort", "anthropic.messages", ask) == "thinking"
    ask.reasoning.effort = "max"
    assert named("reasoning_effort", "anthropic.messages", ask) == "output_config.effort"

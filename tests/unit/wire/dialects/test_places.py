"""Where a part stands, as clients of OpenAI's chat count, and as Anthropic's do."""

import json

import pytest
from hypothesis import given

from support.exchanges import conversations
from volano.wire.dialects.anthropic import MESSAGES
from volano.wire.dialects.places import in_messages, placed
from volano.wire.exchange import ToolResult

TALK = {
    "model": "m",
    "max_tokens": 5,
    "system": "s",
    "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"},
            {"type": "tool_use", "id": "1", "name": "f", "input": {}},
            {"type": "tool_use", "id": "2", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "1", "content": "x"},
            {"type": "tool_result", "tool_use_id": "2", "content": [
                {"type": "text", "text": "x"},
                {"type": "image", "source": {"type": "url", "url": "u"}},
            ]},
            {"type": "text", "text": "and"},
            {"type": "image", "source": {"type": "url", "url": "u"}},
        ]},
        {"role": "user", "content": "b"},
    ],
}  # fmt: skip


def test_what_tools_answered_are_messages_of_their_own_in_chat():
    turns = MESSAGES.read_ask(json.dumps(TALK).encode()).turns
    assert [(turn.path, turn.paths) for turn in placed(turns)] == [
        ("messages[0]", ["messages[0].content[0]"]),
        ("messages[1]", ["messages[1].content[0]"]),
        ("messages[2]", [
            "messages[2].content[0]", "messages[2].tool_calls[0]", "messages[2].tool_calls[1]",
        ]),
        ("messages[5]", [
            "messages[3]", "messages[4]", "messages[5].content[2]", "messages[5].content[3]",
        ]),
        ("messages[6]", ["messages[6].content[0]"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("messages[1].content[0]", "messages[0].content[0]"),
        ("messages[4].content[1].image_url", "messages[2].content[1].content[1].source"),
        ("messages[5].content[3].image_url.detail", "messages[2].content[3].source"),
        ("messages[6].content", "messages[3].content"),
        ("messages[9].content", "messages[9].content"),
        ("tools[0].type", "tools[0].type"),
    ],
)
def test_anthropics_clients_count_blocks(param, expected):
    turns = MESSAGES.read_ask(json.dumps(TALK).encode()).turns
    assert in_messages(param, turns) == expected


@given(conversations(kinds=("text", "image", "file"), named=False))
def test_every_part_has_a_place_of_its_own_in_either_count(turns):
    found = list(placed(turns))
    paths = [path for turn in found for path in turn.paths]
    assert len({*paths}) == len(paths) == sum(len(turn.parts) for turn in turns)
    said = [turn for turn in found if turn.role != "system"]
    blocks = [
        in_messages(path, turns) for turn in said for path in turn.paths if "calls" not in path
    ]
    assert len({*blocks}) == len(blocks)
    results = sum(isinstance(part, ToolResult) for turn in turns for part in turn.parts)
    assert sum("content" not in path and "calls" not in path for path in paths) == results

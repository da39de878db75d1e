"""A conversation that began at another provider has ids that this one may refuse."""

import json

import pytest

from volano.wire.dialects.anthropic import MESSAGES
from volano.wire.dialects.openai_chat import CHAT
from volano.wire.dialects.openai_responses import RESPONSES
from volano.wire.exchange import Ask, Text, Tool, ToolResult, ToolUse, Turn


def ids(dialect, *given: str) -> tuple[list[str], list[str]]:
    """The ids of calls and of results, as the provider is told them."""
    ask = Ask("m", [
        Turn("user", [Text("Hi")]), Turn("assistant", [ToolUse(i, "f", "{}") for i in given]),
        Turn("user", [ToolResult(i, [Text("x")]) for i in given]),
    ], tools=[Tool("f")], max_tokens=9)  # fmt: skip
    body = json.loads(dialect.write_ask(ask))
    if dialect is MESSAGES:
        return ([b["id"] for b in body["messages"][1]["content"]],
                [b["tool_use_id"] for b in body["messages"][2]["content"]])  # fmt: skip
    if dialect is CHAT:
        return ([c["id"] for c in body["messages"][1]["tool_calls"]],
                [m["tool_call_id"] for m in body["messages"][2:]])  # fmt: skip
    items = body["input"]
    return ([i["call_id"] for i in items if i["type"] == "function_call"],
            [i["call_id"] for i in items if i["type"] == "function_call_output"])  # fmt: skip


@pytest.mark.parametrize("dialect", [MESSAGES, CHAT, RESPONSES])
def test_an_id_that_fits_stays(dialect):
    assert ids(dialect, "call_1-a", "call_2") == (["call_1-a", "call_2"],) * 2


@pytest.mark.parametrize(
    ("dialect", "given", "most"),
    [(MESSAGES, "functions.look_up:0", 1000), (CHAT, "x" * 41, 40), (RESPONSES, "x" * 65, 64)],
)
def test_an_id_that_would_be_refused_is_replaced_the_same_way_everywhere(dialect, given, most):
    calls, results = ids(dialect, given, f"{given}1")
    assert calls == results
    assert len(set(calls)) == 2
    assert all(len(i) <= most and i.replace("_", "").isalnum() for i in calls)
    assert ids(dialect, given, f"{given}1")[0] == calls

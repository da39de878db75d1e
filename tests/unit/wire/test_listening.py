"""A listener hears content, usage, errors and the end; all else it lets pass."""

import json

import pytest

from volano.wire.dialect import BadAnswerError
from volano.wire.listening import LISTENERS, Heard


def hear(dialect: str, *events: dict | bytes) -> list[Heard]:
    listener = LISTENERS[dialect]()
    return [listener.hear(e if isinstance(e, bytes) else json.dumps(e).encode()) for e in events]


def test_anthropics_events():
    tool = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    heard = hear(
        "anthropic.messages",
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": tool},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_delta", "index": 7, "delta": {"type": "citations_delta"}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
        {"type": "error", "error": {"message": "x"}},
    )
    assert [h.content for h in heard] == [False, False, True, False, True, *[False] * 4]
    assert heard[4].pieces == 1
    assert heard[0].usage is None
    assert (heard[0].opening.input, heard[0].opening.output) == (5, 1)
    assert (heard[6].usage.input, heard[6].usage.output) == (5, 9)
    assert heard[7].usage == heard[6].usage
    assert [h.end for h in heard[-2:]] == [True, False]
    assert [h.error for h in heard[-2:]] == [False, True]


def test_events_of_responses():
    heard = hear(
        "openai.responses",
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "item": {"type": "web_search_call"}},
        {"type": "response.output_item.added", "item": {"type": "message"}},
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": "response.whatever.delta", "delta": {"x": 1}},
        {"type": "response.output_text.delta", "delta": ""},
        {"type": "response.incomplete", "response": {"usage": {"input_tokens": 3}}},
        {"type": "response.failed"},
    )
    assert [h.content for h in heard] == [False, True, False, True, True, *[False] * 3]
    assert (heard[-2].end, heard[-2].usage.input) == (True, 3)
    assert heard[-1].error


def test_events_of_responses_are_numbered():
    listener = LISTENERS["openai.responses"]()
    assert listener.number == 0
    for number in (0, 7, "8", None):
        listener.hear(json.dumps({"type": "x", "sequence_number": number}).encode())
    assert listener.number == 8


def test_events_of_completions():
    heard = hear(
        "openai.completions",
        {"choices": [{"text": "a", "index": 1}, {"text": "b", "index": 0}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"error": {"message": "x"}},
        b"[DONE]",
    )
    assert (heard[0].pieces, heard[0].aside) == (2, False)
    assert (heard[1].aside, heard[1].usage.output) == (True, 4)
    assert heard[2].error
    assert heard[3].end


@pytest.mark.parametrize("dialect", list(LISTENERS))
@pytest.mark.parametrize("data", [b"{", b"[]", b'{"type":5,"choices":7}', b"\xff"])
def test_what_is_no_event_cannot_be_heard(dialect, data):
    with pytest.raises(BadAnswerError):
        hear(dialect, data)

"""What a stream that broke off leaves behind: its tokens on the trace, and words for its client."""

import json

import anthropic
import pytest

from simulators.line import Line, ask, call_of
from simulators.workers import until
from volano.traces.row import Rows
from volano.traces.tables import COLUMNS

SAID = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hol a csomagom? 你好"}]},
    "/v1/responses": {"input": "Hol a csomagom? 你好"},
    "/v1/messages": {
        "messages": [{"role": "user", "content": "Hol a csomagom? 你好"}], "max_tokens": 90,
    },
}  # fmt: skip
TOLD = {"anthropic": 12, "gemini": 12}
"""The prompt's tokens, at providers that tell them before the end."""
PATHS = pytest.mark.parametrize("path", list(SAID))


def body_of(channel: str, path: str) -> dict:
    return {"model": channel, "stream": True, **SAID[path]}


def row_of(frame) -> dict:
    return dict(zip(COLUMNS, Rows().make(frame), strict=False))


def events_of(body: bytes) -> list[dict]:
    lines = [line for line in body.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def cut(gateway, channel: str, path: str) -> tuple[dict, list[dict]]:
    line = Line(gateway.port)
    _, headers, body = line.send(ask(body_of(channel, path), path=path)).answer()
    line.close()
    return headers, events_of(body)


def check_tokens(frame, channel: str, path: str) -> None:
    row = row_of(frame)
    sent = len(json.dumps(body_of(channel, path), ensure_ascii=False).encode()) // 4
    assert row["prompt_tokens"] == TOLD.get(channel, sent)
    assert row["completion_tokens"] > 0
    assert json.loads(row["tags"]) == {"tokens": "estimated"}


@PATHS
def test_the_trace_of_a_cut_stream_has_its_tokens(gateway, channel, path, providers):
    providers.act(channel, "cut")
    headers, _ = cut(gateway, channel, path)
    frame = call_of(gateway, headers["x-volano-trace"])
    assert frame.outcome == "cut"
    check_tokens(frame, channel, path)


@PATHS
def test_the_trace_of_a_stream_whose_client_left_has_its_tokens(gateway, channel, path, providers):
    providers.act(channel, "stall")
    line = Line(gateway.port)
    head = line.send(ask(body_of(channel, path), path=path)).until(b"\r\n\r\n").decode()
    trace = head.split("x-volano-trace: ")[1][:32]
    line.until(b"delta")
    line.close()
    until(lambda: any(frame.id == trace for frame in gateway.frames()))
    frame = call_of(gateway, trace)
    assert frame.outcome == "left"
    check_tokens(frame, channel, path)


@pytest.mark.parametrize("channel", ["openai.responses", "anthropic"])  # as it came; translated
def test_events_of_responses_are_counted_to_the_end(gateway, channel, providers):
    providers.act(channel, "cut")
    _, events = cut(gateway, channel, "/v1/responses")
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == ("error" if channel == "openai.responses" else "response.failed")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_a_cut_has_the_same_code_wherever_the_stream_is_from(gateway, channel, path, providers):
    providers.act(channel, "cut")
    _, events = cut(gateway, channel, path)
    errors = [event.get("error", event) for event in events]
    assert [error["code"] for error in errors if "code" in error] == ["upstream_cut"]


@pytest.mark.parametrize("channel", ["openai.chat", "anthropic", "bedrock"])
def test_a_failed_response_holds_what_was_said_so_far(gateway, channel, providers):
    providers.act(channel, "cut")
    _, events = cut(gateway, channel, "/v1/responses")
    said = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    [message] = [i for i in events[-1]["response"]["output"] if i["type"] == "message"]
    assert said
    assert [part["text"] for part in message["content"]] == [said]
    assert message["status"] == "incomplete"


@pytest.mark.parametrize("channel", ["openai.chat", "anthropic"])
def test_anthropics_client_finds_the_id_of_its_request(
    anthropic_client, gateway, channel, providers
):
    asked = {"model": channel, **SAID["/v1/messages"]}
    whole = anthropic_client.messages.create(**asked)
    assert call_of(gateway, whole._request_id).outcome == "ok"
    with anthropic_client.messages.stream(**asked) as stream:
        stream.until_done()
        assert call_of(gateway, stream.request_id).streamed
    providers.act(channel, "status-401")
    with pytest.raises(anthropic.InternalServerError) as ours:
        anthropic_client.messages.create(**asked)
    assert call_of(gateway, ours.value.request_id).status == 502
    assert ours.value.body["request_id"] == ours.value.request_id
    with pytest.raises(anthropic.NotFoundError) as refused:
        anthropic_client.messages.create(**{**asked, "model": "nowhere"})
    assert refused.value.body["request_id"] == refused.value.request_id
    assert refused.value.request_id


@pytest.mark.parametrize("channel", ["openai.chat", "anthropic"])
def test_the_last_event_of_a_cut_message_names_its_request(gateway, channel, providers):
    providers.act(channel, "cut")
    headers, events = cut(gateway, channel, "/v1/messages")
    assert events[-1]["type"] == "error"
    assert events[-1]["request_id"] == headers["request-id"] == headers["x-request-id"]


def test_other_doors_say_the_id_in_their_own_header_only(gateway, providers):
    headers, _ = cut(gateway, "openai.chat", "/v1/chat/completions")
    assert headers["x-request-id"] == headers["x-volano-trace"]
    assert "request-id" not in headers

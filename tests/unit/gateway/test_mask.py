"""A key that an upstream repeats in its error reaches neither client nor trace."""

import json

import pytest

from simulators.line import Line, ask, call_of, chat
from simulators.upstream import Upstream, _chunk, _plain
from simulators.workers import Arm, Channel, Target, Workers, snapshot
from volano.gateway.mask import masked, secrets
from volano.gateway.snapshot import Sign

KEY = 'sk-live-0123456789"quoted\\abcdef'
OTHER = "sk-other-9876543210"


def test_all_that_is_secret_of_a_target_and_nothing_else():
    sign = Sign(region="eu", access_key="AKIA1", secret_key="s3cr3t", session_token="t0k3n")
    target = Target(
        name="t", url="https://a", model="m", signs=(sign, None),
        headers={"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"},
        keys=({"authorization": f"Bearer {KEY}"}, {"x-odd-key": OTHER}),
    )  # fmt: skip
    said = f"{KEY} {json.dumps(KEY)} {OTHER} s3cr3t t0k3n 2023-06-01 AKIA1".encode()
    assert masked(said, target) == b'*** "***" *** *** *** 2023-06-01 AKIA1'
    assert b"" not in secrets(target)
    assert masked(b"Bearer", Target(name="t", url="https://a", model="m")) == b"Bearer"


class Echo(Upstream):
    """Repeats the key it was asked with, in whatever it says."""

    async def _act(self, model, name, number, body, writer) -> bool:
        key = self.seen[-1][0]["authorization"]
        wrong = {"error": {"message": f"Incorrect API key provided: {key}", "type": "x"}}
        if name == "status":
            _plain(writer, wrong, int(number))
            return True
        event = f"data: {json.dumps(wrong)}\n\n".encode()
        await self._begin(writer)
        if name == "late":
            word = {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}
            await _chunk(writer, f"data: {json.dumps(word)}\n\n".encode())
        await _chunk(writer, event[:-3] if number == "1" else event)
        if name == "both":
            await _chunk(writer, b"data: [DONE]\n\n")
        return False

    async def _begin(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                     b"transfer-encoding: chunked\r\n\r\n")  # fmt: skip


ACTS = ("status-400", "status-401", "status-403", "status-404", "status-429", "status-500",
        "status-503", "early-0", "early-1", "late-0", "late-1", "both-0")  # fmt: skip


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    upstream = Echo()
    own = Workers(tmp_path_factory.mktemp("echo") / "state", retry_s=0.1, retries=0)
    lines = {"authorization": f"Bearer {KEY}"}
    channels = {
        act: Channel(arms=(Arm(
            release="support@1", release_digest="sha256:" + "a" * 64,
            targets=(Target(name="t", url=upstream.url, model=act, headers=lines, keys=(lines,)),),
        ),))
        for act in ACTS
    }  # fmt: skip
    own.publish(snapshot(channels))
    own.start(1)
    yield own
    own.close()
    upstream.stop()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_an_echoed_key_is_hidden_from_client_and_trace(echo, act, path):
    line = Line(echo.port)
    asked = {"model": act, "input": "Hi", **chat(act), "max_tokens": 5}
    asked.pop("messages" if path == "/v1/responses" else "input")
    if path == "/v1/responses":
        asked.pop("max_tokens")
    stream = not act.startswith("status")
    _, headers, body = line.send(ask({**asked, "stream": stream}, path=path)).answer()
    line.close()
    call = call_of(echo, headers["x-volano-trace"])
    assert call.outcome in ("error", "cut")
    for said in (body, call.response, (call.error or "").encode(), str(call.tags).encode()):
        assert b"0123456789" not in said, said
    if act in ("status-400", "status-429", "late-0"):
        assert b"Incorrect API key provided: Bearer ***" in body


def test_nothing_of_it_is_in_the_spool(echo):
    for path in (echo.folder / "spool").iterdir():
        assert b"0123456789" not in path.read_bytes()

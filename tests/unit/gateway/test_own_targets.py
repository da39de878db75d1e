"""A request can never choose who is asked: targets come from the snapshot, and from nowhere else."""

import json
import socket

import pytest

from simulators.line import HERE, Line, ask, chat
from simulators.workers import KEY
from support.raw import CHATS, OK

ELSEWHERE = (
    "X-Forwarded-Host: evil.example", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https",
    "Forwarded: host=evil.example;proto=https", "X-Original-URL: http://evil.example/v1",
    "X-Rewrite-URL: /api/v1/status", "X-Host: evil.example", "X-Base-Url: http://evil.example",
    "X-Upstream: evil.example", "Proxy-Authorization: Basic eA==", "x-volano-target: evil",
)  # fmt: skip


def test_a_request_cannot_choose_who_is_asked(gateway, upstream):
    """No header and no field of the body is an address; an image's URL is the model's business."""
    trap = socket.create_server(("127.0.0.1", 0))
    trap.settimeout(0)
    evil = f"http://127.0.0.1:{trap.getsockname()[1]}/v1"
    image = {"type": "image_url", "image_url": {"url": f"{evil}/cat.png"}}
    fields = dict.fromkeys(("base_url", "api_base", "api_url", "url", "endpoint", "host"), evil)
    asked = {
        **chat("ok"), **fields, "api_key": "stolen", "provider": {"url": evil},
        "extra_headers": {"Host": "evil.example"}, "extra_body": {"base_url": evil},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}],
    }  # fmt: skip
    before = len(upstream.seen)
    line = Line(gateway.port)
    assert line.send(ask(asked, *ELSEWHERE)).answer()[0] == 200
    headers, body = upstream.seen[before]
    assert body["messages"][0]["content"][1] == image
    assert headers[":path"] == "POST /v1/chat/completions HTTP/1.1"
    assert headers["host"] == "localhost"
    assert "evil" not in json.dumps(headers)
    assert KEY not in json.dumps(headers)
    for path in (f"{CHATS}?base_url={evil}", f"{CHATS}/../../x", f"/{evil}", "//evil.example/v1"):
        other = Line(gateway.port)
        assert other.send(ask(asked, path=path)).answer()[0] != 500
        other.close()
    with pytest.raises(BlockingIOError):
        trap.accept()
    trap.close()
    line.close()


@pytest.mark.parametrize("host", ["evil.example", f"evil.example@{HERE}", f"{HERE}.evil.example",
                                  "127.0.0.1:1", "", "127.0.0.1\t"])  # fmt: skip
def test_a_host_that_is_not_ours_is_refused(gateway, host):
    line = Line(gateway.port)
    status, _, _ = line.send(
        OK.replace(f"Host: {HERE}".encode(), f"Host: {host}".encode())
    ).answer()
    assert status == 403
    line.close()

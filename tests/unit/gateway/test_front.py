"""What the door answers to good and bad requests, on real sockets."""

import json
import socket
from pathlib import Path

import openai
import pytest

from simulators.line import HERE, Line, ask, call_of, chat
from simulators.workers import KEY, NARROW, OLD, until


def error_of(body: bytes) -> dict:
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.fixture()
def client(gateway):
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=15) as made:
        yield made


def test_the_official_client_gets_a_plain_answer(client, gateway, upstream):
    raw = client.chat.completions.with_raw_response.create(**chat("ok", user="u-1"))
    assert raw.parse().choices[0].message.content == "Hello wörld 你好 🎡."
    assert raw.headers["x-volano-release"] == "support@1"
    call = call_of(gateway, raw.headers["x-volano-trace"])
    assert (call.outcome, call.status, call.channel, call.unit) == ("ok", 200, "ok", "u-1")
    assert (call.key_id, call.group, call.target, call.model) == ("abcdefgh", "team/a", "t1", "ok")
    assert json.loads(call.request)["user"] == "u-1"
    assert json.loads(call.response)["usage"]["completion_tokens"] == 5
    assert call.began_us <= call.first_us <= call.ended_us
    head, body = upstream.seen[-1]
    assert "authorization" not in head  # the client's key goes no further
    assert body == {**chat("ok"), "user": "u-1"}


def test_the_official_client_gets_a_stream(client, gateway):
    stream = client.chat.completions.create(**chat("ok"), stream=True)
    trace = stream.response.headers["x-volano-trace"]
    events = list(stream)
    assert "".join(e.choices[0].delta.content or "" for e in events) == "Hello wörld 你好 🎡."
    assert all(e.usage is None for e in events)  # not asked for
    call = call_of(gateway, trace)
    assert call.streamed
    assert call.outcome == "ok"
    assert call.began_us <= call.first_us <= call.ended_us
    assert b'"usage"' in call.response  # asked for on our own account
    assert call.response.endswith(b"data: [DONE]\n\n")
    (begin,) = [b for b in gateway.frames(kind=2) if b.id == trace]
    assert begin.span_id == call.span_id


@pytest.mark.parametrize("act", ["ok", "bytes", "crlf"])
def test_usage_is_passed_on_when_asked_for(client, act):
    stream = client.chat.completions.create(
        **chat(act), stream=True, stream_options={"include_usage": True}
    )
    events = list(stream)
    assert [e.usage.total_tokens for e in events if e.usage] == [12]
    text = "".join(e.choices[0].delta.content or "" for e in events if e.choices)
    assert text == "Hello wörld 你好 🎡."  # UTF-8 split anywhere


def test_the_models_list_shows_what_a_key_may_call(client, gateway):
    assert "ok" in [model.id for model in client.models.list()]
    assert client.models.retrieve("ok").id == "ok"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("absent")
    narrow = openai.OpenAI(base_url=gateway.url, api_key=NARROW, max_retries=0)
    assert list(narrow.models.list()) == []


@pytest.mark.parametrize("key", [None, "wrong", KEY[:-1] + "q", OLD])
def test_no_valid_key_is_401(line, key, gateway):
    before = len(gateway.frames())
    status, headers, body = line.send(ask(chat("ok"), key=key)).answer()
    assert status == 401
    assert headers["www-authenticate"] == "Bearer"
    assert "volano key" in error_of(body)["message"]
    assert len(gateway.frames()) == before


def test_a_key_without_the_scope_is_403_and_traced(line, gateway):
    status, headers, body = line.send(ask(chat("ok"), key=NARROW)).answer()
    assert status == 403
    assert "`ok`" in error_of(body)["message"]
    call = call_of(gateway, headers["x-volano-trace"])
    assert (call.outcome, call.status, call.key_id) == ("refused", 403, "ijklmnop")


def test_an_unknown_model_is_404_with_a_guess(line, gateway):
    status, headers, body = line.send(ask(chat("okk"))).answer()
    assert status == 404
    assert "did you mean `ok`?" in error_of(body)["message"]
    assert error_of(body)["code"] == "model_not_found"
    assert call_of(gateway, headers["x-volano-trace"]).outcome == "refused"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None), (b'{"model":"ok","messages":["\xff\xfe"]}', None), (b"null", None),
        (b'{"model":"ok","messages":[' + b"[" * 50_000 + b"]" * 50_000 + b"]}", None),
        (b'{"model":"ok","messages":[],"stream":1}', "stream"),
        (b'{"model":"ok","messages":{}}', "messages"),
        (b'{"model":5,"messages":[]}', "model"),
    ],
)  # fmt: skip
def test_a_bad_body_is_400_traced_and_the_connection_lives(line, gateway, body, param):
    status, headers, answer = line.send(ask(body)).answer()
    assert status == 400
    assert error_of(answer)["param"] == param
    call = call_of(gateway, headers["x-volano-trace"])
    assert (call.outcome, call.request) == ("refused", body)
    assert line.send(ask(chat("ok"))).answer()[0] == 200


def test_an_empty_body_is_400(line):
    assert line.send(ask(b"", "Content-Length: 0")).answer()[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405), ("DELETE", "/v1/models", 405),
        ("GET", "/v1/nothing", 404), ("GET", "/v1", 404), ("GET", "/v1/", 404),
        ("GET", "/v1/chat/completions/x", 404),
    ],
)  # fmt: skip
def test_wrong_paths_and_methods(line, method, path, status):
    got, headers, body = line.send(ask(b"", method=method, path=path)).answer()
    assert got == status
    assert error_of(body)["message"]
    assert ("allow" in headers) == (status == 405)
    assert line.send(ask(chat("ok"))).answer()[0] == 200


def test_a_body_too_large_is_refused_at_its_announcement(line, gateway):
    line.send(ask(b"", "Content-Length: 52428800") + b"x" * 1000)
    status, headers, body = line.answer()
    assert status == 413
    assert "1048576" in error_of(body)["message"]
    assert headers["connection"] == "close"
    assert call_of(gateway, headers["x-volano-trace"]).outcome == "refused"
    assert line.closed()


def test_a_body_too_large_is_refused_while_it_comes(gateway):
    line = Line(gateway.port)
    line.send(ask(b"", "Transfer-Encoding: chunked"))
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for _ in range(800):  # 50 MB, all of it taken, none of it kept
        line.send(piece)
    status, _, body = line.answer()
    assert status == 413
    assert error_of(body)["type"] == "invalid_request_error"
    assert line.closed()
    status_file = Path(f"/proc/{gateway.processes[0].pid}/status").read_text()
    most_kb = int(status_file.partition("VmHWM:")[2].split()[0])
    assert most_kb < 200_000


def test_the_official_client_sees_413_for_50_mb(client):
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(
            model="ok", messages=[{"role": "user", "content": "x" * 50_000_000}]
        )
    assert caught.value.status_code == 413


def test_expect_continue(line):
    data = json.dumps(chat("ok")).encode()
    head = ask(b"", "Expect: 100-continue", f"Content-Length: {len(data)}")
    assert line.send(head).until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    assert line.send(data).answer()[0] == 200


def test_expect_continue_is_not_said_to_a_refused_body(line):
    line.send(ask(b"", "Expect: 100-continue", "Content-Length: 52428800"))
    assert line.until(b"\r\n").startswith(b"HTTP/1.1 413 ")


def test_pipelined_requests_are_answered_in_order(line, gateway):
    names = ["slow", "ok", "absent", "ok"]
    line.send(b"".join(ask(chat(name, user=f"p{i}")) for i, name in enumerate(names)))
    got = [line.answer() for _ in names]
    assert [status for status, _, _ in got] == [200, 200, 404, 200]
    units = [call_of(gateway, headers["x-volano-trace"]).unit for _, headers, _ in got]
    assert units == ["p0", "p1", "p2", "p3"]
    assert line.send(ask(chat("ok"))).answer()[0] == 200


def test_many_pipelined_refusals_do_not_pile_up(line):
    line.send(ask(b"", method="GET", path="/v1/x") * 500)
    assert {line.answer()[0] for _ in range(500)} == {404}


def test_a_request_byte_by_byte(line):
    line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in ask(chat("ok")).replace(HERE.encode(), b"127.0.0.1:%d" % line.port):
        line.send(bytes([byte]))
    assert line.answer()[0] == 200


SMUGGLERS = [
    b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"Content-Length: +3\r\n\r\nabc",
    b"Transfer-Encoding: xchunked\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    b"Host: evil\r\n\r\n",
    b"X: a\r\n b\r\n\r\n",
    b"X: a\nY: b\r\n\r\n",
]
START = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:<port>\r\n"


@pytest.mark.parametrize(
    "head",
    [
        *(START + rest for rest in SMUGGLERS),
        START.replace(b"/1.1", b"/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        START.replace(b"\r\n", b"\n") + b"\n",
        b"GET /v1/x HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_could_smuggle_a_request_is_refused_and_the_connection_ends(line, head):
    status, headers, _ = line.send(head).answer()
    assert status in (400, 401)  # 401: it went no further than the missing key
    assert headers["connection"] == "close"
    line.send(b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:<port>\r\n\r\n")
    assert line.closed()


def test_other_versions_and_connect_are_refused(line, gateway):
    assert line.send(b"GET / HTTP/2.0\r\nHost: 127.0.0.1:<port>\r\n\r\n").answer()[0] == 505
    other = Line(gateway.port)
    assert other.send(b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n").answer()[0] == 405


def test_endless_headers_are_refused(line):
    line.send(b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:<port>\r\n")
    with pytest.raises((ConnectionError, EOFError, StopIteration)):
        for i in range(4000):
            line.send(b"X-%d: %b\r\n" % (i, b"y" * 100))
        raise StopIteration
    assert line.answer()[0] == 431


def test_an_offer_to_upgrade_is_ignored_and_the_body_kept(line):
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")
    assert line.send(ask(chat("ok"), *upgrade)).answer()[0] == 200
    assert line.send(ask(chat("ok"))).answer()[0] == 200


@pytest.mark.parametrize(
    "headers",
    [("Origin: https://evil.example",), ("Origin: null",), ("Origin: http://localhost.evil.com",)],
)
def test_a_foreign_page_is_refused(line, headers):
    assert line.send(ask(chat("ok"), *headers)).answer()[0] == 403


def test_a_rebound_name_is_refused(line):
    request = ask(chat("ok")).replace(b"Host: " + HERE.encode(), b"Host: evil.example")
    assert line.send(request).answer()[0] == 403


def test_our_own_pages_may_call(line):
    assert line.send(ask(chat("ok"), f"Origin: http://{HERE}")).answer()[0] == 200


def test_the_clients_trace_is_joined(line, gateway):
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    _, headers, _ = line.send(ask(chat("ok"), f"traceparent: 00-{trace}-{parent}-01")).answer()
    assert headers["x-volano-trace"] == headers["x-request-id"] == trace
    assert call_of(gateway, trace).parent_span_id == parent


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (f"00-{TRACE[::-1]}-{PARENT}-01", True),
        (f"00-{TRACE[::-1]}-{PARENT}-01-extra", False),
        (f"01-{TRACE[::-1]}-{PARENT}-00", True),
        (f"01-{TRACE[::-1]}-{PARENT}-00-extra", True),
        (f"01-{TRACE[::-1]}-{PARENT}-00extra", False),
        (f"ff-{TRACE[::-1]}-{PARENT}-01", False),
        (f"ff-{TRACE[::-1]}-{PARENT}-01-extra", False),
    ],
)
def test_which_versions_of_a_traceparent_are_read(line, given, taken):
    _, headers, _ = line.send(ask(chat("ok"), f"traceparent: {given}")).answer()
    assert (headers["x-volano-trace"] == TRACE[::-1]) is taken


def states(upstream, line, *headers: str) -> str | None:
    """What the upstream is told in `tracestate`."""
    line.send(ask(chat("ok"), *headers)).answer()
    return upstream.seen[-1][0].get("tracestate")


def test_the_state_of_a_trace_goes_on_with_it_and_not_without(line, upstream):
    taken = f"traceparent: 00-{'c' * 32}-{PARENT}-01"
    assert states(upstream, line, taken, "tracestate: a=1,b=2") == "a=1,b=2"
    assert states(upstream, line, taken, "tracestate: a=1", "tracestate: b=2") == "a=1,b=2"
    assert states(upstream, line, taken) is None
    assert states(upstream, line, "tracestate: a=1") is None
    assert (
        states(upstream, line, f"traceparent: ff-{'c' * 32}-{PARENT}-01", "tracestate: a=1") is None
    )


def test_the_state_of_a_trace_is_bounded_at_a_whole_entry(line, upstream):
    taken = f"traceparent: 00-{'d' * 32}-{PARENT}-01"
    entry = "k=" + "v" * 98  # five of them, and four commas, are 504 bytes
    long = ",".join([entry] * 9)
    assert states(upstream, line, taken, f"tracestate: {long}") == ",".join([entry] * 5)
    exact = f"{'x' * 255}=1,{'y' * 252}=1"
    assert states(upstream, line, taken, f"tracestate: {exact}") == exact
    assert states(upstream, line, taken, f"tracestate: k={'v' * 600}") is None


def test_a_broken_traceparent_is_ignored(line):
    _, headers, _ = line.send(ask(chat("ok"), f"traceparent: 00-{'0' * 32}-x-01")).answer()
    assert len(headers["x-volano-trace"]) == 32
    assert int(headers["x-volano-trace"], 16)


def test_the_unit_comes_from_header_then_identifier_then_user(line, gateway):
    for headers, more, unit in (
        (("x-volano-unit: Jürgen",), {"user": "b"}, "Jürgen"),
        ((), {"safety_identifier": "s", "user": "b"}, "s"),
        ((), {"user": "b"}, "b"),
    ):
        _, got, _ = line.send(ask(chat("ok", **more), *headers)).answer()
        assert call_of(gateway, got["x-volano-trace"]).unit == unit


def test_control_away_is_a_short_plain_503(line):
    status, headers, body = line.send(ask(b"", method="GET", path="/")).answer()
    assert status == 503
    assert headers["content-type"].startswith("text/plain")
    assert b"volano status" in body
    posted = line.send(ask(b"x" * 100_000, path="/api/v1/x")).answer()
    assert posted[0] == 503


def test_nothing_of_a_key_is_kept(gateway):
    until(lambda: len(gateway.frames()) > 0)
    for path in (gateway.folder / "spool").iterdir():
        assert KEY.encode() not in path.read_bytes()

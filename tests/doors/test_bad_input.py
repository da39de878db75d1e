"""Whatever a hostile or careless client sends, it gets a clear error in the door's own form.

Over one running platform and real sockets: nothing hangs, nothing is lost, and
after each blow the next honest request is answered.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import openai
import pytest

from simulators.upstream import WORDS, Upstream
from volano.cli import talk
from volano.cli.demo.platform import Platform

pytestmark = pytest.mark.slow

QUESTION = "Hey, Falcon order #3312 has not been delivered. No rush."
TEXTS = {
    "hu": "Árvíztűrő tükörfúrógép, hol a csomagom?",
    "ru": "Где мой заказ? Съешь ещё этих мягких булок.",
    "de": "Größe falsch — Rückgabe möglich? Straße, Fuß, Äpfel",
    "zh": "我的订单在哪里？退款多久到账？",
    "rtl": "أين طلبي؟ שלום, איפה ההזמנה שלי",
    "emoji": "👩‍👩‍👧‍👦 🇭🇺 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ok?",
    "controls": 'tab\there "quote" back\\slash </script> %s {text} {0} \u2028 \u202e end',
}
ACTS = ("ok", "endless", "big", "cut", "error-event", "slow")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("bad") / "work") as running:
        yield running


@pytest.fixture(scope="module")
def upstream(platform):
    """A provider's server; each of its manners becomes a channel of that name."""
    made = Upstream()
    for act in ACTS:
        platform.say("POST", f"/models/{act}/add", url=made.url, model=act)
        flow = platform.say("POST", f"/flows/{act}/compose", model=act)
        release = platform.say("POST", f"/releases/{act}/cut", flow=flow["ref"])
        platform.say("POST", f"/releases/{release['ref']}/promote", channel=act, plan="100%")
    wait_for("the channels are open", lambda: not moving(platform))
    yield made
    made.stop()


def moving(platform):
    return [c for c in platform.say("GET", "/channels") if c["rollout_id"]]


@pytest.fixture(scope="module")
def key(platform):
    scopes = ["chat:*", "feedback", "read"]
    return platform.say("POST", "/keys", name="honest", scopes=scopes)["text"]


@pytest.fixture(scope="module")
def session(platform):
    return {"cookie": f"volano_session={platform.say('GET', '/status')['session']}"}


@pytest.fixture
def client(platform, key):
    with openai.OpenAI(
        base_url=f"{platform.url}/v1", api_key=key, max_retries=0, timeout=30
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def honest_requests_go_on(platform, key):
    yield
    status, _, body = chat(platform, key)
    assert status == 200, body
    assert set(platform.processes()) >= {"control", "recorder", "worker-0"}


def send(platform, method, path, body=None, headers=None):
    """One request on a fresh connection, bytes as they are: (status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)
    headers = dict(headers or {})
    with closing(connection):
        connection.putrequest(method, path, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None and "transfer-encoding" not in headers:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def chat(platform, key, body=None, **fields):
    """A chat request: (status, headers, body as JSON, or raw when it is a stream)."""
    if body is None:
        messages = [{"role": "user", "content": QUESTION}]
        body = json.dumps({"model": "ticket-router", "messages": messages, **fields}).encode()
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    status, headers, raw = send(platform, "POST", "/v1/chat/completions", body, headers)
    return status, headers, raw if raw.startswith(b"data:") else json.loads(raw)


def said(body):
    """The error in OpenAI's form, all of it there."""
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["code"], str)
    return error


def told(answer, status):
    """The error of the API's form, all of it there."""
    assert answer[0] == status, answer
    error = json.loads(answer[2])["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["message"]
    return error


def wait_for(what, holds, within_s=60.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {what}")


def trace_of(platform, trace_id):
    def found():
        try:
            return platform.say("GET", f"/traces/{trace_id}")
        except talk.RemoteError:
            return None

    return wait_for(f"trace {trace_id} is recorded", found)


# keys


@pytest.mark.parametrize(
    "given",
    [
        None, "", "nonsense", "vk_abcdefgh_0123456789abcdefghijABCDEFGHIJ01_zzzzzz", "k" * 5000,
        "vk_\u00e9\u00ff", "' OR 1=1 --", "*",
    ],
)  # fmt: skip
def test_a_wrong_key_is_refused(platform, given):
    status, headers, body = chat(platform, given)
    assert status == 401
    assert headers["www-authenticate"] == "Bearer"
    assert said(body)["type"] == "authentication_error"


def test_a_mistyped_key_is_refused_by_both_doors(platform, key):
    slip = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert chat(platform, slip)[0] == 401
    headers = {"authorization": f"Bearer {slip}"}
    error = told(send(platform, "GET", "/api/v1/traces", headers=headers), 401)
    assert error["code"] == "mistyped_key"


def test_the_official_client_raises_what_it_should(platform):
    with openai.OpenAI(base_url=f"{platform.url}/v1", api_key="vk_x", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with pytest.raises(openai.AuthenticationError):
            stranger.chat.completions.create(model="ticket-router", messages=[])


def test_a_revoked_key_is_refused_at_once(platform):
    made = platform.say("POST", "/keys", name="leaked")
    assert chat(platform, made["text"])[0] == 200
    platform.say("POST", f"/keys/{made['id']}/revoke")
    assert chat(platform, made["text"])[0] == 401


def test_a_key_is_refused_from_the_moment_it_expires(platform):
    for life_s in (1.5, 6.0, 24.0):
        expires_us = time.time_ns() // 1000 + int(life_s * 1e6)
        text = platform.say("POST", "/keys", name="short", expires_us=expires_us)["text"]
        status = chat(platform, text)[0]
        if time.time_ns() // 1000 < expires_us:
            break  # the answer came while it lived; else the machine was too slow for this life
    assert status == 200
    while time.time_ns() // 1000 < expires_us:
        time.sleep(0.02)
    assert chat(platform, text)[0] == 401


def test_a_key_without_the_scope_is_refused(platform):
    for scopes in (["feedback"], ["chat:other"]):
        text = platform.say("POST", "/keys", name="narrow", scopes=scopes)["text"]
        status, _, body = chat(platform, text)
        assert status == 403
        assert said(body)["type"] == "permission_error"
    headers = {"authorization": f"Bearer {text}"}
    told(send(platform, "GET", "/api/v1/traces", headers=headers), 403)
    told(send(platform, "POST", "/api/v1/keys", b'{"name": "more"}', headers), 403)


# bodies at /v1

GOOD = b'"messages":[{"role":"user","content":"hi"}]'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"text"', b"5", b"{}" * 2, b"\x00" * 100,
        b'{"model":"ticket-router","messages":[{"role":"user","content":"\xff\xfe"}]}',
        b'{"model":"ticket-router","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
        b'{"model":"ticket-router","messages":[{"role":"user","content":"\\ud800 half"}]}',
        b'{"model":"ticket-router","messages":[{"role":"user","content":"raw \x00 nul"}]}',
        b'{"model":"ticket-router",' + GOOD + b',"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"model":"ticket-router",' + GOOD + b',"x":' + b'{"a":' * 100_000,
        b'{"model":"ticket-router",' + GOOD + b',"temperature":NaN}',
        b"{'model': 'ticket-router'}",
        json.dumps({"model": "ticket-router"}).encode("utf-16"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(platform, key, body):
    status, _, answer = chat(platform, key, body)
    assert status == 400
    assert said(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "hi"}, "messages"), ({"messages": {}}, "messages"),
        ({"messages": []}, "messages"), ({"messages": None}, "messages"),
        ({"messages": [1]}, "messages"), ({"messages": [[]]}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": [{"role": 7, "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages.content"),
        ({"model": 5}, "model"), ({"model": None}, "model"),
        ({"stream": "yes"}, "stream"), ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": "ten"}, "max_tokens"), ({"max_tokens": 1.5}, "max_tokens"),
        ({"stream_options": 5}, "stream_options"), ({"user": 5}, "user"),
        ({"stream": True, "stream_options": {"include_usage": "x"}}, "stream_options.include_usage"),
        ({"tools": "x"}, "tools"), ({"tools": [1]}, "tools"),
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_type_is_named(platform, key, fields, param):
    status, _, body = chat(platform, key, **fields)
    assert status == 400
    assert said(body)["param"] == param


@pytest.mark.parametrize("model", ["", "nope", "ticket-router\0", "../x", "a" * 100_000, "🎡", "*"])
def test_an_unknown_model_is_said_to_be_unknown(platform, key, client, model):
    status, _, body = chat(platform, key, model=model)
    assert status == 404
    error = said(body)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert len(error["message"]) < 1000
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 10**9}, {"max_tokens": 2**31}, {"max_tokens": 10**30}, {"max_tokens": -5},
        {"temperature": -1}, {"temperature": 1e308}, {"top_p": -3}, {"n": 1000}, {"n": -1},
        {"seed": 2**70}, {"stop": "x" * 10_000}, {"top_logprobs": 10**6, "logprobs": True},
        {"logit_bias": {"5": "x"}}, {"grammar": "root ::= (((("},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "no"}}}},
        {"chat_template": "{{ 1/0 }}"}, {"id_slot": 10**9}, {"lora": [{"id": 9, "scale": 1e9}]},
    ],
)  # fmt: skip
def test_settings_beyond_reason_are_answered_or_refused(platform, key, fields):
    status, _, body = chat(platform, key, **fields)
    assert status in (200, 400)
    if status == 400:
        said(body)


def test_of_a_name_given_twice_the_last_counts(platform, key):
    body = b'{"model":"nope","model":"ticket-router",' + GOOD + b"}"
    assert chat(platform, key, body)[0] == 200
    body = b'{"model":"ticket-router","model":"nope",' + GOOD + b"}"
    assert chat(platform, key, body)[0] == 404
    body = b'{"model":"ticket-router",' + GOOD + b',"mod\\u0065l":"nope"}'
    assert chat(platform, key, body)[0] == 404


def test_50_mb_are_refused_with_and_without_a_length(platform, key):
    text = b'{"model":"ticket-router","messages":[{"role":"user","content":"' + b"x" * 50_000_000
    status, _, answer = chat(platform, key, text + b'"}]}')
    assert status == 413
    assert "max_body_bytes" in said(answer)["message"]
    with closing(socket.create_connection(("127.0.0.1", platform.port), timeout=30)) as line:
        head = f"Host: 127.0.0.1:{platform.port}\r\nAuthorization: Bearer {key}\r\n"
        line.sendall(f"POST /v1/chat/completions HTTP/1.1\r\n{head}".encode())
        line.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"%x\r\n%b\r\n" % (1 << 20, b"x" * (1 << 20))
        for _ in range(50):
            try:
                line.sendall(piece)
            except ConnectionError:
                break  # it was refused, and is no longer heard
        assert line.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_50_mb_of_nothing_but_opening_brackets_do_not_hold_the_others_up(platform, key):
    ended = threading.Event()

    def attack():
        chat(platform, key, b'{"model":"ticket-router","messages":' + b"[" * 19_000_000)
        ended.set()

    thread = threading.Thread(target=attack)
    thread.start()
    for _ in range(5):
        assert chat(platform, key)[0] == 200
    thread.join(30)
    assert ended.is_set()


def test_a_prompt_longer_than_the_context_is_refused_as_the_clients_own(platform, key, client):
    text = "word " * 20_000
    status, headers, body = chat(platform, key, messages=[{"role": "user", "content": text}])
    assert status == 400
    assert said(body)["code"] == "context_length_exceeded"
    assert "512" in said(body)["message"]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(
            model="ticket-router", messages=[{"role": "user", "content": text}], stream=True
        )
    assert trace_of(platform, headers["x-volano-trace"])["status"] == 400


def test_an_image_for_a_text_model_is_refused(platform, key):
    for url in ("data:image/png;base64,AAAA", "file:///etc/passwd", "http://127.0.0.1:1/x.png"):
        parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "?"}]
        status, _, body = chat(platform, key, messages=[{"role": "user", "content": parts}])
        assert status == 400
        assert "text only" in said(body)["message"]


def test_careless_requests_do_not_count_against_the_release(platform, key):
    from volano.gateway.shared import Shared

    shared = Shared(platform.settings.path("run", "shared.bin"))
    try:
        before = sum(shared.counts(slot)[1] for slot in range(64))
        for _ in range(5):
            assert chat(platform, key, messages=[{"content": "no role"}])[0] == 400
            assert chat(platform, key, n=-1)[0] == 400
        assert sum(shared.counts(slot)[1] for slot in range(64)) == before
    finally:
        shared.close()


# languages


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("stream", [False, True])
def test_text_of_any_language_arrives_whole(platform, upstream, client, name, stream):
    text = TEXTS[name]
    raw = client.chat.completions.with_raw_response.create(
        model="ok", messages=[{"role": "user", "content": text}], stream=stream
    )
    answer = raw.parse()
    if stream:
        got = "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
    else:
        got = answer.choices[0].message.content
    assert got == "".join(WORDS)
    assert upstream.seen[-1][1]["messages"][-1]["content"] == text
    trace = trace_of(platform, raw.headers["x-volano-trace"])
    assert (trace["input_text"], trace["output_text"]) == (text, got)
    status, headers, _ = chat(
        platform, client.api_key, messages=[{"role": "user", "content": text}]
    )
    assert status == 200
    assert trace_of(platform, headers["x-volano-trace"])["input_text"] == text


# streams and clients that misbehave


def test_a_client_that_leaves_in_mid_stream_is_traced_as_gone(platform, upstream, client):
    raw = client.chat.completions.with_raw_response.create(
        model="endless", messages=[{"role": "user", "content": "x"}], stream=True
    )
    answer = raw.parse()
    next(iter(answer))
    gone = upstream.gone
    answer.close()
    trace = trace_of(platform, raw.headers["x-volano-trace"])
    assert trace["outcome"] == "left"
    wait_for("the upstream is let go", lambda: upstream.gone > gone)


def test_a_client_that_reads_nothing_holds_nobody_up(platform, upstream, key):
    body = json.dumps(
        {"model": "big", "stream": True, "messages": [{"role": "user", "content": ""}]}
    )
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{platform.port}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    lines = []
    try:
        for _ in range(20):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", platform.port))
            line.sendall(request)
            lines.append(line)
        began = time.monotonic()
        for _ in range(10):
            assert chat(platform, key)[0] == 200
        assert time.monotonic() - began < 10
        pid = platform.processes()["worker-0"]
        memory = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert memory < 400 << 20
    finally:
        for line in lines:
            line.close()


def test_a_client_that_never_ends_its_headers_is_told_so(platform):
    with closing(socket.create_connection(("127.0.0.1", platform.port), timeout=20)) as line:
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost:")
        assert line.recv(4096).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\x00" * 64,
        b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_gets_a_400_and_an_end(platform, raw):
    with closing(socket.create_connection(("127.0.0.1", platform.port), timeout=15)) as line:
        line.sendall(raw)
        got = b""
        while data := line.recv(65536):
            got += data
    assert got[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5")


def test_an_engine_killed_in_mid_stream_is_told_and_traced_as_cut(platform, client):
    """Where the cores are busy the stream may be over before the kill: then it is tried again."""
    for _ in range(5):
        name = next(n for n in platform.processes() if n.startswith("engine-"))
        pid = platform.processes()[name]
        raw = client.chat.completions.with_raw_response.create(
            model="ticket-router", messages=[{"role": "user", "content": QUESTION}], stream=True,
            max_tokens=450, extra_body={"ignore_eos": True},
        )  # fmt: skip
        stream = iter(raw.parse())
        next(stream)
        os.kill(pid, signal.SIGKILL)
        told = _told_of_the_end(stream)
        wait_for("it is back", lambda: platform.processes().get(name) not in (None, pid))  # noqa: B023
        if told:
            break
    assert told
    trace = trace_of(platform, raw.headers["x-volano-trace"])
    assert trace["outcome"] == "cut"
    assert trace["output_text"]


def _told_of_the_end(stream):
    """Whether the rest of a stream is an error, and not its end."""
    try:
        for _ in stream:
            pass
    except openai.APIError:
        return True
    return False


@pytest.mark.parametrize("act", ["cut", "error-event"])
def test_a_providers_broken_stream_never_looks_complete(platform, upstream, client, key, act):
    status, headers, raw = chat(platform, key, model=act, stream=True)
    assert status == 200
    assert b"[DONE]" not in raw
    assert b'"error"' in raw
    assert trace_of(platform, headers["x-volano-trace"])["outcome"] == "cut"
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(
            model=act, messages=[{"role": "user", "content": "x"}], stream=True
        ))  # fmt: skip


# the API

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("trace", ["xyz", "0" * 32, "A" * 32, "a" * 31, "..%2fx", "%00" * 32,
                                   "a" * 32 + "%0a", "a" * 5000])  # fmt: skip
def test_feedback_needs_a_trace_id(platform, key, trace):
    path = f"/api/v1/traces/{trace}/feedback"
    answer = send(platform, "POST", path, b'{"value": 1}', {"authorization": f"Bearer {key}"})
    told(answer, 404 if trace.endswith("%0a") else 400)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"value":NaN}', 400), (b'{"value":1e999}', 400), (b'{"value":-Infinity}', 400),
        (b'{"value":-0.1}', 400), (b'{"value":1' + b"0" * 400 + b"}", 400),
        (b'{"value":' + b"1" * 5000 + b"}", 400), (b'{"value":true}', 400), (b'{"value":"x"}', 400),
        (b'{"value":null}', 400), (b"{}", 400), (b"", 400), (b"[]", 400), (b"{", 400), (b"\xff", 400),
        (b'{"comment":"\\ud800"}', 400), (b'{"name":"\\ud800","value":1}', 400),
        (b'{"\\ud800":1}', 400), (b'{"comment":"a\\u0000b"}', 400), (b'{"comment":5}', 400),
        (b'{"name":"../x","value":1}', 400), (b'{"value":1,"by":"somebody else"}', 400),
        (b"[" * 100_000, 400), (b'{"a":' * 100_000, 400),
        (json.dumps({"comment": "x" * 1_000_000}).encode(), 413),
        (b'{"comment":"' + b"x" * (65 << 20) + b'"}', 413),
    ],
)  # fmt: skip
def test_feedback_that_cannot_be_kept_is_refused(platform, key, body, status):
    path = f"/api/v1/traces/{TRACE}/feedback"
    told(send(platform, "POST", path, body, {"authorization": f"Bearer {key}"}), status)


def test_feedback_on_a_trace_nobody_knows_yet_is_kept(platform, key):
    body = json.dumps({"value": 1, "correction": TEXTS["rtl"]}).encode()
    path = f"/api/v1/traces/{TRACE}/feedback"
    answer = send(platform, "POST", path, body, {"authorization": f"Bearer {key}"})
    assert answer[0] == 200
    own = json.loads(answer[2])["id"]

    def listed():
        return [f for f in platform.say("GET", "/feedback", trace_id=TRACE) if f["id"] == own]

    assert wait_for("it is listed", listed)[0]["correction"] == TEXTS["rtl"]


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"cookie": "volano_session=guess"}, {"cookie": "volano_session="},
        {"x-volano-relayed": "0"}, {"x-volano-relayed": "1", "x-forwarded-for": "127.0.0.1"},
        {"x-volano-local": "1", "x-forwarded-user": "root"}, {"authorization": "Basic cm9vdDo="},
    ],
)  # fmt: skip
def test_nobody_is_let_in_without_session_or_key(platform, headers):
    for method, path in (("GET", "/api/v1/traces"), ("GET", "/api/v1/status"), ("GET", "/api/v1/keys"),
                         ("POST", "/api/v1/keys"), ("POST", "/api/v1/welcome"),
                         ("POST", "/api/v1/releases/ticket-router@1/promote")):  # fmt: skip
        told(send(platform, method, path, b"{}" if method == "POST" else None, headers), 401)


def test_other_sites_are_kept_out(platform, key, session):
    foreign = [
        {"host": "evil.example"}, {"host": f"evil.example:{platform.port}"}, {"host": "127.0.0.1:1"},
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
    ]  # fmt: skip
    for headers in foreign:
        told(send(platform, "GET", "/api/v1/traces", headers={**session, **headers}), 403)
        if "host" in headers:
            told(send(platform, "GET", "/api/v1/health", headers=headers), 403)
        answer = send(platform, "GET", "/v1/models",
                      headers={"authorization": f"Bearer {key}", **headers})  # fmt: skip
        assert answer[0] == 403
        said(json.loads(answer[2]))
        assert send(platform, "GET", "/", headers={**session, **headers})[0] in (200, 403)
    assert send(platform, "GET", "/", headers={**session, "host": "evil.example"})[0] == 403
    told(send(platform, "POST", "/api/v1/keys", b'{"name":"x"}',
              {**session, "sec-fetch-site": "cross-site"}), 403)  # fmt: skip


@pytest.mark.parametrize(
    "ref",
    ["..%2f", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "%ff", "%ed%a0%80", "x@0", "x@99999999999",
     "x@sha256:zz", "a" * 3000, "x%3Fy", "%F0%9F%8E%BA", "%0d%0aX:y", "h%C3%A9", "a%2Fb", "%25%25"],
)  # fmt: skip
def test_refs_that_are_none_are_refused(platform, session, ref):
    for path in (f"/releases/{ref}/verify", f"/models/{ref}", f"/datasets/{ref}", f"/traces/{ref}"):
        answer = send(platform, "GET", f"/api/v1{path}", headers=session)
        assert answer[0] in (400, 404)
        told(answer, answer[0])


def test_refs_with_slashes_and_marks_are_served(platform, session):
    name = "équipe/समर्थन/тикеты"
    made = platform.say("POST", f"/datasets/{talk.quote(name, safe='')}/generate", n=50, test_n=10)
    assert made["name"] == name
    for path in (talk.quote(name), talk.quote(name, safe="")):
        answer = send(platform, "GET", f"/api/v1/datasets/{path}@1", headers=session)
        assert json.loads(answer[2])["ref"] == f"{name}@1"


def test_files_of_the_machine_are_not_read_for_others(platform, session):
    before = platform.say("GET", "/datasets")
    body = json.dumps({"path": "/etc/passwd", "text": "x", "label": "y"}).encode()
    error = told(send(platform, "POST", "/api/v1/datasets/x/add", body, session), 400)
    assert error["code"] == "local_only"
    assert platform.say("GET", "/datasets") == before


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=99999999999999999999999", "limit=x", "limit=1.5", "limit=" + "9" * 5000,
     "outcome=zz", "nobody=1", "limit=%ff"],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(platform, session, query):
    told(send(platform, "GET", f"/api/v1/traces?{query}", headers=session), 400)


@pytest.mark.parametrize("text", ["%ff", "%25_%27%22%3B--", "x" * 20_000, "%F0%9F%8E%BA"])
def test_a_search_for_anything_finds_what_is_there(platform, session, text):
    assert send(platform, "GET", f"/api/v1/traces?text={text}", headers=session)[0] == 200


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/keys", {"name": "\ud800"}), ("/keys", {"name": ""}), ("/keys", {"name": 5}),
        ("/keys", {"name": "x", "scopes": ["root"]}), ("/keys", {"name": "x", "expires_us": -5}),
        ("/keys", {"name": "x", "expires_us": 10**30}), ("/keys", {"name": "x", "group": "../../x"}),
        ("/datasets/x/generate", {"n": -1}), ("/datasets/x/generate", {"n": 10**30}),
        ("/datasets/..%2fx/generate", {"n": 10}),
        ("/releases/ticket-router@1/promote", {"channel": "../x"}),
        ("/releases/ticket-router@1/promote", {"channel": "n", "plan": "nan%"}),
        ("/releases/ticket-router@1/promote", {"channel": "n", "margins": {"errors": float("nan")}}),
        ("/models/x/add", {"url": "file:///etc/passwd", "model": "m"}),
        ("/models/x/add", {"url": "http://a\r\nX: y/", "model": "m"}),
        ("/prompts/x/save", {"template": 5}), ("/prompts/x/save", {"template": "\ud800{{input}}"}),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(platform, session, path, content):
    told(send(platform, "POST", f"/api/v1{path}", json.dumps(content).encode(), session), 400)


def test_every_method_gets_an_answer_of_the_api(platform, session):
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "POST"):
        answer = send(platform, method, "/api/v1/traces", b"{}", session)
        told(answer, 405)


def test_the_api_speaks_json_while_control_is_away(platform, session, key):
    pid = platform.processes()["control"]
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    found = []

    def refused():
        answer = send(platform, "GET", "/api/v1/traces", headers=session)
        found.append(answer)
        return answer[0] == 503

    wait_for("it is away", refused)
    assert told(found[-1], 503)["code"] == "control_away"
    assert chat(platform, key)[0] == 200
    wait_for(
        "it is back", lambda: send(platform, "GET", "/api/v1/traces", headers=session)[0] == 200
    )


# the console


def test_pages_show_hostile_names_as_text(platform, session, key):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    platform.say("POST", "/keys", name=evil)
    platform.say("POST", "/prompts/hostile/save", template="{{input}}" + evil, system=evil)
    _, headers, _ = chat(platform, key, messages=[{"role": "user", "content": evil}], user=evil)
    trace = headers["x-volano-trace"]
    trace_of(platform, trace)
    platform.say("POST", f"/traces/{trace}/feedback", value=0, comment=evil, correction=evil)
    wait_for("feedback", lambda: platform.say("GET", "/feedback", trace_id=trace))
    nouns = ("datasets", "models", "prompts", "flows", "reports", "releases", "channels", "rollouts",
             "traces", "feedback", "runs", "keys", "events")  # fmt: skip
    pages = ["/", "/loop", "/find?q=" + talk.quote(evil), f"/item/traces/{trace}",
             "/item/prompts/hostile@1", *(f"/list/{noun}" for noun in nouns),
             "/list/traces?q=" + talk.quote(evil), "/" + talk.quote(evil)]  # fmt: skip
    shown = 0
    for path in pages:
        status, headers, body = send(platform, "GET", path, headers=session)
        assert status in (200, 404), path
        assert b"<script>alert" not in body, path
        assert b"<img src=x" not in body, path
        shown += b"&lt;script&gt;alert" in body
    assert shown >= 4


@pytest.mark.parametrize(
    "path",
    ["/%ff", "/%00", "/find?q=%ff", "/list/traces?before=%00", "/list/traces?before=9" + "9" * 30,
     "/list/traces?limit=-1", "/list/traces?since=x", "/list/..%2f..", "/item/traces/..%2f..",
     "/static/../control.py", "/static/..%2f..%2fcontrol.py", "/static/%2e%2e/%2e%2e/app.py",
     "//evil.example", "/?session=bad", "/" + "a" * 20_000, "/item/releases/x@0",
     "/list/feedback?before=x", "/list/rollouts?before=x", "/list/releases?before=x",
     "/list/runs?before=x", "/list/datasets?before=99999999999999999999999999"],
)  # fmt: skip
def test_pages_that_make_no_sense_are_pages_all_the_same(platform, session, path):
    status, headers, body = send(platform, "GET", path, headers=session)
    assert status in (200, 303, 400, 404)
    assert "class App" not in body.decode()
    assert headers["content-type"].startswith("text/html")


# the command line


def volano(platform, *words, stdin=None):
    command = [sys.executable, "-m", "volano.cli.main", "--home", str(platform.folder), *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, input=stdin
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"text,labels_x\nhi,a\n"), ("a.csv", b"text,label\nhi,a\nho\n"),
        ("a.csv", b"text,label\nhi,a,b\n"), ("a.csv", b"text,text,label\na,b,c\n"), ("a.csv", b""),
        ("a.csv", b"text,label\n"), ("a.csv", b'text,label\n"open,a\n'),
        ("a.csv", "text,label\nhi,a\n".encode("utf-16")), ("a.csv", b"text,label\nh\xff,a\n"),
        ("a.jsonl", b'{"text":"hi","label":"a"}\n{"text":"ho"}\n'),
        ("a.jsonl", b'{"text":"hi","label":"a"}\n{"text":5,"label":"b"}\n'),
        ("a.jsonl", b'{"text":"hi","label":"a"}\n{"text":"ho","label":{"q":1}}\n'),
        ("a.jsonl", b'{"text":"hi","label":"a"}\n[1]\n'), ("a.jsonl", b"not json\n"),
        ("a.jsonl", b'{"text":"hi","label":' + b"[" * 100_000 + b"\n"),
        ("a.jsonl", b'{"text":"\\ud800","label":"a"}\n'), ("a.bin", b"\x00\x01\x02"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_refused_whole(platform, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    before, stamp = platform.say("GET", "/datasets"), path.stat().st_mtime_ns
    done = volano(platform, "data", "add", "mixed", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in done.stderr
    assert platform.say("GET", "/datasets") == before
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, stamp)


def test_words_that_make_no_sense_are_two_lines_at_most(platform):
    for words in (("trace", "show", "nope"), ("release", "verify", "../x"), ("key", "revoke", "x"),
                  ("release", "promote", "nope", "--channel", "x"), ("trace", "list", "--limit", "-1"),
                  ("feedback", "add", "xyz", "--value", "nan")):  # fmt: skip
        done = volano(platform, *words)
        assert done.returncode in (1, 2), words
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 4, done.stderr

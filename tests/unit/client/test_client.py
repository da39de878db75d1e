import json
import math
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from volano.client import Client, trace
from volano.client.errors import (
    BadAddressError,
    BadKeyError,
    NoTraceError,
    UnexpectedAnswerError,
    UnreachableError,
)
from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

TRACE = "ab" * 16


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        server = self.server
        server.seen.append((self.client_address, self.path, dict(self.headers), json.loads(body)))
        status, headers, answer = server.answer
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = server.hang_up

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.answer, server.hang_up = [], (201, {}, b'{"id": "f1"}'), False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server):
    with Client(f"http://127.0.0.1:{server.server_port}/", key="vk_1_2_3", timeout_s=5) as client:
        yield client


def test_feedback_is_posted_as_json_with_the_key(server, client):
    assert client.feedback(TRACE, value=0, correction="возврат", comment="é") == {"id": "f1"}
    ((_, path, headers, said),) = server.seen
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == f"/api/v1/traces/{TRACE}/feedback"
    assert headers["authorization"] == "Bearer vk_1_2_3"
    assert headers["content-type"] == "application/json"
    assert said == {"name": "correct", "value": 0, "correction": "возврат", "comment": "é"}


def test_connections_are_kept_and_threads_share_the_client(server, client):
    for _ in range(5):
        client.feedback(TRACE, value=1)
    assert len({peer for peer, *_ in server.seen}) == 1
    threads = [
        threading.Thread(target=lambda: [client.feedback(TRACE, value=1) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 85
    assert len({peer for peer, *_ in server.seen}) <= 5


def test_a_connection_that_went_stale_is_replaced(server, client):
    server.hang_up = True
    for _ in range(3):
        client.feedback(TRACE, value=1)
    assert len(server.seen) == 3
    keys = {headers["idempotency-key"] for _, _, headers, _ in server.seen}
    assert len(keys) == 3


def test_a_request_that_is_sent_again_bears_the_same_idempotency_key(server, client):
    client.feedback(TRACE, value=1)
    server.answer = (0, {}, b"")
    with pytest.raises(UnreachableError):
        client.feedback(TRACE, value=1)
    _, first, again = server.seen
    assert first[2]["idempotency-key"] == again[2]["idempotency-key"]


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (400, InvalidError),
        (422, InvalidError),
        (401, UnauthenticatedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, TooLargeError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_errors_are_families_with_the_servers_words(server, client, status, family):
    answer = {"error": {"code": "x", "message": "Das geht nicht.", "hint": "Try `volano status`."}}
    server.answer = (status, {}, json.dumps(answer).encode())
    with pytest.raises(family) as raised:
        client.feedback(TRACE, value=1)
    assert type(raised.value) is family
    assert (raised.value.message, raised.value.advice) == (
        "Das geht nicht.",
        "Try `volano status`.",
    )


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": null}', b'"\xff', b"[" * 10**5]
)
def test_errors_without_words_still_say_something(server, client, body):
    server.answer = (502, {}, body)
    with pytest.raises(UnavailableError, match="status 502"):
        client.feedback(TRACE, value=1)


def test_other_forms_of_error_are_understood(server, client):
    for answer in ({"message": "No."}, {"error": "No."}):
        server.answer = (400, {}, json.dumps(answer).encode())
        with pytest.raises(InvalidError, match="No"):
            client.feedback(TRACE, value=1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(server, client, status):
    there = f"http://localhost:{server.server_port}/elsewhere"
    server.answer = (status, {"location": there}, b"")
    with pytest.raises(UnexpectedAnswerError, match="redirects"):
        client.feedback(TRACE, value=1)
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"", b"ok", b"[]"])
def test_a_stranger_that_says_ok_is_not_believed(server, client, body):
    server.answer = (200, {}, body)
    with pytest.raises(UnexpectedAnswerError):
        client.feedback(TRACE, value=1)


def test_nobody_there_is_said(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}") as raised:
        Client(f"http://127.0.0.1:{port}").feedback(TRACE, value=1)
    assert "volano up" in raised.value.advice


def test_a_silent_server_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.05)
        with pytest.raises(UnreachableError, match="timed out"):
            client.feedback(TRACE, value=1)


def test_a_server_that_speaks_nonsense_is_said():
    with socket.create_server(("127.0.0.1", 0)) as odd:
        client = Client(f"http://127.0.0.1:{odd.getsockname()[1]}", timeout_s=5)

        def answer():
            peer, _ = odd.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(UnreachableError):
            client.feedback(TRACE, value=1)
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:7070",
        "ftp://h",
        "http://",
        "http://h:x",
        "http://u:p@h",
        "http://h?q",
        "http://[h",
    ],
)
def test_bad_addresses_are_refused(url):
    with pytest.raises(BadAddressError):
        Client(url)


@pytest.mark.parametrize("key", ["", "vk\r\nx-evil: 1", "ключ", "a b"])
def test_bad_keys_are_refused_and_a_key_is_never_shown(key):
    with pytest.raises(BadKeyError):
        Client(key=key)
    assert "secret" not in repr(Client(key="secret"))


def test_a_path_cannot_be_left_and_nan_is_not_sent(server, client):
    client.feedback("../keys?x=1#", value=1)
    assert server.seen[0][1] == "/api/v1/traces/..%2Fkeys%3Fx%3D1%23/feedback"
    with pytest.raises(InvalidError):
        client.feedback(TRACE, value=math.nan)
    assert len(server.seen) == 1


def loaded_by(code: str) -> list[str]:
    """Return what of volano, and of slow libraries, is loaded once the code ran."""
    show = (
        "; import sys; print(*sorted({'.'.join(m.split('.')[:2]) for m in sys.modules"
        " if m.startswith('volano')} | {'msgspec', 'http.client', 'json', 'logging'} & {*sys.modules}))"
    )
    command = [sys.executable, "-c", code + show]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    return done.stdout.split()


def test_importing_the_client_loads_nothing_else():
    assert loaded_by("import volano.client") == ["volano", "volano.client"]
    assert loaded_by("import volano; volano.trace; volano.feedback; volano.flush") == [
        "volano",
        "volano.client",
    ]
    assert loaded_by("from volano import Client") == [
        "http.client", "json", "volano", "volano.client", "volano.core",
    ]  # fmt: skip


def test_the_public_word_is_not_hidden_by_the_room_of_its_name():
    code = (
        "import volano; from volano.feedback import Feedbacks; import volano.feedback.keeper;"
        "assert callable(volano.feedback); from volano import feedback; assert callable(feedback)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "src"})


def test_feedback_needs_a_trace_and_takes_a_span(server, client):
    with pytest.raises(NoTraceError):
        client.feedback(value=1)
    assert server.seen == []
    with trace("answer") as span:
        client.feedback(metric="helpful", value=1)
    client.feedback(span, value=0)
    (_, path, _, said), (_, again, _, _) = server.seen
    assert path == again == f"/api/v1/traces/{span.trace_id}/feedback"
    assert said == {"name": "helpful", "value": 1}

"""https at our own port, its renewal, and what is asked of an upstream's certificate."""

import json
import socket
import ssl
import threading

import httpx2
import pytest
from msgspec import structs
from openai import OpenAI

from simulators.line import Line, ask, chat
from simulators.workers import KEY, Channel, Workers, arm, snapshot, until
from support.certificates import certificate
from support.raw import MODELS, OK
from volano.gateway.errors import TargetAwayError
from volano.wire.tls import BadCertificateError, Certificate


@pytest.fixture
def served(tmp_path, upstream):
    """(workers, certificate file, key file, log) of a port that speaks https."""
    files = certificate(tmp_path, "first")
    log = tmp_path / "worker.log"
    made = Workers(tmp_path / "state")
    acts = ("ok", "endless", "big")
    made.publish(snapshot({act: Channel(arms=(arm(upstream.url, act),)) for act in acts}))
    with log.open("wb") as stderr:
        made.start(1, tls=files, stderr=stderr)
    yield made, *files, log
    made.close()


def trusting(*files):
    context = ssl.create_default_context()
    for file in files:
        context.load_verify_locations(file)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class TlsLine(Line):
    """A connection that trusts these certificates only."""

    def __init__(self, port, *trusted, context=None):
        super().__init__(port)
        context = context or trusting(*trusted)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    @property
    def name(self):
        return dict(pair for (pair,) in self.socket.getpeercert()["subject"])["commonName"]


def test_https_serves_plain_and_streamed_answers(served):
    gateway, file, _, _ = served
    line = TlsLine(gateway.port, file)
    assert line.socket.selected_alpn_protocol() == "http/1.1"
    for _ in range(3):
        assert line.send(OK).answer()[0] == 200
    line.send(ask(chat("ok", stream=True)))
    assert b"[DONE]" in line.answer()[2]
    line.send(ask(chat("big", stream=True)))
    assert len(line.answer()[2]) > 5_000_000
    assert line.send(OK + MODELS).answer()[0] == 200
    assert line.answer()[0] == 200
    line.close()


def test_the_official_client_speaks_https(served):
    gateway, file, _, _ = served
    with httpx2.Client(verify=trusting(file)) as http:
        url = f"https://localhost:{gateway.port}/v1"
        try:
            client = OpenAI(base_url=url, api_key=KEY, http_client=http)
        except TypeError:
            pytest.skip("this client wants its own HTTP library")
        answer = client.chat.completions.create(**chat("ok"))
    assert answer.choices[0].message.content


def test_our_own_pages_are_those_of_https(served):
    gateway, file, _, _ = served
    line = TlsLine(gateway.port, file)
    for scheme, status in (("https", 200), ("http", 403)):
        asked = ask(chat("ok"), f"Origin: {scheme}://127.0.0.1:{gateway.port}")
        got, _, body = line.send(asked).answer()
        assert got == status
    assert f"https://127.0.0.1:{gateway.port}" in json.loads(body)["error"]["message"]
    line.close()


@pytest.mark.slow
def test_a_renewed_certificate_is_for_new_connections_and_drops_nobody(served, tmp_path):
    gateway, file, key, log = served
    held, stream = TlsLine(gateway.port, file), TlsLine(gateway.port, file)
    stream.send(ask(chat("endless", stream=True))).until(b"Hello")
    second = certificate(tmp_path, "second")
    both = tmp_path / "both.pem"
    both.write_bytes(file.read_bytes() + second[0].read_bytes())

    def name_now():
        line = TlsLine(gateway.port, both)
        try:
            assert line.send(OK).answer()[0] == 200
            return line.name
        finally:
            line.close()

    assert name_now() == "first"
    second[0].replace(file)
    until(lambda: "The old certificate stays in use" in log.read_text())
    assert "the key is another certificate's" in log.read_text()
    assert name_now() == "first"
    second[1].replace(key)
    until(lambda: name_now() == "second")
    assert "was renewed" in log.read_text()
    file.write_text("-----BEGIN nothing")
    until(lambda: log.read_text().count("The old certificate stays in use") == 2)
    file.unlink()
    until(lambda: log.read_text().count("The old certificate stays in use") == 3)
    assert "No such file" in log.read_text()
    assert name_now() == "second"
    assert held.send(OK).answer()[0] == 200
    assert held.name == "first"
    assert stream.until(b"Hello")
    assert "PRIVATE" not in log.read_text()
    held.close()
    stream.close()


def test_http_at_the_port_of_https_comes_to_an_end(served):
    gateway, file, _, log = served
    for said in (OK, MODELS, b"\x00" * 1000, b"\x16\x03\x01\xff\xff" + b"\x00" * 50):
        plain = Line(gateway.port)
        plain.send(said)
        if said.startswith(b"\x16"):
            plain.socket.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while piece := plain.socket.recv(65536):
                data += piece
        except ConnectionResetError:
            pass
        assert b"HTTP/1.1" not in data
        plain.close()
    line = TlsLine(gateway.port, file)
    assert line.send(OK).answer()[0] == 200
    line.close()
    assert "Traceback" not in log.read_text()


def test_who_never_agrees_on_a_cipher_is_let_go(tmp_path):
    own = Workers(tmp_path / "state")
    hasty = "import volano.gateway.worker as w; w.HANDSHAKE_S = 0.5"
    own.start(1, tls=certificate(tmp_path, "first"), before=hasty)
    silent, slow = Line(own.port), Line(own.port)
    slow.send(b"\x16\x03\x01\x02\x00\x01")
    assert silent.closed()
    assert slow.closed()
    own.close()


def test_old_versions_of_tls_are_refused(served):
    gateway, file, _, _ = served
    context = trusting(file)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        TlsLine(gateway.port, context=context)
    context = trusting(file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    line = TlsLine(gateway.port, context=context)
    assert line.send(OK).answer()[0] == 200
    assert line.socket.version() == "TLSv1.2"
    line.close()


def test_a_stream_to_a_client_that_leaves_ends_upstream(served, upstream):
    gateway, file, _, _ = served
    line = TlsLine(gateway.port, file)
    line.send(ask(chat("endless", stream=True))).until(b"Hello")
    gone = upstream.gone
    line.close()
    until(lambda: upstream.gone > gone)


@pytest.mark.parametrize("what", ["missing", "no key", "not PEM", "another's key", "passphrase"])
def test_a_certificate_that_cannot_be_used_says_why(tmp_path, what):
    file, key = certificate(tmp_path, "a", passphrase=b"x" if what == "passphrase" else b"")
    said = {"missing": "No such file", "no key": "No such file", "not PEM": "",
            "another's key": "another certificate's", "passphrase": "passphrase"}[what]  # fmt: skip
    if what == "missing":
        file.unlink()
    elif what == "no key":
        key.unlink()
    elif what == "not PEM":
        file.write_text("hello")
    elif what == "another's key":
        key = certificate(tmp_path, "b")[1]
    with pytest.raises(BadCertificateError) as caught:
        Certificate(file, key)
    assert said in caught.value.message
    assert "tls_key" in caught.value.advice


# upstreams


class Provider:
    """An https server whose certificate nobody has signed."""

    def __init__(self, files):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        self.heard = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                raw, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as line:
                self.heard += line.recv(65536)
                body = b'{"id":"1","choices":[],"data":[{"id":"m"}]}'
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
                line.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        except OSError:
            pass


@pytest.fixture
def provider(tmp_path):
    made = Provider(certificate(tmp_path, "provider"))
    yield made
    made.socket.close()


@pytest.mark.parametrize("trusted", [False, True])
def test_an_upstreams_certificate_must_be_trusted(tmp_path, provider, trusted, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "provider.pem"))
    own = Workers(tmp_path / "state")
    own.publish(snapshot({"ok": Channel(arms=(arm(provider.url, "ok"),))}))
    own.start(1)
    line = Line(own.port)
    status, _, body = line.send(OK).answer()
    line.close()
    own.close()
    if trusted:
        assert status == 200
        return
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "upstream_certificate")
    assert "certificate is not trusted: self-signed certificate" in error["message"]
    assert "SSL_CERT_FILE" in error["message"]
    assert provider.heard == b"", "no key goes to who cannot say who he is"


def test_a_target_may_have_authorities_of_its_own(tmp_path, provider, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    pem, gone = str(tmp_path / "provider.pem"), str(tmp_path / "gone.pem")
    own = Workers(tmp_path / "state")
    statuses = []
    for generation, file in enumerate((pem, gone, ""), 1):
        arms = arm(provider.url, "ok")
        targets = tuple(structs.replace(target, ca_file=file) for target in arms.targets)
        channel = Channel(arms=(structs.replace(arms, targets=targets),))
        own.publish(snapshot({"ok": channel}, generation))
        if not statuses:
            own.start(1)
        line = Line(own.port)
        statuses.append(line.send(OK).answer()[0])
        line.close()
    own.close()
    assert statuses == [200, 502, 502]


@pytest.mark.parametrize("trusted", [False, True])
def test_a_check_of_a_target_trusts_as_the_workers_do(tmp_path, provider, trusted, monkeypatch):
    from volano.adapters.providers import PROVIDERS
    from volano.gateway.probe import probe
    from volano.gateway.target import Target, TargetKey

    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "provider.pem"))
    target = Target("t", "compatible", provider.url, "", "", (), False, True, 0, 0)
    keys = (TargetKey("vault", "sk-secret"),)
    if trusted:
        assert probe(target, PROVIDERS.get("compatible"), keys)["models"] == ["m"]
        return
    with pytest.raises(TargetAwayError) as caught:
        probe(target, PROVIDERS.get("compatible"), keys)
    assert "SSL_CERT_FILE" in caught.value.advice
    assert b"sk-secret" not in provider.heard

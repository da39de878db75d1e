"""Secrets are planted, all goes wrong that can, and then everything that was written is searched.

The state folder (traces unpacked), logs, what the API, the pages and the command
line said, and every answer: none may hold a provider's key, a client's key, or
what signs and seals. They may stand only where they are kept: in `keys/`, and for
the workers in `run/snapshot.json`, both for the owner's eyes only.
"""

import base64
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress

import pytest

from simulators.upstream import Upstream, _chunk, _plain
from support.files import below
from volano.cli import talk
from volano.cli.demo.platform import Platform
from volano.traces.keeper import Traces

pytestmark = pytest.mark.slow

ENVIRONMENT_KEY = "sk-env-PLANTED1-Qx7Zr2Lw9"
VAULT_KEY = "sk-vault-PLANTED2-Mb4Tn8Vc3"
LATER_KEY = "sk-later-PLANTED3-Hg5Yd1Pk6"
TYPED_KEY = "sk-typed-PLANTED4-Jf2Ws7Ne0"
ACTS = ("ok", "status-400", "status-401", "status-429", "status-500", "html", "cut", "error-event",
        "lie", "close", "garbage", "endless", "stall")  # fmt: skip


class Echo(Upstream):
    """As `Upstream`, but its errors repeat the key they were asked with."""

    async def _act(self, model, name, number, body, writer) -> bool:
        key = self.seen[-1][0].get("authorization", "")
        wrong = {"error": {"message": f"no good: {key}", "type": "x"}}
        if name == "status":
            _plain(writer, wrong, int(number))
            return True
        if model == "error-event" and body.get("stream"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                         b"transfer-encoding: chunked\r\n\r\n")  # fmt: skip
            await _chunk(writer, b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
            await _chunk(writer, f"data: {json.dumps(wrong)}\n\n".encode())
            return False
        return await super()._act(model, name, number, body, writer)


def wait_for(what, holds, within_s=60.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


class Searched:
    """A running platform, and all that it said to anyone."""

    def __init__(self, platform):
        self.platform = platform
        self.said: list[tuple[str, bytes]] = []

    def api(self, method, path, **arguments):
        try:
            answer = self.platform.say(method, path, **arguments)
        except talk.RemoteError as error:
            answer = {"error": [error.message, error.advice]}
        self.said.append((f"{method} {path}", json.dumps(answer, default=str).encode()))
        return answer

    def http(self, method, path, body=b"", /, **headers):
        """One request; a stream is left after a moment when it does not end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.platform.port, timeout=1.5)
        raw = b""
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request(
                method, path, body, {k.replace("_", "-"): v for k, v in headers.items()}
            )
            response = connection.getresponse()
            raw = str(response.headers).encode()
            self.said.append((f"{method} {path}", raw))
            with suppress(http.client.IncompleteRead):
                raw = response.read1(1 << 20) if b"event-stream" in raw else response.read()
        self.said.append((f"{method} {path}", raw))

    def cli(self, *words, stdin=""):
        command = [
            sys.executable,
            "-m",
            "volano.cli.main",
            "--home",
            str(self.platform.folder),
            *words,
        ]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        self.said.append((" ".join(words[:3]), (done.stdout + done.stderr).encode()))

    def answers(self):
        with suppress(talk.RemoteError, OSError):
            return not [c for c in self.platform.say("GET", "/channels") if c["rollout_id"]]
        return False


def _chat(act, *, stream):
    messages = [{"role": "user", "content": "What is it?"}]
    return json.dumps(
        {"model": act, "messages": messages, "stream": stream, "max_tokens": 5}
    ).encode()


def _open(searched, upstream):
    """A target with a key in the environment and one in the vault; each act is a channel."""
    url = f"{upstream.url}/v1"
    searched.api("POST", "/targets/both/add", provider="compatible", url=url,
                 key_env=["PLANTED_KEY", "NOT_SET_KEY"])  # fmt: skip
    searched.api("POST", "/targets/both/key", key=VAULT_KEY)
    for act in ACTS:
        searched.api("POST", f"/models/{act}/add", at=[f"both:{act}"])
        flow = searched.api("POST", f"/flows/{act}/compose", model=act)
        release = searched.api("POST", f"/releases/{act}/cut", flow=flow["ref"])
        searched.api("POST", f"/releases/{release['ref']}/promote", channel=act, plan="100%")
    wait_for("the channels are open", searched.answers)


def _mistype(searched):
    """Keys where no key belongs: said again by nobody but the shell."""
    for url in (f"https://a.example/v1?key={TYPED_KEY}", f"https://u:{TYPED_KEY}@a.example/v1",
                f"ftp://a.example/?key={TYPED_KEY}", f"https://a.example/ ?key={TYPED_KEY}",
                f"https://{TYPED_KEY}@[/v1"):  # fmt: skip
        searched.api("POST", "/targets/odd/add", provider="compatible", url=url)
        searched.cli("target", "add", "odd", "--provider", "compatible", "--url", url)
        searched.api("POST", "/models/odd/add", url=url, model="m")
    searched.api("POST", "/targets/odd/add", provider="compatible", url="https://a.example/v1",
                 key_env=[TYPED_KEY])  # fmt: skip
    searched.api("POST", "/targets/both/key", key=f"{TYPED_KEY}\r\nX: y")
    searched.api("POST", "/targets/none/key", key=TYPED_KEY)
    searched.cli("target", "key", "none", stdin=TYPED_KEY)


def _ask_all(searched, key):
    for act in ACTS:
        for stream in (False, True):
            given = {"authorization": f"Bearer {key}"}
            searched.http("POST", "/v1/chat/completions", _chat(act, stream=stream), **given)
    for wrong in (f"Bearer {key}x", f"Basic {key}", key):
        searched.http(
            "POST", "/v1/chat/completions", _chat("ok", stream=False), authorization=wrong
        )
        searched.http("GET", "/api/v1/traces", authorization=wrong)
    searched.http("POST", f"/v1/chat/completions?key={key}", _chat("ok", stream=False))
    searched.http("POST", "/v1/messages", _chat("status-401", stream=False), x_api_key=key)
    searched.http("POST", "/v1/chat/completions", b"{broken", authorization=f"Bearer {key}")
    searched.http("POST", f"/v1/nothing?key={key}", b"{}", authorization=f"Bearer {key}")
    searched.http("GET", f"/api/v1/nothing/{{x}}?key={key}", authorization=f"Bearer {key}")
    with socket.create_connection(("127.0.0.1", searched.platform.port)) as broken:
        broken.sendall(f"POST /v1 HTTP/1.1\r\nAuthorization: Bearer {key}\nX\r\n\r\n".encode())
        searched.said.append(("broken HTTP", broken.recv(65536)))


def _kill_a_worker_in_mid_stream(searched, key):
    asking = threading.Thread(
        target=searched.http,
        args=("POST", "/v1/chat/completions", _chat("endless", stream=True)),
        kwargs={"authorization": f"Bearer {key}"},
    )
    asking.start()
    pid = searched.platform.processes()["worker-0"]
    time.sleep(0.3)  # somewhere in the stream; it matters not where
    os.kill(pid, signal.SIGKILL)
    asking.join()
    wait_for(
        "a worker is back", lambda: searched.platform.processes()["worker-0"] not in (pid, None)
    )
    wait_for("control is there", searched.answers)


def _look_around(searched, session):
    ids = [row["id"] for row in searched.api("GET", "/traces", limit=200)]
    assert len(ids) > 20
    for one in ids:
        searched.api("GET", f"/traces/{one}")
    for path in ("/status", "/targets", "/targets/both", "/keys", "/channels", "/models", "/audit",
                 "/runs", "/targets/both/check", "/gateway/health", "/events"):  # fmt: skip
        searched.api("GET", path)
    for words in (("status",), ("doctor",), ("target", "show", "both"), ("target", "check", "both"),
                  ("trace", "list"), ("key", "list"), ("audit", "list"), ("model", "keys")):  # fmt: skip
        searched.cli(*words)
        searched.cli(*words, "--json")
    for page in ("/", "/list/traces", "/list/channels", "/list/models", "/list/keys", "/list/audit",
                 "/list/targets", f"/item/traces/{ids[0]}", f"/item/traces/{ids[-1]}"):  # fmt: skip
        searched.http("GET", page, cookie=f"volano_session={session}")


KEPT = ("keys/hmac.key", "keys/session.token", "keys/signing.key", "keys/vault.json")
FOR_WORKERS = "run/snapshot.json"


def _planted(platform, key):
    secret = platform.settings.path("keys", "hmac.key").read_bytes()
    signing = platform.settings.path("keys", "signing.key").read_bytes().strip()
    texts = {"environment": ENVIRONMENT_KEY, "vault": VAULT_KEY, "later": LATER_KEY,
             "typed": TYPED_KEY, "client": key, "client's secret": key.split("_")[2]}  # fmt: skip
    found = {name: [text.encode()] for name, text in texts.items()}
    forms = [secret.strip(), base64.b64encode(secret), secret.hex().encode()]
    found["hmac"] = [form for form in forms if len(form) >= 16]
    found["signing"] = [line for line in signing.splitlines() if b"-----" not in line] or [signing]
    return found


def _written(platform):
    """(where, bytes) of all in the state folder, and the traces as they read unpacked."""
    for path in below(platform.folder):
        yield str(path.relative_to(platform.folder)), path.read_bytes()
    traces = Traces(platform.settings.path("records", "hot.db"))
    for row in traces.list(limit=1000):
        yield f"trace {row.id}", repr(traces.get(row.id)).encode()
    with closing(sqlite3.connect(platform.settings.path("records", "hot.db"))) as hot:
        yield "hot.db, as SQL", "\n".join(hot.iterdump()).encode()


def test_no_secret_leaves_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_KEY", ENVIRONMENT_KEY)
    upstream = Echo()
    with Platform(tmp_path / "work") as platform:
        searched = Searched(platform)
        key = platform.say("POST", "/keys", name="client", scopes=["chat:*", "feedback", "read"])[
            "text"
        ]
        session = platform.say("GET", "/status")["session"]
        _open(searched, upstream)
        _ask_all(searched, key)
        used = {head.get("authorization") for head, _ in upstream.seen}
        assert used == {f"Bearer {ENVIRONMENT_KEY}", f"Bearer {VAULT_KEY}"}, (
            "they are the real ones"
        )
        searched.api("POST", "/targets/both/key", key=LATER_KEY, replace=True)
        _mistype(searched)
        _kill_a_worker_in_mid_stream(searched, key)
        _ask_all(searched, key)
        assert f"Bearer {LATER_KEY}" in {head.get("authorization") for head, _ in upstream.seen}
        wait_for("all is recorded", lambda: len(platform.say("GET", "/traces", limit=200)) > 20)
        _look_around(searched, session)
        planted = _planted(platform, key)
        _search(platform, planted, searched.said)
        for name in (*KEPT, FOR_WORKERS):
            assert platform.settings.path(*name.split("/")).stat().st_mode & 0o777 == 0o600
    _search(platform, planted, searched.said)
    assert not platform.settings.path("run", "snapshot.json").exists()
    upstream.stop()


def _search(platform, planted, said):
    looked_at = 0
    for where, content in [*_written(platform), *said]:
        looked_at += 1
        if where.removeprefix(".volano/") in (*KEPT, FOR_WORKERS):
            continue
        for name, forms in planted.items():
            for form in forms:
                at = content.find(form)
                shown = content[max(0, at - 200) : at + 100]
                assert at < 0, f"the {name} key is in {where}: {shown!r}"
    assert looked_at > 100

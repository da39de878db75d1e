"""What a head decides is decided once, and never for longer than it holds."""

import asyncio
import hmac
import json
import os

import pytest

from simulators.workers import KEY, Arm, Channel, Key, Snapshot
from volano.core.clock import ManualClock
from volano.gateway.front import Front
from volano.gateway.shared import Shared
from volano.gateway.snapshot import Target
from volano.gateway.state import Limits, State
from volano.wire.http_client import Origin
from volano.wire.http_server import Server

SECRET = bytes(range(32))
MOST = 1000


class Transport:
    def __init__(self, peer="127.0.0.1"):
        self.peer, self.written = peer, b""

    def write(self, data):
        self.written += data

    def get_extra_info(self, name, default=None):
        return (self.peer, 1)

    def can_write_eof(self):
        return False

    def close(self): ...
    def abort(self): ...
    def pause_reading(self): ...
    def resume_reading(self): ...


class Spool:
    def __init__(self):
        self.frames = []

    def append(self, kind, payload):
        self.frames.append(payload)

    def append_all(self, kind, payloads):
        self.frames += payloads


class Gate:
    """A worker's door in this process; its one target is never asked, as no loop runs."""

    def __init__(self, tmp_path):
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        shared = Shared(tmp_path / "shared.bin")
        self.state = State(
            self.loop, name="w", spool=Spool(), slot=shared.claim(os.getpid()), clock=self.clock,
            limits=Limits(),
        )  # fmt: skip
        relay = Origin("unix:/nowhere", self.state.wheel, self.loop)
        self.server = Server(Front(self.state, relay, 7070), self.state.wheel, self.loop)
        self.generation = 0
        self.publish(Key(id="abcdefgh"))

    def publish(self, key: Key | None):
        self.generation += 1
        digest = hmac.digest(SECRET, KEY.encode(), "sha256").hex()
        target = Target(name="t", url="http://127.0.0.1:9", model="m")
        arm = Arm(release="s@1", release_digest="sha256:1", targets=(target,))
        self.state.apply(Snapshot(
            generation=self.generation, published_us=1, hmac_secret_hex=SECRET.hex(),
            keys={} if key is None else {digest: key}, channels={"s": Channel(arms=(arm,))},
            max_body_bytes=MOST,
        ))  # fmt: skip

    def ask(self, *headers: str, peer="127.0.0.1", size=0, times=1):
        """The calls that were let in, or the status of the last refusal."""
        body = json.dumps({"model": "s", "messages": [{"role": "user", "content": "x" * size}]})
        lines = ["POST /v1/chat/completions HTTP/1.1", "host: 127.0.0.1:7070", *headers]
        lines += [f"authorization: Bearer {KEY}", f"content-length: {len(body)}"]
        data = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
        for _ in range(times):
            connection, transport = self.server(), Transport(peer)
            connection.connection_made(transport)
            connection.data_received(data)
        if transport.written:
            return int(transport.written.split(b" ")[1])
        return connection._current.owner._call

    def tickets(self):
        return [head.ticket for head in self.server.heads._known.values() if head.ticket]


@pytest.fixture
def gate(tmp_path):
    made = Gate(tmp_path)
    yield made
    made.state.close()
    made.loop.close()


def test_the_same_head_again_is_let_in_as_it_was(gate):
    say = ("x-volano-unit: Ágnes", "x-volano-session: 会话-1")
    first = gate.ask(*say, times=1)
    [*_, later] = [gate.ask(*say) for _ in range(4)]
    assert gate.tickets()
    assert later.key is first.key
    assert (later.unit, later.session) == (first.unit, first.session) == ("Ágnes", "会话-1")
    assert later.trace != first.trace
    assert len(later.trace) == 32
    assert len(later.span) == 16
    assert later.request.limit == first.request.limit == MOST


def test_a_key_that_is_taken_away_is_refused_at_once(gate):
    gate.ask(times=4)
    assert gate.tickets()
    gate.publish(None)
    assert gate.ask() == 401
    gate.publish(Key(id="abcdefgh", scopes=("feedback",)))
    assert gate.ask() == 403


def test_a_key_ends_when_it_ends(gate):
    gate.publish(Key(id="abcdefgh", expires_us=gate.clock.now_us() + 1_000_000))
    gate.ask(times=4)
    assert gate.tickets()
    gate.clock.advance(0.9)
    assert gate.ask().key.id == "abcdefgh"
    gate.clock.advance(0.1)
    assert gate.ask() == 401


def test_where_a_call_comes_from_is_looked_at_each_time(gate):
    gate.publish(Key(id="abcdefgh", ips=("10.0.0.0/8",)))
    gate.ask(peer="10.1.2.3", times=4)
    assert gate.tickets() == []
    assert gate.ask(peer="192.168.0.1") == 403


def test_the_clients_trace_is_joined_each_time(gate):
    parent = f"traceparent: 00-{'a' * 32}-{'b' * 16}-01"
    calls = [gate.ask(parent) for _ in range(4)]
    assert {(call.trace, call.parent) for call in calls} == {("a" * 32, "b" * 16)}
    assert len({call.span for call in calls}) == 4


def test_a_long_body_is_refused_behind_a_known_head_too(gate):
    gate.ask(times=4)
    assert gate.tickets()
    assert gate.ask(size=MOST) == 413


def test_a_full_spool_refuses_behind_a_known_head_too(gate):
    gate.ask(times=4)
    assert gate.tickets()
    gate.state.full_until = gate.state.wheel.now + 10
    assert gate.ask() == 503
    gate.state.full_until = gate.state.wheel.now - 1
    assert gate.ask().key.id == "abcdefgh"

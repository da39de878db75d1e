"""What the relay does when control answers before it has the whole request."""

import pytest

from volano.gateway.relay import Relay
from volano.wire.http_client import Upstream


class Loop:
    """Calls later what is to be called later."""

    def __init__(self):
        self.later = []

    def call_soon(self, call):
        self.later.append(call)

    def turn(self):
        later, self.later = self.later, []
        for call in later:
            call()


class Request:
    """The client's side."""

    peer = "127.0.0.1"
    started = finished = False
    http11 = True
    method, target = b"POST", b"/api/v1/keys"

    def __init__(self, loop):
        self.connection = type("Connection", (), {"server": type("Server", (), {"loop": loop})})
        self.headers = [(b"host", b"127.0.0.1")]
        self.fields, self.length = dict(self.headers), 2
        self.told = []

    def start(self, status, headers, *, length=None):
        self.started = True
        self.told.append(status)

    def write(self, data):
        self.told.append(data)

    def finish(self, last=b"", *, close=False):
        self.finished = True

    def hold_body(self):
        pass

    release_body = hold_body


class Control(Upstream):
    """A connection that notes what goes out, and whether it was given up."""

    def __init__(self):
        self.written = b""
        self.cancelled = False

    def write(self, data):
        self.written += data

    def cancel(self):
        self.cancelled = True


class Origin:
    def send(self, head, receiver, **_how):
        return None


@pytest.fixture
def relayed():
    loop = Loop()
    request, control = Request(loop), Control()
    relay = Relay(request, Origin())
    relay.connected(control)
    return relay, request, control, loop


def refuse(relay):
    relay.head(401, [(b"content-length", b"2")])
    relay.data(b"no")
    relay.ended()


def test_a_connection_whose_request_was_sent_is_kept(relayed):
    relay, request, control, loop = relayed
    relay.chunk(b"{}")
    relay.complete(b"")
    loop.turn()
    refuse(relay)
    assert (control.written, control.cancelled, request.finished) == (b"{}", False, True)


def test_an_answer_before_the_body_has_come_gives_the_connection_up(relayed):
    relay, request, control, loop = relayed
    loop.turn()
    refuse(relay)
    assert (control.written, control.cancelled, request.finished) == (b"", True, True)


def test_an_answer_before_the_body_was_passed_on_gives_the_connection_up(relayed):
    """Else control would take the beginning of somebody's next request for this one's body."""
    relay, request, control, loop = relayed
    relay.chunk(b"{}")
    relay.complete(b"")
    refuse(relay)
    loop.turn()
    assert (control.written, control.cancelled) == (b"", True)
    assert request.told == [401, b"no"]

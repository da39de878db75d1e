"""A recorded request is asked again of the release that is wanted, marked, and shown beside the old answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import SimpleNamespace

import pytest

from support.workspace import ANNA, Street
from volano.gateway.choose import choose
from volano.gateway.errors import NotReplayableError, NotServedError, NotUpError
from volano.gateway.path import identify
from volano.gateway.replays import Replays
from volano.gateway.snapshot import Key
from volano.releases.channel import arms


class Door(BaseHTTPRequestHandler):
    """A gateway's port that answers, and remembers what it was asked."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        said = json.dumps({"choices": [{"message": {"content": "new"}}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@pytest.fixture
def street(desk):
    street = Street(desk)
    desk.serve("support")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.asked = street.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    street.workers = [{"worker": "worker-0"}]
    street.replays = Replays(
        traces=street.traces, releases=lambda: desk.releases, keys=desk.keys,
        gateway=SimpleNamespace(status=lambda: street.workers), ledger=desk.ledger,
        clock=desk.clock, address=f"http://127.0.0.1:{server.server_port}",
    )  # fmt: skip
    yield street
    server.shutdown()
    server.server_close()
    thread.join()
    street.close()


def called(street, **more):
    body = {"model": "support", "stream": True, "messages": [{"role": "user", "content": "hé"}]}
    given = {"request": json.dumps(body).encode(), "door": "openai.chat", "group": "shop", **more}
    trace = street.call("support", "stable", **given)
    street.recorder.drain()
    return trace


def test_it_is_asked_whole_marked_and_in_the_group_of_the_call(street):
    trace = called(street)
    done = street.replays.replay(trace, by=ANNA)
    street.replays.replay(trace, by=ANNA)
    path, headers, body = street.asked[0]
    assert (path, body["model"], "stream" in body) == ("/v1/chat/completions", "support", False)
    assert headers["x-volano-replay"] == trace
    assert headers["x-volano-cache"] == "off"
    assert done["id"] in headers["traceparent"]
    assert (done["release"], done["new"]["text"]) == ("support@1", "new")
    keys = street.workspace.keys.list()
    assert [(key.name, key.group) for key in keys] == [("replay", "shop")]
    assert street.workspace.ledger.list(limit=2)[0].verb == "replay"


def test_the_unit_belongs_to_the_release_that_is_wanted(street):
    desk, trace = street.workspace, called(street)
    candidate = desk.cut("support")
    desk.releases.promote(candidate.ref, channel="support", plan="5%,100%", by=ANNA)
    desk.releases.advance(desk.releases.active()[0], step=0, content={}, by=ANNA)
    for wanted in ("support@1", candidate.ref):
        done = street.replays.replay(trace, release=wanted, by=ANNA)
        channel = desk.releases.channel("support")
        shares = [SimpleNamespace(arm=a.role, share=a.share, ref=a.release) for a in arms(channel)]
        assert choose(shares, channel.salt, done["id"]).ref == wanted


def test_what_cannot_be_asked_says_why(street):
    with pytest.raises(NotServedError, match="any channel"):
        street.replays.replay(called(street), release="support@9", by=ANNA)
    with pytest.raises(NotReplayableError, match="no JSON"):
        street.replays.replay(called(street, request=b""), by=ANNA)
    with pytest.raises(NotReplayableError, match="no call"):
        street.replays.replay("f" * 32, by=ANNA)
    street.workers.clear()
    with pytest.raises(NotUpError):
        street.replays.replay(called(street), by=ANNA)
    assert street.asked == []


@pytest.mark.parametrize(
    ("scopes", "believed"), [(("chat:*",), False), (("chat:*", "replay"), True)]
)
def test_only_a_key_for_replays_is_believed_that_this_is_one(scopes, believed):
    fields = {
        b"traceparent": b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01",
        b"x-volano-replay": b"c" * 32,
        b"x-volano-tag-replay": b"forged",
        b"x-volano-tag-order": b"4711",
    }
    state = SimpleNamespace(random=Random(1))
    call = SimpleNamespace(
        state=state, request=SimpleNamespace(fields=fields, headers=[*fields.items()]), replayed="",
        key=Key(id="abcdefgh", scopes=scopes),
    )  # fmt: skip
    identify(call)
    assert call.replayed == ("c" * 32 if believed else "")
    assert call.tags == {"order": "4711"}

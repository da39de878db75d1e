"""Workers as processes: swaps, drains, deaths, a full spool, and the way to control."""

import asyncio
import http.client
import json
import resource
import signal
import threading

import pytest

from simulators.line import HERE, Line, ask, chat
from simulators.workers import NARROW, Channel, Workers, arm, snapshot, until
from volano.gateway.snapshot import write


@pytest.fixture()
def own(tmp_path):
    made = Workers(tmp_path / "state", drain_s=60.0, retry_s=0.2)
    yield made
    made.close()


def channels(upstream, release="support@1", act="ok"):
    return {"support": Channel(arms=(arm(upstream.url, act, release=release),))}


def test_two_workers_on_one_socket_swap_the_snapshot(own, upstream):
    own.publish(snapshot(channels(upstream)))
    own.start(2)
    lines = [Line(own.port) for _ in range(8)]
    for generation in (2, 3, 4):
        own.publish(snapshot(channels(upstream, f"support@{generation}"), generation))
        assert set(own.shared.workers().values()) == {generation}
        got = [line.send(ask(chat("support"))).answer()[1] for line in lines]
        assert {headers["x-volano-release"] for headers in got} == {f"support@{generation}"}
    for line in lines:
        line.close()


def test_a_bad_snapshot_is_refused_and_the_old_one_stays(own, upstream):
    own.publish(snapshot(channels(upstream)))
    log = own.folder / "worker.log"
    with log.open("wb") as stderr:
        own.start(1, stderr=stderr)
    (own.folder / "run" / "snapshot.json").write_text('{"generation": 2')
    own.shared.publish(2)
    until(lambda: "The snapshot `snapshot.json` cannot be used" in log.read_text())
    assert set(own.shared.workers().values()) == {1}
    line = Line(own.port)
    assert line.send(ask(chat("support"))).answer()[0] == 200
    own.publish(snapshot(channels(upstream, "support@3"), 3))
    assert line.send(ask(chat("support"))).answer()[1]["x-volano-release"] == "support@3"
    line.close()


@pytest.mark.parametrize(("unit", "releases"), [("user", 1), ("request", 2)])
def test_a_user_sticks_to_a_release_unless_each_request_is_a_unit(own, upstream, unit, releases):
    halves = [
        arm(upstream.url, "ok", release=f"support@{n}", arm=role, share=500_000)
        for n, role in ((1, "stable"), (2, "candidate"))
    ]
    own.publish(snapshot({"support": Channel(arms=tuple(halves), unit=unit, salt="s")}))
    own.start(1)
    line = Line(own.port)
    answers = [line.send(ask(chat("support", user="anna"))).answer()[1] for _ in range(40)]
    line.close()
    assert len({headers["x-volano-release"] for headers in answers}) == releases
    calls = own.frames()
    assert len({call.unit for call in calls}) == (1 if unit == "user" else 40)


def test_a_refused_channel_says_so_to_those_who_may_call_it(own, upstream):
    own.publish(snapshot(channels(upstream), refused={"bad": "bad@1"}))
    own.start(1)
    line = Line(own.port)
    status, _, body = line.send(ask(chat("bad"))).answer()
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (503, "refused_release")
    assert "`bad@1` cannot be trusted or used" in error["message"]
    assert line.send(ask(chat("bad"), key=NARROW)).answer()[0] == 404
    assert line.send(ask(chat("support"))).answer()[0] == 200
    line.close()


def test_a_revoked_key_is_gone_with_the_next_snapshot(own, upstream):
    own.publish(snapshot(channels(upstream)))
    own.start(1)
    line = Line(own.port)
    assert line.send(ask(chat("support"))).answer()[0] == 200
    revoked = snapshot(channels(upstream), 2)
    revoked.keys.clear()
    own.publish(revoked)
    assert line.send(ask(chat("support"))).answer()[0] == 401
    line.close()


def test_sigterm_finishes_what_is_under_way_and_ends(own, upstream):
    own.publish(snapshot(channels(upstream, act="slow")))
    own.start(1)
    idle, busy = Line(own.port), Line(own.port)
    idle.send(ask(chat("support"))).answer()
    seen = len(upstream.seen)
    busy.send(ask(chat("support")))
    until(lambda: len(upstream.seen) > seen)
    own.processes[0].send_signal(signal.SIGTERM)
    assert idle.closed()
    status, headers, _ = busy.answer()
    assert status == 200
    assert headers["connection"] == "close"
    assert own.processes[0].wait(30) == 0
    assert own.shared.workers() == {}


def test_a_stream_that_outlasts_the_drain_ends_as_cut(tmp_path, upstream):
    own = Workers(tmp_path / "state", drain_s=0.3)
    try:
        own.publish(snapshot({"endless": Channel(arms=(arm(upstream.url, "endless"),)),
                              "stall": Channel(arms=(arm(upstream.url, "stall"),))}))  # fmt: skip
        own.start(1)
        stream, plain = Line(own.port), Line(own.port)
        head = stream.send(ask(chat("endless", stream=True))).until(b"Hello").decode()
        seen = len(upstream.seen)
        plain.send(ask(chat("stall")))
        until(lambda: len(upstream.seen) > seen)
        own.processes[0].send_signal(signal.SIGTERM)
        assert b"the gateway was stopped" in stream.until(b"upstream_cut")
        status, _, body = plain.answer()
        assert status == 503
        assert json.loads(body)["error"]["code"] == "upstream_stopped"
        assert own.processes[0].wait(30) == 0
        frames = {frame.id: frame for frame in own.frames()}
        cut = frames[head.split("x-volano-trace: ")[1][:32]]
        assert (cut.outcome, cut.error) == ("cut", "the gateway was stopped")
        assert b"Hello" in cut.response
        assert len(frames) == 2
        assert own.shared.counts(0) == (0, 0)
    finally:
        own.close()


def test_sigterm_ends_relayed_event_streams_at_once(own, control):
    """At once: long before the drain's own limit."""
    line = Line(own.port)
    line.send(ask(b"", method="GET", path="/events"))
    assert line.until(b"data: 1\n")
    own.processes[0].send_signal(signal.SIGTERM)
    assert line.until(b"0\r\n\r\n")
    assert own.processes[0].wait(25) == 0


def test_what_the_upstream_refuses_does_not_count_against_the_release(own, upstream):
    own.publish(snapshot({act: Channel(arms=(arm(upstream.url, act, slot=slot),))
                          for slot, act in enumerate(("status-400", "status-429", "status-500"))}))  # fmt: skip
    own.start(1)
    line = Line(own.port)
    for act in ("status-400", "status-429", "status-500"):
        line.send(ask(chat(act))).answer()
    assert [own.shared.counts(slot) for slot in range(3)] == [(1, 0), (1, 1), (1, 1)]
    line.close()


def test_kill_9_in_mid_stream_leaves_the_begin_frame_and_all_answered_calls(own, upstream):
    own.publish(snapshot({**channels(upstream),
                          "endless": Channel(arms=(arm(upstream.url, "endless"),))}))  # fmt: skip
    own.start(1)
    line, stream = Line(own.port), Line(own.port)
    answered = [line.send(ask(chat("support"))).answer()[1]["x-volano-trace"] for _ in range(20)]
    head = stream.send(ask(chat("endless", stream=True))).until(b"Hello").decode()
    own.processes[0].kill()
    own.processes[0].wait()
    assert {f.id for f in own.frames()} == set(answered)
    assert head.split("x-volano-trace: ")[1][:32] in {b.id for b in own.frames(kind=2)}


def test_kill_9_amid_many_calls_loses_no_answered_one(own, upstream):
    own.publish(snapshot(channels(upstream)))
    own.start(1)
    lines = [Line(own.port) for _ in range(12)]
    answered, enough = [], threading.Event()

    def ask_on(line):
        try:
            while True:
                answered.append(line.send(ask(chat("support"))).answer()[1]["x-volano-trace"])
                if len(answered) > 300:
                    enough.set()
        except (OSError, EOFError):
            pass  # killed in the middle of this one

    threads = [threading.Thread(target=ask_on, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    own.processes[0].kill()
    for thread in threads:
        thread.join()
    assert set(answered) <= {frame.id for frame in own.frames()}


def once(own, **more):
    line = Line(own.port)
    try:
        return line.send(ask(chat("support", **more))).answer()
    finally:
        line.close()


def test_a_full_spool_refuses_calls_until_there_is_room(own, upstream):
    own.publish(snapshot(channels(upstream)))
    own.start(1)
    pid = own.processes[0].pid
    assert once(own)[0] == 200
    size = sum(p.stat().st_size for p in (own.folder / "spool").glob("*.seg"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    asked = len(upstream.seen)
    for streamed in (False, True):
        status, headers, body = once(own, stream=streamed)
        assert status == 503
        assert headers["retry-after"] == "1"
        assert json.loads(body)["error"]["code"] == "spool_full"
    assert len(upstream.seen) <= asked + 1  # known to be full, it is not asked again and again
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    until(lambda: once(own)[0] == 200)


def test_calls_that_end_together_are_each_answered_by_what_was_kept(own, upstream):
    own.publish(snapshot(channels(upstream, act="slow")))
    own.start(1)
    pid = own.processes[0].pid
    once(own)
    size = sum(p.stat().st_size for p in (own.folder / "spool").glob("*.seg"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (3 * size + 100, resource.RLIM_INFINITY))
    lines = [Line(own.port).send(ask(chat("support"))) for _ in range(8)]
    answers = [line.answer() for line in lines]
    kept = {frame.id for frame in own.frames()}
    for status, headers, _ in answers:
        assert status in (200, 503)
        assert (status == 200) == (headers.get("x-volano-trace") in kept)
    assert {status for status, _, _ in answers} == {200, 503}


def test_a_full_spool_serves_unrecorded_where_the_owner_says_so(own, upstream):
    own.publish(snapshot(channels(upstream), spool_policy="unrecorded"))
    own.start(1)
    line = Line(own.port)
    assert line.send(ask(chat("support"))).answer()[0] == 200
    resource.prlimit(own.processes[0].pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    assert line.send(ask(chat("support"))).answer()[0] == 200
    assert line.send(ask(chat("support", stream=True))).answer()[0] == 200
    line.close()


class Control:
    """Control's relay socket: echoes bodies, streams, says what it was asked."""

    def __init__(self, path):
        self.path = path
        self.heads: list[bytes] = []
        self.gone = threading.Event()
        self.ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.main()), daemon=True).start()
        assert self.ready.wait(30)

    async def main(self):
        await asyncio.start_unix_server(self.serve, self.path)
        self.ready.set()
        await asyncio.sleep(60)

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self.answer(head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()

    async def answer(self, head, reader, writer):
        lower = head.lower()
        if head.startswith(b"GET /events"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                         b"transfer-encoding: chunked\r\n\r\n")  # fmt: skip
            while True:
                writer.write(b"8\r\ndata: 1\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        if head.startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            return
        body = b""
        if b"transfer-encoding: chunked" in lower:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        elif b"content-length" in lower:
            size = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            body = await reader.readexactly(size)
        if head.startswith(b"DELETE"):
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 201 Created\r\nx-a: 1\r\nset-cookie: a\r\nset-cookie: b\r\n"
                     b"content-length: %d\r\n\r\n" % len(body) + body)  # fmt: skip


@pytest.fixture()
def control(own):
    own.start(1)
    return Control(own.folder / "run" / "relay.sock")


def test_other_paths_go_to_control_with_their_bodies(own, control):
    line = Line(own.port)
    body = bytes(range(256)) * 8000
    request = ask(
        body,
        "x-volano-relayed: 7",
        "x-volano-client: 10.0.0.1",
        "Cookie: s=1",
        path="/api/v1/x?q=1",
        key=None,
    )
    status, headers, got = line.send(request.replace(HERE.encode(), b"my.host:7")).answer()
    assert (status, got, headers["x-a"]) == (201, body, "1")
    head = control.heads[-1]
    assert head.startswith(b"POST /api/v1/x?q=1 HTTP/1.1\r\n")
    assert b"host: my.host:7\r\n" in head
    assert head.count(b"x-volano-relayed") == 1
    assert b"x-volano-relayed: 1\r\n" in head
    assert head.count(b"x-volano-client") == 1, "nobody says for himself where he is"
    assert b"x-volano-client: 127.0.0.1\r\n" in head
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:1000], body[1000:3000]))
    line.send(ask(b"", "Transfer-Encoding: chunked", path="/x") + pieces + b"0\r\n\r\n")
    assert line.answer()[2] == body[:3000]
    line.send(ask(b"", method="DELETE", path="/x")).until(b"\r\n\r\n")
    assert line.send(ask(b"", method="GET", path="/")).answer()[0] == 201
    line.close()


def test_head_keeps_its_length_and_sends_no_body(own, control):
    connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=30)
    for _ in range(3):
        connection.request("HEAD", "/x")
        answer = connection.getresponse()
        assert answer.headers["content-length"] == "5"
        assert answer.read() == b""
    connection.close()


def test_an_event_stream_is_relayed_and_ends_when_the_client_leaves(own, control):
    line = Line(own.port)
    line.send(ask(b"", method="GET", path="/events"))
    assert line.until(b"data: 1\n")
    line.close()
    assert control.gone.wait(30)


def test_a_stale_snapshot_file_is_used_at_the_start(own, upstream):
    write(own.folder / "run" / "snapshot.json", snapshot(channels(upstream), 5))
    own.shared.publish(5)
    own.start(1)
    line = Line(own.port)
    assert line.send(ask(chat("support"))).answer()[0] == 200
    line.close()

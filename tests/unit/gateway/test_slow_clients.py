"""Clients that send next to nothing, for ever: each is told so and let go, however many they are."""

import json
import os
import threading

import pytest

from simulators.control import Control
from simulators.line import Line, chat
from simulators.workers import Channel, Workers, arm, snapshot, until
from support.raw import MODELS, everything, lives, start

HASTE = (
    "import volano.wire.http_server as s; "
    "s.HEADER_S = 0.6; s.BODY_S = 0.8; s.KEEP_ALIVE_S = 0.8; s.LINGER_S = 0.8"
)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory, upstream):
    """A worker with little patience."""
    made = Workers(tmp_path_factory.mktemp("hasty") / "state")
    made.publish(snapshot({"ok": Channel(arms=(arm(upstream.url, "ok"),))}))
    made.start(1, before=HASTE)
    control = Control(made.folder / "run" / "relay.sock")
    yield made
    control.close()
    made.close()


def dribble(line, data, stop):
    """A byte at a time, for ever."""
    try:
        while not stop.wait(0.05):
            line.socket.sendall(data)
    except OSError:
        pass


SLOW = {
    "headers": (start(), b"X", 408),
    "a body with a length": (start() + b"Content-Length: 100000\r\n\r\n", b" ", 408),
    "a chunked body": (start() + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 408),
    "trailers": (start() + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", 408),
    "a chunk's extension": (start() + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", 408),
    "a body for control": (start("/api/v1/x") + b"Content-Length: 90000\r\n\r\n", b" ", 408),
    "chunks for control": (start("/api/v1/x") + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 408),
    "headers behind an answer": (MODELS + start(), b"X", 408),
}  # fmt: skip


@pytest.mark.parametrize(("begin", "piece", "status"), SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("silent", [False, True], ids=["dribbling", "silent"])
def test_who_sends_too_slowly_is_told_so_and_let_go(hasty, begin, piece, status, silent):
    line = Line(hasty.port)
    line.send(begin)
    stop = threading.Event()
    thread = threading.Thread(target=dribble, args=(line, piece, stop))
    if not silent:
        thread.start()
    if begin.startswith(MODELS):
        assert line.answer()[0] == 200
    got, headers, body = line.answer()
    assert (got, headers["connection"]) == (status, "close")
    assert "in time" in json.loads(body)["error"]["message"]
    assert line.closed()
    stop.set()
    if not silent:
        thread.join()
    line.close()


@pytest.mark.parametrize("begin", [b"", b"P", b"\r\n", b"\r\n\r\n"])
def test_who_sends_nothing_is_let_go(hasty, begin):
    line = Line(hasty.port)
    line.send(begin)
    assert line.closed()


def _resident_kb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(row.split()[1]) for row in file if row.startswith("VmRSS"))


def test_many_slow_clients_cost_little_and_hold_nobody_up(hasty):
    pid = hasty.processes[0].pid
    lives(hasty)
    before = _resident_kb(pid)
    lines = [Line(hasty.port) for _ in range(300)]
    for at, line in enumerate(lines):
        line.send(list(SLOW.values())[at % 7][0])
    lives(hasty)
    assert _resident_kb(pid) - before < 30_000
    for line in lines:
        assert b"HTTP/1.1 408" in everything(line)
        line.close()
    until(lambda: _descriptors(pid) < 60)
    lives(hasty)


def _descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_steady_body_may_take_longer_than_the_patience(hasty):
    """2 KB each 0.1 s are many times `BODY_RATE`."""
    body = json.dumps(chat("ok", user="u" * 40_000)).encode()
    line = Line(hasty.port)
    line.send(start() + b"Content-Length: %d\r\n\r\n" % len(body))
    pause = threading.Event()
    for at in range(0, len(body), 2000):
        line.send(body[at : at + 2000])
        pause.wait(0.1)
    assert line.answer()[0] == 200
    line.close()

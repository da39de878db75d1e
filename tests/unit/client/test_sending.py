"""The way to the server: whatever happens there, the program goes on, and nothing is lost unsaid."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

import volano
from simulators.door import Door
from volano.client.tracing.outbox import Outbox, Outcome, Room
from volano.client.tracing.sender import retry_after_s
from volano.client.wire import Answer

FAST = Room(interval_s=0.0, first_pause_s=0.005, longest_pause_s=0.02)


def steps(count, name="s"):
    for i in range(count):
        with volano.trace(f"{name}{i}"):
            pass


def test_spans_travel_together_and_squeezed(door, setup):
    setup(room=Room(interval_s=5))
    steps(600)
    door.wait(512)  # a full batch does not wait for the interval
    assert volano.flush(10)
    assert len({span.span_id for span in door.wait(600)}) == 600
    assert [seen.headers["content-encoding"] for seen in door.seen] == ["gzip"] * len(door.seen)
    assert len(door.seen) <= 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_asks_for_patience_gets_it(door, setup, status):
    setup(room=FAST)
    door.answers = [(status, {}, b"")] * 3
    steps(5)
    assert [span.name for span in door.wait(5)] == ["s0", "s1", "s2", "s3", "s4"]
    assert len(door.seen) >= 4


def test_retry_after_is_waited_for(door, setup):
    setup(room=FAST)
    door.answers = [(429, {"retry-after": "1"}, b"")]
    began = time.monotonic()
    steps(1)
    door.wait(1)
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("7", 7), ("x", 0), ("-1", 0), ("9" * 30, 300), ("Mon, 01 Jan 2024 00:00:00 GMT", 0)],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    from email.message import Message

    headers = Message()
    headers["retry-after"] = text
    assert retry_after_s(Answer(429, headers, b"")) == seconds


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, b'{"error": {"message": "No such key."}}'), "No such key. (see that VOLANO_KEY"),
        ((404, {}, b"<html>"), "VOLANO_URL"),
        ((302, {"location": "http://localhost/"}, b""), "302"),
        ((200, {}, b"<html>welcome to the hotel"), "no volano"),
        (
            (200, {}, b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}'),
            "too old",
        ),
    ],
)
def test_a_refusal_is_said_once_and_the_next_batch_is_tried(door, setup, caplog, answer, said):
    volano.client.process.PROCESS._complaint._last = float("-inf")
    door.answers = [answer, answer]
    with caplog.at_level(logging.WARNING, "volano.client"):
        steps(1)
        assert not volano.flush(10)
        steps(1)
        assert not volano.flush(10)
    (record,) = caplog.records
    assert said in record.getMessage()
    steps(1)
    assert volano.flush(10)
    assert len(door.wait(1)) == 1


def test_a_batch_that_is_too_large_is_halved(door, setup):
    setup(room=Room(interval_s=0.2))
    door.answers = [(413, {}, b""), (413, {}, b"")]
    steps(8)
    assert volano.flush(10)
    assert sorted(span.name for span in door.wait(8)) == sorted(f"s{i}" for i in range(8))


def test_a_server_that_takes_no_gzip_gets_it_plain(door, setup):
    setup(room=Room(interval_s=0.2))
    door.answers = [(415, {}, b"")]
    steps(8)
    assert volano.flush(10)
    door.wait(8)
    assert "content-encoding" not in door.seen[-1].headers


def nobody():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("url", ["", "no address", "http://nowhere.invalid"])
def test_nobody_there_is_nobodys_trouble(setup, url):
    url = url or nobody()
    setup(url=url, room=FAST)
    steps(3)
    volano.feedback(trace="ab" * 16, value=1)
    assert not volano.flush(0.05)


def test_what_waits_while_the_server_is_away_is_sent_when_it_is_back(setup):
    with Door() as door:
        setup(url=door.url, room=FAST)
        door.hang.clear()
        steps(3)
        began = time.monotonic()
        assert not volano.flush(0.05)
        assert time.monotonic() - began < 2
        door.hang.set()
        assert volano.flush(10)
        assert len({span.span_id for span in door.wait(3)}) == 3


def test_a_server_that_hangs_is_given_up_and_tried_again(door, setup):
    setup(room=FAST, timeout_s=0.1)
    door.hang.clear()
    steps(1)
    time.sleep(0.15)
    door.hang.set()
    assert volano.flush(10)
    assert {span.name for span in door.wait(1)} == {"s0"}


def test_a_full_outbox_drops_the_oldest_and_counts():
    sent, held, started = [], threading.Event(), threading.Event()

    class Post:
        def pack(self, items):
            return list(items)

        def send(self, parcel):
            started.set()
            held.wait()
            sent.extend(parcel)
            return Outcome("sent")

        def forget(self):
            pass

    box = Outbox(Post, name="things", room=Room(items=10, bytes=1000, interval_s=0, batch_items=4))
    box.put("first", 1)
    assert started.wait(10)
    for i in range(30):
        box.put(i, 1)
    assert box.lost == 20
    box.put("big", 995)
    assert box.lost == 25  # five go for its sake: 995 + 5 fit
    held.set()
    assert not box.flush(0) or box.flush(10)
    box.close(10)
    assert sent == ["first", 25, 26, 27, 28, 29, "big"]


def test_a_put_inside_of_a_put_does_no_harm(door, setup):
    """A signal handler, or a finaliser, may trace in the middle of anything."""
    outbox = volano.client.process.PROCESS.start()._outbox
    with outbox._lock:
        steps(2)
    assert volano.flush(10)
    door.wait(2)


def test_many_threads_lose_nothing(door, setup):
    threads = [threading.Thread(target=steps, args=(200, f"t{n}-")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert volano.flush(20)
    assert len({span.name for span in door.wait(1600)}) == 1600


def test_feedback_in_the_background(door, setup):
    with volano.trace("answer") as span:
        volano.feedback(value=1, metric="helpful", comment="gut")
    volano.feedback("cd" * 16, value=0)
    volano.feedback(value=1)  # on no trace: a warning, no more
    volano.feedback(trace=object(), value=object())
    volano.feedback("ef" * 16, value=float("nan"))
    volano.flush(10)
    notes = [seen for seen in door.seen if "feedback" in seen.path]
    assert notes[0].path == f"/api/v1/traces/{span.trace_id}/feedback"
    assert json.loads(notes[0].body) == {"name": "helpful", "value": 1, "comment": "gut"}
    assert notes[1].path == f"/api/v1/traces/{'cd' * 16}/feedback"
    assert len({seen.headers["idempotency-key"] for seen in notes}) == len(notes) == 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_sends_its_own_and_nothing_of_its_parents(door, setup):
    setup(room=Room(interval_s=30))
    steps(2, "parent")
    child = os.fork()
    if child == 0:
        steps(3, "child")
        good = volano.flush(10)
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert {span.name for span in door.wait(3)} == {"child0", "child1", "child2"}
    assert volano.flush(10)
    found = door.wait(5)
    assert len(found) == 5
    assert len({span.span_id for span in found}) == len({span.trace_id for span in found}) == 5


PROGRAM = """
import atexit, logging, sys, threading, time, volano
sys.stdout.write("on\\n")
with volano.trace("main"):
    volano.feedback(value=1)
class Late:
    def __del__(self):
        with volano.trace("late"):
            volano.feedback(value=1)
late = Late()
threading.Thread(target=lambda: [time.sleep(0.01) or volano.trace("t").__enter__() for _ in range(9)], daemon=True).start()
{more}
"""


def run(url, more="", **environment):
    environment = {"PYTHONPATH": "src", "VOLANO_URL": url, "VOLANO_KEY": "vk_k"} | environment
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", PROGRAM.replace("{more}", more)],
        capture_output=True, text=True, env=environment, timeout=30, check=False,
    )  # fmt: skip
    return done, time.monotonic() - began


def test_a_program_that_ends_sends_what_it_has(door):
    done, _ = run(door.url, VOLANO_SERVICE="kassza", VOLANO_RELEASE="7", VOLANO_ENVIRONMENT="test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")
    (span,) = (span for span in door.wait(1) if span.name == "main")
    assert span.resource["service.name"] == "kassza"
    assert span.resource["service.version"] == "7"
    assert span.resource["deployment.environment.name"] == "test"
    assert any("feedback" in seen.path for seen in door.seen)


def test_a_program_ends_soon_when_the_server_hangs_or_is_away(door):
    door.hang.clear()
    done, _ = run(door.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")
    done, took_s = run(nobody())
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert len(done.stderr.splitlines()) <= 1
    assert took_s < 10


def test_a_worker_of_multiprocessing_sends_before_it_ends(door):
    more = (
        "import multiprocessing\n"
        "def work():\n    with volano.trace('worker'): pass\n"
        "p = multiprocessing.get_context('fork').Process(target=work); p.start(); p.join()\n"
    )
    done, _ = run(door.url, more, PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stderr
    assert "worker" in {span.name for span in door.wait(2)}


def test_without_a_key_nothing_is_sent_and_it_is_said_once():
    done, _ = run(nobody(), VOLANO_KEY="")
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert len(done.stderr.splitlines()) == 1
    assert "VOLANO_KEY is not set" in done.stderr
    done, _ = run(nobody(), VOLANO_KEY="", VOLANO_TRACING="off")
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")

"""What a scraper reads of workers that run: exact counts, also over a worker's death."""

import signal

import pytest

from simulators.line import Line, ask, chat
from simulators.workers import Arm, Channel, Target, Workers, arm, snapshot, until
from support.prometheus import parse
from volano.core.clock import SystemClock
from volano.gateway.keeper import Gateway
from volano.wire.prometheus import Page


@pytest.fixture()
def own(tmp_path, upstream):
    made = Workers(tmp_path / "state", drain_s=60.0, retry_s=0.2)
    two = Arm(release="two@1", release_digest="sha256:" + "b" * 64, targets=(
        Target(name="bad", url=upstream.url, model="status-500"),
        Target(name="good", url=upstream.url, model="ok"),
    ))  # fmt: skip
    channels = {act: Channel(arms=(arm(upstream.url, act),)) for act in ("ok", "cut", "endless")}
    made.publish(snapshot({**channels, "two": Channel(arms=(two,))}))
    made.start(1)
    yield made
    made.close()


@pytest.fixture()
def scrape(own):
    gateway = Gateway(run=own.folder / "run", ledger=None, clock=SystemClock())

    def read():
        page = Page()
        gateway.tell(page)
        return parse(page.text())

    yield read
    gateway.close()


def send(own, body, **how):
    line = Line(own.port)
    try:
        return line.send(ask(body, **how)).answer()[0]
    finally:
        line.close()


CALLED = {"door": "openai.chat", "channel": "ok", "release": "support@1", "target": "t1"}


def test_calls_are_counted_exactly(own, scrape):
    assert [send(own, chat("ok")) for _ in range(3)] == [200] * 3
    assert [send(own, chat("ok", stream=True)) for _ in range(2)] == [200] * 2
    assert send(own, chat("cut", stream=True)) == 200
    assert send(own, chat("two")) == 200
    assert send(own, chat("nowhere")) == 404
    assert send(own, chat("ok"), key="vk_wrong") == 401
    assert send(own, chat("ok"), path="/v1/embeddings") == 400
    found = scrape()
    calls = found["volano_requests_total"]
    assert calls.value(**CALLED, outcome="ok", status="2xx") == 5
    assert calls.sum(channel="cut", outcome="cut", status="2xx") == 1
    assert calls.sum(channel="two", target="good", outcome="ok") == 1
    assert calls.sum(channel="", outcome="refused", status="4xx") == 3
    assert calls.sum() == 10
    took = found["volano_request_duration_seconds"]
    by_channel = {key: value for key, value in CALLED.items() if key != "door"}
    assert took.value("_count", **by_channel) == 5
    assert found["volano_time_to_first_token_seconds"].value("_count", **by_channel) == 2
    assert found["volano_fallbacks_total"].value() == 1
    assert found["volano_spool_failures_total"].value() == 0
    body = len(ask(chat("ok")).partition(b"\r\n\r\n")[2])
    streamed = len(ask(chat("ok", stream=True)).partition(b"\r\n\r\n")[2])
    assert found["volano_request_bytes_total"].value(**CALLED) == 3 * body + 2 * streamed
    assert found["volano_response_bytes_total"].value(**CALLED) > 0
    assert found["volano_snapshot_generation"].value() == 1
    assert found["volano_worker_generation"].value(worker="w0") == 1


def test_counts_go_on_when_a_worker_is_killed_and_what_it_did_then_is_over(own, scrape):
    assert send(own, chat("ok")) == 200
    line = Line(own.port)
    line.send(ask(chat("endless", stream=True))).until(b"data: ")
    until(lambda: scrape()["volano_streams"].value(worker="w0") == 1)
    assert scrape()["volano_in_flight"].value(worker="w0") == 1
    until(lambda: scrape()["volano_target_in_flight"].value(target="t1", model="endless") == 1)
    own.processes[0].send_signal(signal.SIGKILL)
    own.processes[0].wait()
    line.close()
    gone = scrape()
    assert gone["volano_workers"].value() == 0
    assert gone["volano_requests_total"].value(**CALLED, outcome="ok", status="2xx") == 1
    own.start(1)
    assert send(own, chat("ok")) == 200
    found = scrape()
    assert found["volano_requests_total"].value(**CALLED, outcome="ok", status="2xx") == 2
    assert found["volano_in_flight"].value(worker="w0") == 0
    assert found["volano_workers"].value() == 1


def test_a_target_that_fails_is_seen_as_open(own, scrape):
    for _ in range(6):
        assert send(own, chat("two")) == 200
    states = {"target": "bad", "model": "status-500"}
    until(lambda: scrape()["volano_target_state"].value(**states, state="open") == 1)
    good = {"target": "good", "model": "ok", "state": "closed"}
    assert scrape()["volano_target_state"].value(**good) == 1

"""When a target counts as down: calls in a row without an answer, over all workers."""

import os

import pytest

from simulators.line import Line, ask, chat
from simulators.upstream import Upstream
from simulators.workers import Channel, Workers, arm, snapshot, until
from volano.core.clock import SystemClock
from volano.gateway.health import FORGOTTEN_S, TRIPS, Health
from volano.gateway.metrics import by_target
from volano.gateway.outage import Outage, of_all, outage
from volano.gateway.vitals import Seen, Vitals

S = 1_000_000
NOW = 1000 * S


def seen(answered=0, calls=0, since=0, until=0):
    return Seen("t1", "m", "closed", 0, 0, answered * S, calls, since * S, until * S)


def test_enough_calls_in_a_row_without_an_answer_are_an_outage():
    assert outage([seen(800, TRIPS, 900, 990)], NOW) == Outage(900 * S, 990 * S)
    assert outage([seen(800, TRIPS - 1, 900, 990)], NOW) is None
    assert outage([], NOW) is None


def test_workers_count_together():
    two, three = seen(0, 2, 920, 930), seen(850, 3, 910, 990)
    assert outage([two, three, seen()], NOW) == Outage(910 * S, 990 * S)


def test_an_answer_to_any_worker_ends_it_for_all():
    assert outage([seen(800, 20, 900, 990), seen(950)], NOW) is None
    after = [seen(800, 20, 900, 990), seen(950, TRIPS, 960, 995)]
    assert outage(after, NOW) == Outage(960 * S, 995 * S)


def test_nobody_knows_how_that_is_which_nobody_asked_for_long():
    last = int(1000 - FORGOTTEN_S)
    assert outage([seen(0, 20, 600, last)], NOW) is None
    assert outage([seen(0, 20, 600, last + 1)], NOW) is not None


def test_several_targets_are_down_when_all_of_them_are():
    one, two = Outage(5, 50), Outage(9, 40)
    assert of_all([one, two]) == Outage(9, 50)
    assert of_all([one, None]) is None
    assert of_all([]) is None


def missed(health, now, *, rests=False):
    health.began(now)
    health.rests(now, 1.0) if rests else health.failed(now)


def test_a_rest_is_no_answer_and_an_answer_ends_the_row():
    health = Health()
    for at in (1.0, 2.0, 3.0):
        missed(health, at, rests=at == 2.0)
    assert (health.unanswered, health.unanswered_from, health.unanswered_at) == (3, 1.0, 3.0)
    health.began(4.0)
    health.dropped()
    assert health.unanswered == 3
    health.began(5.0)
    health.answered(5.0, 0.1)
    assert (health.unanswered, health.answered_at) == (0, 5.0)
    missed(health, 6.0)
    assert (health.unanswered, health.unanswered_from) == (1, 6.0)


def test_what_lies_far_apart_is_no_row():
    health = Health()
    missed(health, 1.0)
    missed(health, 2.0 + FORGOTTEN_S)
    assert (health.unanswered, health.unanswered_from) == (1, 2.0 + FORGOTTEN_S)


def test_workers_show_it_in_shared_memory(tmp_path):
    vitals, reader = Vitals(tmp_path / "vitals.bin"), Vitals(tmp_path / "vitals.bin")
    health = Health()
    health.began(1.0)
    health.answered(1.0, 0.25)
    for at in range(2, 2 + TRIPS):
        missed(health, float(at))
    pulse = vitals.claim(os.getpid(), "w")
    pulse.show({"t1 https://a.example m-1": health}, 8.0)
    [one] = by_target(reader.workers())["t1", "m-1"]
    assert one == Seen("t1", "m-1", "open", 0, 250_000, S, TRIPS, 2 * S, 6 * S)


@pytest.fixture
def gateway(tmp_path):
    made = Workers(tmp_path / "state")
    yield made
    made.close()


@pytest.mark.parametrize(("model", "down"), [("status-500", True), ("flaky-1", False)])
def test_what_workers_see_of_a_real_upstream(gateway, model, down):
    upstream = Upstream()
    gateway.publish(snapshot({"support": Channel((arm(upstream.url, model),))}))
    gateway.start(2)
    for _ in range(2 * TRIPS):
        line = Line(gateway.port).send(ask(chat("support")))
        assert line.answer()[0] == (500 if down else 200)
        line.socket.close()
    vitals, clock = Vitals(gateway.folder / "run" / "vitals.bin"), SystemClock()

    def told():
        return by_target(vitals.workers()).get(("t1", model), ())

    def settled():
        return any(one.unanswered if down else one.answered_us for one in told())

    until(settled)
    until(lambda: (outage(told(), clock.monotonic_us()) is not None) is down)
    found = outage(told(), clock.monotonic_us())
    if down:
        assert 0 < found.from_us <= found.until_us <= clock.monotonic_us()
    vitals.close()
    upstream.stop()

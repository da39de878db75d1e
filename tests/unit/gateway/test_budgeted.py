"""Budgets hold on the path: workers, their purses, control's treasury and the recorder, all real."""

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from random import Random

import pytest
from msgspec import structs

from simulators.line import Line, ask, chat
from simulators.upstream import USAGE, Upstream
from simulators.workers import KEY, Arm, Channel, Workers, snapshot, until
from support.workspace import ANNA
from volano.core.clock import SystemClock
from volano.costs.keeper import Costs
from volano.costs.price import Price, Rates, cost
from volano.costs.pricing import Pricing
from volano.gateway.snapshot import Target
from volano.store import Ledger
from volano.traces import HotStore, Recorder, Traces
from volano.wire.exchange import Usage

pytestmark = pytest.mark.slow  # seconds each: real processes, or many examples

PRICE = Price(Rates(input=1_000, output=1_000_000_000), source="the test", context=100_000)
ONCE = cost(PRICE, Usage(input=USAGE["prompt_tokens"], output=USAGE["completion_tokens"]))
"""What the upstream charges for an answer."""
MOST = 10
"""Tokens that each call allows: more than any answer has."""


class Till:
    """Control's part: budgets, the treasury's thread, the recorder's, and workers that spend."""

    def __init__(self, folder, db, channels, **limits):
        self.workers = Workers(folder / "state", **limits)
        state = self.workers.folder
        (state / "spool").mkdir()
        self.traces = Traces(state / "hot.db")
        clock = SystemClock()
        self.channels, self.generation = channels, 0
        self.one_at_a_time = threading.RLock()
        self.costs = Costs(
            db=db, ledger=Ledger(db, clock), traces=self.traces, spool=state / "spool",
            run=state / "run", clock=clock, publish=self.publish,
            frames=None,
        )  # fmt: skip
        self.stop = threading.Event()
        self.costs.start()
        self.recording = threading.Thread(target=self._record)
        self.recording.start()

    def publish(self) -> int:
        with self.one_at_a_time:  # the treasury publishes, too
            self.generation += 1
            held = self.costs.allotments()
            self.workers.publish(snapshot(self.channels, self.generation, budgets=held))
            return self.generation

    def _record(self):
        state = self.workers.folder
        with closing(HotStore(state / "hot.db")) as hot:
            recorder = Recorder(state / "spool", hot, annotate=Pricing(self.costs.book))
            while not self.stop.is_set():
                recorder.drain()
                self.stop.wait(0.02)
            recorder.drain()
            recorder.close()

    def close(self):
        self.workers.close()
        self.stop.set()
        self.recording.join(30)
        self.costs.close()

    def standing(self):
        [found] = self.costs.budgets()
        return found


def target(upstream, act, name="t", **more):
    return Target(name=name, url=upstream.url, model=act, pricing=PRICE, **more)


def channel(*targets):
    return Channel(arms=(Arm(release="s@1", release_digest="sha256:" + "a" * 64, targets=targets),))


@pytest.fixture
def second():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def till(second, sqlite, tmp_path):
    acts = ("ok", "slow", "cut", "status-500", "stall", "error-event", "endless", "close")
    channels = {act: channel(target(second, act)) for act in acts}
    channels["again"] = channel(target(second, "status-500", "a"), target(second, "ok", "b"))
    channels["lost"] = channel(target(second, "close", "a"), target(second, "ok", "b"))
    channels["unpriced"] = channel(Target(name="u", url=second.url, model="ok"))
    channels["free"] = channel(Target(name="e", url=second.url, model="ok", engine=True))
    made = Till(tmp_path, sqlite, channels, retry_s=0.2, budget_s=1.0)
    made.publish()
    yield made
    made.close()


def say(port, model, *, stream=False, **more):
    line = Line(port)
    try:
        status, headers, body = line.send(
            ask(chat(model, **{"stream": stream, "max_tokens": MOST, **more}))
        ).answer()
    finally:
        line.close()
    return status, headers, body


def told(body):
    return json.loads(body)["error"]


def test_a_call_is_held_and_settled_and_its_trace_says_what_it_cost(till):
    till.workers.start(1)
    till.costs.set_budget("channel:ok", amount="1", by=ANNA)
    port = till.workers.port
    assert say(port, "ok")[0] == say(port, "ok", stream=True)[0] == 200
    until(lambda: till.standing().spent.nano == 2 * ONCE)
    assert till.standing().held.nano == 0
    until(lambda: len(till.traces.list()) == 2)
    for trace in till.traces.list():
        assert (trace.cost_nano, trace.cost_currency) == (ONCE, "USD")
        assert trace.priced_by == "the test"


def test_a_call_that_could_pass_the_budget_is_refused_before_it_is_made(till, second):
    till.workers.start(1)
    till.costs.set_budget("group:*", amount="0.000030", by=ANNA)  # 30,000 nano: three calls' worst
    port = till.workers.port
    assert say(port, "ok")[0] == 200
    heard = len(second.seen)
    status, headers, body = say(port, "ok", max_tokens=40)
    assert (status, told(body)["code"]) == (429, "insufficient_quota")
    assert "group:*" in told(body)["message"]
    assert headers["x-should-retry"] == "false"
    assert len(second.seen) == heard
    assert say(port, "ok")[0] == 200  # a smaller one fits
    until(lambda: len(till.traces.list()) == 3)
    refused = next(t for t in till.traces.list() if t.outcome == "refused")
    assert (refused.cost_nano, refused.priced_by) == (0, "not asked")


def test_what_cannot_be_held_is_refused_and_says_what_to_do(till):
    till.workers.start(1)
    port = till.workers.port
    assert say(port, "unpriced")[0] == 200  # no budget covers it
    till.costs.set_budget("group:*", amount="1", by=ANNA)
    until(lambda: say(port, "unpriced")[0] != 200)
    status, _, body = say(port, "unpriced")
    assert (status, told(body)["code"]) == (503, "price_unknown")
    assert "volano cost price ok --target u" in told(body)["message"]
    assert say(port, "free")[0] == 200  # an own engine without a price costs nothing
    till.channels["ok"] = channel(
        Target(name="t", url=till.channels["ok"].arms[0].targets[0].url, model="ok",
               pricing=Price(PRICE.rates, source="x")))  # fmt: skip
    till.publish()
    till.workers.wait_applied()
    status, _, body = say(port, "ok", max_tokens=None)
    assert (status, told(body)["code"], told(body)["param"]) == (
        400,
        "cost_unbounded",
        "max_tokens",
    )


def test_a_failed_try_costs_nothing_and_a_lost_one_what_it_was_held_for(till):
    till.workers.start(1)
    till.costs.set_budget("group:*", amount="1", by=ANNA)
    port = till.workers.port
    assert say(port, "lost")[0] == 200
    until(lambda: len(till.traces.list()) == 1)
    [lost] = till.traces.list()
    assert lost.cost_nano > ONCE + MOST * 1000
    assert say(port, "again")[0] == 200
    assert till.standing().spent.nano == ONCE + lost.cost_nano
    assert till.standing().held.nano == 0
    assert say(port, "status-500")[0] == 500
    until(lambda: len(till.traces.list()) == 3)
    assert till.traces.list()[0].cost_nano == 0


def test_a_call_waits_for_room_that_others_hold(till):
    till.workers.start(2)
    till.costs.set_budget("group:*", amount="0.000016", by=ANNA)  # one call's worst at a time
    port, found = till.workers.port, Counter()

    def one():
        found[say(port, "slow")[0]] += 1

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {200: 2}
    assert till.standing().spent.nano == 2 * ONCE


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"messages": [{"role": "user", "content": "\u00e9", "weight": "HUGE"}]}, 200),
        ({"n": "HUGE"}, 400),
        ({"n": 3}, 200),
    ],
)
def test_odd_numbers_and_escapes_get_an_answer(till, more, status):
    till.workers.start(1)
    till.costs.set_budget("group:*", amount="1", by=ANNA)
    body = json.dumps(chat("ok", max_tokens=MOST, **more)).replace('"HUGE"', "1e999").encode()
    line = Line(till.workers.port)
    assert line.send(ask(body)).answer()[0] == status
    line.close()
    until(lambda: till.standing().held.nano == 0)


def test_names_hidden_in_escapes_are_counted(till):
    """A picture may be 50,000 tokens: 0.05 USD here."""
    base = till.channels["ok"].arms[0].targets[0]
    dear = Price(Rates(input=1_000_000_000, output=1_000_000_000), source="the test")
    till.channels["dear"] = channel(structs.replace(base, pricing=dear))
    till.workers.start(1)
    till.costs.set_budget("group:*", amount="0.01", by=ANNA)
    assert say(till.workers.port, "dear")[0] == 200
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    plain = json.dumps(
        chat("dear", max_tokens=MOST, messages=[{"role": "user", "content": [part]}])
    )
    for body in (plain, plain.replace("image_url", r"\u0069mage_url")):
        line = Line(till.workers.port)
        status, _, answer = line.send(ask(body.encode())).answer()
        assert (status, told(answer)["code"]) == (429, "insufficient_quota")
        line.close()


def test_a_target_that_costs_nothing_answers_for_one_that_does(till):
    priced, free = till.channels["status-500"].arms[0].targets[0], till.channels["free"]
    till.channels["over"] = channel(priced, free.arms[0].targets[0])
    till.workers.start(1)
    till.costs.set_budget("group:*", amount="1", by=ANNA)
    assert say(till.workers.port, "over", stream=True)[0] == 200
    until(lambda: len(till.traces.list()) == 1)
    assert till.traces.list()[0].cost_nano == till.standing().spent.nano == 0
    first, last = till.workers.frames(kind=2)
    assert (first.held_nano > 0, last.held_nano) == (True, 0)


@pytest.mark.slow
def test_spend_never_passes_the_budget(till, second):
    """Several workers, crashes, retries, clients that leave, cut streams; nothing twice, nothing lost."""
    limit, port = 4_000_000, till.workers.port
    till.workers.start(3)
    till.costs.set_budget("key:abcdefgh", amount="0.004", by=ANNA)
    assert KEY
    done, seen = threading.Event(), Counter()

    def client(seed):
        random = Random(seed)
        while not done.is_set():
            act = random.choice(
                ["ok", "ok", "ok", "cut", "again", "lost", "error-event", "endless"]
            )
            line = Line(port)
            with suppress(OSError, EOFError, ValueError):
                line.send(ask(chat(act, stream=act == "endless" or random.random() < 0.5,
                                   max_tokens=MOST)))  # fmt: skip
                if act == "endless":
                    line.until(b"data:")  # then it leaves
                else:
                    status, _, _ = line.answer()
                    seen[status] += 1
                    if status == 429:
                        done.wait(0.05)
            line.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for at_least in (30, 90):
        until(lambda n=at_least: seen[200] > n or seen[429] > 20)
        victim = next(p for p in till.workers.processes if p.poll() is None)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        till.workers.start(1)
    until(lambda: seen[429] > 20, within_s=90)
    done.set()
    for thread in threads:
        thread.join(30)
    for worker in till.workers.processes:
        worker.terminate()
    for worker in till.workers.processes:
        worker.wait(60)
    until(lambda: till.standing().held.nano == 0)
    until(lambda: not any((till.workers.folder / "spool").glob("w*.seg")))
    deadline = time.monotonic() + 20
    while till.standing().spent.nano != _recorded(till) and time.monotonic() < deadline:
        time.sleep(0.1)
    charged = ONCE * sum(1 for _, body in second.seen if body["model"] == "ok")
    assert charged <= _recorded(till) == till.standing().spent.nano <= limit
    assert limit - till.standing().spent.nano < 30 * MOST * 1000  # and it was used


def _recorded(till):
    return sum(
        sums.nano
        for _, sums in till.traces.spend(by=("channel", "currency"), since_us=0, until_us=None)
    )

"""Copies of calls: users never notice, what they cost is known, and they never do more than ask."""

import json
import os
import signal
import time
from collections import Counter
from contextlib import contextmanager

import pytest
from msgspec import structs

from simulators.line import Line, ask, chat
from simulators.upstream import Upstream
from simulators.workers import Channel, Flow, Workers, arm, snapshot, until
from volano.costs.book import Book
from volano.costs.price import Price, Rates
from volano.costs.pricing import Pricing
from volano.gateway import shadow
from volano.gateway.choose import is_copied
from volano.gateway.errors import SnapshotError
from volano.gateway.record import DROPPED
from volano.gateway.snapshot import Arm, Caching, Target, write
from volano.gateway.vitals import Vitals
from volano.traces import HotStore, Recorder, Traces
from volano.wire.http_client import Timeouts

DARK = ["ok", "slow", "stall", "status-500", "status-400", "status-429", "close", "cut", "garbage", "html",
        "lie", "down", "headers"]  # fmt: skip
PRICE = Price(Rates(input=1_000_000_000, output=1_000_000_000), source="test", context=100_000)
ALL = 1_000_000


def shadowed(stable: Arm, act: str, url: str, *, share: int = ALL, channel=None, **more) -> Channel:
    """A channel whose calls are copied to an upstream that does this."""
    flow = more.pop("flow", Flow())
    pricing, engine = more.pop("pricing", None), more.pop("engine", False)
    capacity = more.pop("capacity", 0)
    target = Target(
        name="dark", url=url, model=act, pricing=pricing, engine=engine, capacity=capacity
    )
    copy = Arm(
        release="support@2", release_digest="sha256:" + "b" * 64, targets=(target,), share=share,
        arm="shadow", rollout="r1", slot=5, flow=flow, **more,
    )  # fmt: skip
    stable = structs.replace(stable, rollout="r1", slot=4)
    return Channel(arms=(stable, copy), salt="salt", **(channel or {}))


@pytest.fixture
def light():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def dark():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def place(tmp_path):
    """Return workers on this channel (or these), with the worker's own limits."""
    made = []

    @contextmanager
    def start(channels, workers=1, **limits):
        channels = channels if isinstance(channels, dict) else {"c": channels}
        one = Workers(tmp_path / f"state{len(made)}", **limits)
        made.append(one)
        one.channels = channels
        one.publish(snapshot(channels, max_body_bytes=1 << 20))
        one.start(workers)
        try:
            yield one
        finally:
            one.close()

    return start


def say(workers, body, *headers, **more):
    line = Line(workers.port)
    try:
        return line.send(ask(body, *headers, **more)).answer()
    finally:
        line.close()


def copies(workers):
    return [call for call in workers.frames() if call.arm == "shadow"]


def originals(workers):
    return [call for call in workers.frames() if call.arm == "stable"]


def totals(workers):
    vitals = Vitals(workers.folder / "run" / "vitals.bin")
    try:
        return vitals.totals()
    finally:
        vitals.close()


def counted(workers, slot):
    return workers.shared.counts(slot)


def url_of(act, dark):
    return "http://127.0.0.1:9" if act == "down" else dark.url


def plainly(answer):
    """An answer without what differs from call to call."""
    status, headers, body = answer
    apart = ("x-volano-trace", "x-request-id", "date")
    return status, {k: v for k, v in headers.items() if k not in apart}, body


def test_a_copy_has_a_trace_of_its_own_that_names_what_it_copies(place, light, dark):
    flow = Flow(before=({"role": "system", "content": "Be kind."},), defaults={"temperature": 0.5})
    channel = shadowed(arm(light.url, "ok"), "ok", dark.url, flow=flow)
    with place(channel) as workers:
        status, headers, _ = say(
            workers, chat("c", user="u1"), "x-volano-session: s1", "x-volano-tag-order: 4711"
        )
        until(lambda: copies(workers))
        [copy], [original] = copies(workers), originals(workers)
    assert status == 200
    assert headers["x-volano-release"] == "support@1"
    assert original.id == headers["x-volano-trace"]
    assert (copy.id != original.id, copy.span_id) == (True, original.span_id)
    assert copy.tags == {"shadow": original.id}
    assert (copy.release, copy.rollout, copy.share) == ("support@2", "r1", ALL)
    assert (copy.channel, copy.group, copy.unit) == ("c", "team/a", "u1")
    assert (copy.key_id, copy.session, copy.outcome) == ("shadow", "", "ok")
    assert original.tags == {"order": "4711"}
    assert [body["messages"][0]["content"] for _, body in dark.seen] == ["Be kind."]
    assert dark.seen[0][1]["temperature"] == 0.5
    assert "Be kind." not in json.dumps([body for _, body in light.seen])


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("act", DARK)
def test_users_get_the_same_bytes_whatever_becomes_of_the_copy(place, light, dark, act, streamed):
    url = url_of(act, dark)
    with place(
        {"bare": Channel(arms=(arm(light.url, "ok"),)), "c": shadowed(arm(light.url, "ok"), act, url)},
        shadow=Timeouts(connect_s=0.5, first_byte_s=0.5, idle_s=0.5, total_s=1.0), retry_s=0.1,
    ) as workers:  # fmt: skip
        bare = [plainly(say(workers, chat("bare", stream=streamed))) for _ in range(3)]
        with_shadow = [plainly(say(workers, chat("c", stream=streamed))) for _ in range(3)]
        until(lambda: len(copies(workers)) == 3)
        ends = {copy.outcome for copy in copies(workers)}
    assert with_shadow == bare
    assert ends == ({"ok"} if act in ("ok", "slow") else {"error"})
    assert all(not body.get("stream") and "stream_options" not in body for _, body in dark.seen)


def test_the_user_has_the_answer_before_the_copy_is_answered(place, light, dark):
    """Order, not time: the shadow answers only when the test lets it, after the user was answered."""
    with place(shadowed(arm(light.url, "ok"), "held", dark.url)) as workers:
        line = Line(workers.port)
        for n in range(5):  # on one connection: the copy holds nothing of it
            assert line.send(ask(chat("c", stream=n % 2 == 0))).answer()[0] == 200
        until(lambda: dark.held == 5)
        assert copies(workers) == []
        dark.release()
        until(lambda: len(copies(workers)) == 5)
        line.close()
    assert {copy.outcome for copy in copies(workers)} == {"ok"}


def test_which_calls_are_copied_is_known_beforehand(place, light, dark):
    traces = [f"{n + 1:032x}" for n in range(60)]
    with place(shadowed(arm(light.url, "ok"), "ok", dark.url, share=300_000), workers=2) as workers:
        for trace in traces:
            say(workers, chat("c"), f"traceparent: 00-{trace}-{'1' * 16}-01")
        wanted = {trace for trace in traces if is_copied(300_000, "salt", trace)}
        until(lambda: len(copies(workers)) == len(wanted))
        assert {copy.tags["shadow"] for copy in copies(workers)} == wanted
    assert 5 < len(wanted) < 35


def test_more_than_fit_are_left_out_and_counted(place, light, dark):
    many = shadow.AT_ONCE + 7
    with place(shadowed(arm(light.url, "ok"), "held", dark.url)) as workers:
        for _ in range(many):
            assert say(workers, chat("c"))[0] == 200
        until(lambda: dark.held == shadow.AT_ONCE)
        assert (totals(workers)["copied"], totals(workers)["uncopied"]) == (shadow.AT_ONCE, 7)
        dark.release()
        until(lambda: len(copies(workers)) == shadow.AT_ONCE)
        say(workers, chat("c"))  # there is room again
        until(lambda: dark.held == 1)
        dark.release()
        until(lambda: len(copies(workers)) == shadow.AT_ONCE + 1)


def test_copies_count_for_the_guard_of_their_release_and_for_nothing_else(place, light, dark):
    with place(shadowed(arm(light.url, "ok"), "status-500", dark.url)) as workers:
        for _ in range(12):
            assert say(workers, chat("c"))[0] == 200
        until(lambda: len(copies(workers)) == 12)
        assert counted(workers, 5) == (12, 12)
        assert counted(workers, 4) == (12, 0)
        vitals = Vitals(workers.folder / "run" / "vitals.bin")
        calls = Counter({key[2]: one.calls for key, one in vitals.series().items()})
        [worker] = vitals.workers()
        vitals.close()
    assert calls == {"support@1": 12}
    assert (worker.calls, worker.failures, worker.in_flight) == (12, 0, 0)


def test_a_shadow_on_the_users_own_target_opens_no_breaker_for_them(place, light):
    """The same model at the same server, in both releases: what fails for copies fails for them alone."""
    other = {"name": "dark", "url": light.url, "model": "flaky-1000"}
    stable = structs.replace(arm(light.url, "x"), targets=(Target(**other),))
    with place(shadowed(stable, "flaky-1000", light.url), retries=0, free_retries=0.0) as workers:
        light.flaked["flaky-1000"] = 1000  # well, from now on
        assert say(workers, chat("c"))[0] == 200
        until(lambda: len(copies(workers)) == 1)
        assert [copy.outcome for copy in copies(workers)] == ["ok"]


def test_what_a_provider_would_run_is_not_copied(place, light, dark):
    tool = {"type": "function", "function": {"name": "pay", "parameters": {}}}
    with place(shadowed(arm(light.url, "ok"), "ok", dark.url)) as workers:
        say(workers, chat("c", tools=[tool]))
        until(lambda: len(copies(workers)) == 1)
        for more in (
            {"tools": [{"type": "web_search"}]}, {"tools": [tool, {"type": "mcp"}]},
            {"web_search_options": {}}, {"tools": [{"type": "code_interpreter"}]},
            {"mcp_servers": [{"url": "https://example.com"}]}, {"previous_response_id": "r"},
            {"background": True}, {"tools": "odd"},
        ):  # fmt: skip
            assert say(workers, chat("c", **more))[0] == 200
        until(lambda: totals(workers)["uncopied"] == 8)
        time.sleep(0.05)
        assert len(copies(workers)) == 1
        assert len(dark.seen) == 1


def test_cached_answers_refused_calls_and_replays_are_not_copied(place, light, dark):
    cached = shadowed(
        arm(light.url, "ok"), "ok", dark.url, channel={"caching": Caching(60, "channel")}
    )
    with place(cached) as workers:
        for _ in range(3):
            say(workers, chat("c"))
        say(workers, b"{}")
        say(workers, chat("c"), key="vk_wrong")
        until(lambda: len(copies(workers)) == 1)
        say(workers, chat("c", seed=1))
        until(lambda: len(copies(workers)) == 2)
    assert len(dark.seen) == 2


def test_a_call_whose_client_left_is_copied_like_any_other(place, light, dark):
    with place(shadowed(arm(light.url, "held"), "ok", dark.url)) as workers:
        line = Line(workers.port)
        line.send(ask(chat("c", stream=True)))
        until(lambda: light.held == 1)
        line.close()
        until(lambda: copies(workers))
        assert [call.outcome for call in originals(workers)] == ["left"]
        assert [copy.outcome for copy in copies(workers)] == ["ok"]
        light.release()


def test_no_client_can_say_that_its_call_is_a_copy(place, light, dark):
    with place(shadowed(arm(light.url, "ok"), "ok", dark.url, share=0)) as workers:
        say(workers, chat("c"), f"x-volano-tag-shadow: {'a' * 32}")
        [call] = workers.frames()
    assert call.tags == {}


def test_a_copy_that_the_shadow_has_no_words_for_is_recorded_as_refused(place, light, dark):
    channel = shadowed(arm(light.url, "ok"), "ok", dark.url)
    silent = structs.replace(channel.arms[1].targets[0], dialects={"openai.embeddings": "/v1/e"})
    channel = structs.replace(
        channel, arms=(channel.arms[0], structs.replace(channel.arms[1], targets=(silent,)))
    )
    with place(channel) as workers:
        assert say(workers, chat("c"))[0] == 200
        until(lambda: copies(workers))
    [copy] = copies(workers)
    assert (copy.outcome, copy.tags) == ("refused", {"shadow": originals(workers)[0].id})


def test_an_engine_is_asked_only_when_nobody_has_to_wait_for_it(place, light, dark):
    stable = structs.replace(
        arm(light.url, "held"),
        targets=(Target(name="dark", url=dark.url, model="held", engine=True, capacity=2),),
    )
    channel = shadowed(stable, "held", dark.url, engine=True, capacity=2)
    with place(channel) as workers:
        lines = [Line(workers.port) for _ in range(3)]
        for line in lines:
            line.send(ask(chat("c")))
        until(lambda: dark.held == 3)
        dark.release()
        for line in lines:
            assert line.answer()[0] == 200
            line.close()
        until(lambda: dark.held == 2)  # two of the three copies: there are no more places
        until(lambda: totals(workers)["uncopied"] == 1)
        dark.release()
        until(lambda: len(copies(workers)) == 2)


@pytest.mark.parametrize("busy", [True, False])
def test_a_copy_never_waits_at_a_fallback_before_users(place, light, dark, busy):
    engine = Target(name="e", url=dark.url, model="held", engine=True, capacity=1)
    users = structs.replace(arm(light.url, "ok"), targets=(engine,))
    channel = shadowed(arm(light.url, "ok"), "status-500", light.url)
    stable, copy = channel.arms
    copy = structs.replace(copy, targets=(*copy.targets, engine))
    channel = structs.replace(channel, arms=(stable, copy))
    with place({"c": channel, "users": Channel((users,))}) as workers:
        line = Line(workers.port)
        if busy:
            line.send(ask(chat("users")))
            until(lambda: dark.held == 1)
        say(workers, chat("c"))
        if not busy:
            until(lambda: dark.held == 1)
            dark.release()
        until(lambda: len(copies(workers)) == 1)
        [made] = copies(workers)
        assert "500" in made.tags["tried"]
        if busy:
            assert (made.outcome, made.error, dark.held) == ("left", DROPPED, 1)
            assert counted(workers, 5) == (0, 0)
            dark.release()
            assert line.answer()[0] == 200
        else:
            assert (made.outcome, counted(workers, 5)) == ("ok", (1, 0))
        line.close()


def test_a_worker_that_ends_cuts_its_copies_and_records_them_as_stopped(place, light, dark):
    with place(
        shadowed(arm(light.url, "ok"), "stall", dark.url, pricing=PRICE), drain_s=1.0
    ) as workers:
        say(workers, chat("c", max_tokens=10))
        until(lambda: dark.stalled == 1)
        workers.processes[0].send_signal(signal.SIGTERM)
        workers.processes[0].wait(10)
        [copy] = copies(workers)
        assert counted(workers, 5)[1] == 0
    assert (copy.outcome, copy.error) == ("error", "the gateway was stopped")


def test_a_killed_worker_leaves_what_its_copies_can_have_cost(place, light, dark):
    with place(shadowed(arm(light.url, "ok"), "stall", dark.url, pricing=PRICE)) as workers:
        say(workers, chat("c", max_tokens=10))
        until(lambda: dark.stalled == 1)
        os.kill(workers.processes[0].pid, signal.SIGKILL)
        workers.processes[0].wait(10)
        [begun] = workers.frames(2)
    assert (begun.arm, begun.tags) == ("shadow", {"shadow": originals(workers)[0].id})
    assert begun.held_nano is not None
    assert begun.held_nano >= 10 * 1000
    assert begun.cost_currency == "USD"
    hot = HotStore(workers.folder / "hot.db")
    recorder = Recorder(workers.folder / "spool", hot, annotate=Pricing(Book))
    recorder.drain()
    [(copy, original)] = Traces(workers.folder / "hot.db").shadows(0, rollout="r1", limit=9)
    recorder.close()
    hot.close()
    assert (copy.outcome, copy.copied) == ("cut", original.id)
    assert (copy.cost_nano, copy.cost_currency) == (begun.held_nano, "USD")
    assert (original.outcome, original.arm) == ("ok", "stable")


def test_what_nobody_heard_of_costs_nothing_and_what_was_heard_may_have_cost_all(
    place, light, dark
):
    found = {}
    for act in ("down", "status-500", "ok", "cut"):
        channel = shadowed(arm(light.url, "ok"), act, url_of(act, dark), pricing=PRICE)
        with place(channel, retry_s=0.1) as workers:
            say(workers, chat("c", max_tokens=10))
            until(lambda: copies(workers))
            [found[act]] = copies(workers)
    assert found["down"].cost_nano == found["status-500"].cost_nano == 0
    assert found["ok"].cost_nano is None  # it is priced by what it used
    twice = found["cut"]  # asked once more: both may have been charged
    assert twice.cost_nano == twice.held_nano > 2 * found["ok"].held_nano > 0


@pytest.mark.parametrize(
    ("pricing", "engine", "asked"),
    [(None, False, 0), (None, True, 1), (PRICE, False, 1),
     (structs.replace(PRICE, currency="EUR"), False, 0)],
)  # fmt: skip
def test_with_a_budget_only_what_has_a_price_in_its_currency_is_asked(
    place, light, dark, pricing, engine, asked
):
    channel = shadowed(
        arm(light.url, "ok"), "ok", dark.url, pricing=pricing, engine=engine, currency="USD"
    )
    with place(channel) as workers:
        assert say(workers, chat("c", max_tokens=10))[0] == 200
        until(lambda: len(copies(workers)) + totals(workers)["uncopied"] == 1)
        assert len(dark.seen) == asked


def test_a_new_snapshot_ends_the_copying_at_once(place, light, dark):
    channel = shadowed(arm(light.url, "ok"), "ok", dark.url)
    with place(channel) as workers:
        say(workers, chat("c"))
        until(lambda: len(copies(workers)) == 1)
        workers.publish(snapshot({"c": Channel(arms=(channel.arms[0],))}, 2))
        for _ in range(5):
            say(workers, chat("c"))
        time.sleep(0.1)
        assert len(copies(workers)) == 1


def test_a_share_of_copies_is_beside_the_whole(tmp_path, light):
    stable = arm(light.url, "ok")
    write(tmp_path / "s.json", snapshot({"c": shadowed(stable, "ok", light.url, share=ALL)}))
    for arms in (
        (stable, structs.replace(stable, arm="shadow", share=ALL + 1)),
        (stable, *[structs.replace(stable, arm="shadow", share=5)] * 2),
        (structs.replace(stable, share=5), structs.replace(stable, arm="shadow", share=ALL - 5)),
    ):
        with pytest.raises(SnapshotError):
            write(tmp_path / "s.json", snapshot({"c": Channel(arms=arms)}))


def test_other_doors_are_copied_too(place, light, dark):
    with place(shadowed(arm(light.url, "ok"), "ok", dark.url)) as workers:
        body = {"model": "c", "max_tokens": 5, "stream": True,
                "messages": [{"role": "user", "content": "hi"}]}  # fmt: skip
        assert say(workers, body, path="/v1/messages")[0] == 200
        until(lambda: copies(workers))
    [copy] = copies(workers)
    assert (copy.door, copy.outcome, copy.streamed) == ("anthropic.messages", "ok", False)
    assert json.loads(copy.response)["type"] == "message"

"""A call finds the target that answers, and the trace tells whom it asked before."""

import json
from collections import Counter

import pytest

from simulators.line import Line, ask, call_of, chat
from simulators.upstream import Upstream
from simulators.workers import Arm, Channel, Target, Workers, snapshot


@pytest.fixture(scope="module")
def second():
    made = Upstream()
    yield made
    made.stop()


def arm_of(upstream, second, *acts, strategy="ordered", dead=False, **more):
    """Targets in turn at the two upstreams; `dead` puts one first that nobody listens to."""
    at = [upstream.url, second.url]
    targets = [Target(name=f"t{n}", url=at[n % 2], model=act) for n, act in enumerate(acts)]
    if dead:
        targets.insert(0, Target(name="dead", url="http://127.0.0.1:9", model="ok"))
    return Arm(release="support@1", release_digest="sha256:" + "a" * 64, targets=tuple(targets),
               strategy=strategy, **more)  # fmt: skip


BAD = ("status-500", "status-529", "status-429", "status-401", "close", "html", "stall", "lie")
BAD_STREAMS = ("status-503", "close", "stall", "quiet-start", "error-start")


@pytest.fixture(scope="module")
def many(upstream, second, tmp_path_factory):
    own = Workers(tmp_path_factory.mktemp("many") / "state", retry_s=0.4, free_retries=80.0)
    channels = {
        act: Channel(arms=(arm_of(upstream, second, act, "ok"),)) for act in {*BAD, *BAD_STREAMS}
    }
    channels["dead"] = Channel(arms=(arm_of(upstream, second, "ok", dead=True),))
    channels["worse"] = Channel(arms=(arm_of(upstream, second, "status-500", "status-503"),))
    channels["client"] = Channel(arms=(arm_of(upstream, second, "status-400", "ok"),))
    channels["cut"] = Channel(arms=(arm_of(upstream, second, "cut", "ok"),))
    channels["lost"] = Channel(arms=(arm_of(upstream, second, "lie", "status-400"),))
    channels["one"] = Channel(arms=(arm_of(upstream, second, "flaky-2"),))
    channels["rests"] = Channel(arms=(arm_of(upstream, second, "limited-20"),))
    channels["both"] = Channel(arms=(arm_of(upstream, second, "limited-40", "limited-20"),))
    channels["aside"] = Channel(arms=(arm_of(upstream, second, "limited-25", "ok"),))
    limited = Target(name="lim", url=second.url, model="limited-30")
    flaky = Target(name="t0", url=upstream.url, model="flaky-02")
    channels["limited"] = Channel(arms=(Arm(
        release="l@1", release_digest="sha256:" + "c" * 64, targets=(limited,)),))  # fmt: skip
    channels["flaky-first"] = Channel(arms=(Arm(
        release="f@1", release_digest="sha256:" + "d" * 64, targets=(flaky, limited)),))  # fmt: skip
    for act in ("gone", "ended"):
        channels[act] = Channel(arms=(arm_of(upstream, second, "close"),))
    channels["off"] = Channel(arms=(Arm(
        release="off@1", release_digest="sha256:" + "b" * 64,
        targets=(Target(name="t", url=upstream.url, model="ok", enabled=False),)),))  # fmt: skip
    own.publish(snapshot(channels))
    own.start(1, timeouts="first_byte_s=0.6, connect_s=0.5")
    yield own
    own.close()


@pytest.fixture()
def line(many):
    made = Line(many.port)
    yield made
    made.close()


@pytest.mark.parametrize("act", BAD)
def test_another_target_answers_what_the_first_could_not(line, many, act):
    status, headers, body = line.send(ask(chat(act))).answer()
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"]
    call = call_of(many, headers["x-volano-trace"])
    assert (call.outcome, call.target, call.model) == ("ok", "t1", "ok")
    assert call.tags["tried"].startswith("t0: ")
    assert call.first_us is not None


@pytest.mark.parametrize("act", BAD_STREAMS)
def test_a_stream_without_content_so_far_comes_from_another_target(line, many, act):
    status, headers, body = line.send(ask(chat(act, stream=True))).answer()
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n")
    assert b'"error"' not in body
    assert body.count(b'"role"') == 1  # nothing of the first one's beginning
    call = call_of(many, headers["x-volano-trace"])
    assert (call.outcome, call.target) == ("ok", "t1")


def test_a_stream_that_breaks_after_content_is_cut_and_not_begun_anew(line, many, second):
    before = len(second.seen)
    status, headers, body = line.send(ask(chat("cut", stream=True))).answer()
    assert status == 200
    assert b"[DONE]" not in body
    assert b"upstream_cut" in body
    assert len(second.seen) == before
    assert call_of(many, headers["x-volano-trace"]).outcome == "cut"


def test_a_dead_target_is_passed_over_after_a_few_calls(line, many):
    tried = Counter()
    for _ in range(20):
        status, headers, _ = line.send(ask(chat("dead"))).answer()
        assert status == 200
        tried[bool(call_of(many, headers["x-volano-trace"]).tags)] += 1
    assert tried == {True: 5, False: 15}


def test_when_nobody_answers_the_client_hears_the_last_one(line, many):
    status, headers, body = line.send(ask(chat("worse"))).answer()
    assert status == 503
    assert json.loads(body)["error"]["message"]
    call = call_of(many, headers["x-volano-trace"])
    assert (call.outcome, call.target) == ("error", "t1")
    assert call.tags["tried"].startswith("t0: 500; t1: 503")


def test_the_clients_own_mistake_is_not_asked_twice(line, many, second):
    before = len(second.seen)
    assert line.send(ask(chat("client"))).answer()[0] == 400
    assert len(second.seen) == before


def test_a_passing_error_of_the_only_target_is_tried_again(line, many, upstream):
    status, headers, _ = line.send(ask(chat("one"))).answer()
    assert status == 200
    assert call_of(many, headers["x-volano-trace"]).tags["tried"] == "t0: 503; t0: 503"


def test_a_provider_that_named_a_time_is_not_asked_before(line, many, upstream):
    before = len(upstream.seen)
    status, headers, body = line.send(ask(chat("rests"))).answer()
    assert (status, headers["retry-after"]) == (429, "20")
    assert json.loads(body)["error"]["message"] == "too many"
    for streamed in (False, True):
        status, headers, body = line.send(ask(chat("rests", stream=streamed))).answer()
        error = json.loads(body)["error"]
        assert (status, error["type"], error["code"]) == (429, "rate_limit_error", "upstream_429")
        assert 15 <= int(headers["retry-after"]) <= 20
        assert "`t0` of channel `rests`" in error["message"]
        assert "`volano target key t0`" in error["message"]
        call = call_of(many, headers["x-volano-trace"])
        assert (call.outcome, call.status, call.target) == ("error", 429, "t0")
        assert "was not asked" in call.error
        assert (call.cost_nano, call.priced_by) == (0, "no answer")
    assert len(upstream.seen) == before + 1


def test_a_refusal_does_not_hide_what_an_answer_that_broke_off_may_cost(line, many):
    status, headers, _ = line.send(ask(chat("lost"))).answer()
    assert status == 400
    call = call_of(many, headers["x-volano-trace"])
    assert call.tags["tried"].startswith("t0: ")
    assert call.cost_nano is None


def test_a_failure_is_not_answered_by_a_fallback_that_rests(line, many, upstream, second):
    """Of a flaky first target and a resting second one the first is asked again."""
    assert line.send(ask(chat("limited"))).answer()[0] == 429
    before = len(second.seen)
    status, headers, _ = line.send(ask(chat("flaky-first"))).answer()
    assert status == 200
    assert len(second.seen) == before
    assert call_of(many, headers["x-volano-trace"]).tags["tried"] == "t0: 503; t0: 503"


def test_of_two_that_rest_the_client_hears_of_the_one_that_is_free_first(line, upstream, second):
    before = len(upstream.seen), len(second.seen)
    assert line.send(ask(chat("both"))).answer()[0] == 429
    status, headers, _ = line.send(ask(chat("both"))).answer()
    assert status == 429
    assert 15 <= int(headers["retry-after"]) <= 20
    assert (len(upstream.seen), len(second.seen)) == (before[0] + 1, before[1] + 1)


def test_another_target_answers_while_the_first_rests(line, upstream):
    before = len(upstream.seen)
    for _ in range(4):
        assert line.send(ask(chat("aside"))).answer()[0] == 200
    assert len(upstream.seen) == before + 1


@pytest.mark.parametrize(("channel", "streamed"), [("gone", False), ("ended", True)])
def test_a_provider_that_closes_is_asked_few_times(line, many, upstream, channel, streamed):
    before = len(upstream.seen)
    status, headers, _ = line.send(ask(chat(channel, stream=streamed))).answer()
    assert status == 502
    assert len(upstream.seen) - before in (3, 4)  # one more on a connection kept from before
    tried = call_of(many, headers["x-volano-trace"]).tags["tried"]
    assert tried.count(f"t0: {CLOSED}") == 2


CLOSED = "the upstream closed the connection"


def test_a_release_without_a_target_says_so(line):
    status, _, body = line.send(ask(chat("off"))).answer()
    assert status == 503
    assert "volano target enable" in json.loads(body)["error"]["message"]

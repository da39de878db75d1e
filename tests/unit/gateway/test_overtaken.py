"""A call that waits to be asked again goes to what its channel serves by then."""

import json
import threading

import pytest
from msgspec import structs

from simulators.line import Line, ask, call_of, chat
from simulators.upstream import Upstream
from simulators.workers import Channel, Workers, arm, snapshot, until
from volano.gateway.snapshot import Caching, Scope

GOOD, BAD, NEXT = "support@1", "support@2", "support@3"
STABLE, CANDIDATE = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.fixture
def upstream():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def gateway(tmp_path):
    made = Workers(tmp_path / "state")
    yield made
    made.close()


def of(upstream, model, release, digest, **more):
    made = arm(upstream.url, model, release=release, **more)
    return structs.replace(made, release_digest=digest)


def moving(upstream, bad, *, share=1_000_000, generation=1, caching=None):
    """All (or a share) of the channel's users are the candidate's."""
    stable = of(upstream, "ok", GOOD, STABLE, share=1_000_000 - share)
    candidate = of(upstream, bad, BAD, CANDIDATE, share=share, arm="candidate", rollout="r-1")
    channel = Channel((stable, candidate), caching=caching)
    return snapshot(
        {"support": channel, "other": Channel((of(upstream, "ok", GOOD, STABLE),))}, generation
    )


def back(upstream, *, generation=2, caching=None):
    stable = of(upstream, "ok", GOOD, STABLE)
    return snapshot({"support": Channel((stable,), caching=caching)}, generation)


class Asking(threading.Thread):
    """Asks on a connection of its own."""

    def __init__(self, gateway, *headers, stream=False):
        super().__init__(daemon=True)
        self._line = Line(gateway.port).send(ask(chat("support", stream=stream), *headers))
        self.start()

    def run(self):
        self.answer = self._line.answer()
        self._line.close()

    def got(self):
        self.join(30)
        assert not self.is_alive(), "it hangs"
        return self.answer


def asked(upstream, model):
    return sum(body["model"] == model for _, body in upstream.seen)


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_release_failed_is_answered_by_the_one_that_serves_when_it_is_asked_again(
    gateway, upstream, stream
):
    gateway.publish(moving(upstream, "held-500"))
    gateway.start(1)
    asking = Asking(gateway, stream=stream)
    until(lambda: upstream.held)
    gateway.publish(back(upstream))
    upstream.release()
    status, headers, body = asking.got()
    assert (status, headers["x-volano-release"]) == (200, GOOD)
    assert b"Hello" in body
    assert asked(upstream, "held-500") == 1
    call = call_of(gateway, headers["x-volano-trace"])
    assert (call.release, call.arm, call.rollout, call.outcome) == (GOOD, "stable", None, "ok")


def test_as_long_as_the_release_is_served_it_is_asked_again(gateway, upstream):
    gateway.publish(moving(upstream, "held-500"))
    gateway.start(1)
    asking = Asking(gateway)
    until(lambda: upstream.held)
    gateway.publish(moving(upstream, "held-500", share=900_000, generation=2))
    upstream.release()
    until(lambda: asked(upstream, "held-500") == 2)
    until(lambda: upstream.held)
    gateway.publish(back(upstream, generation=3))
    upstream.release()
    status, headers, _ = asking.got()
    assert (status, headers["x-volano-release"]) == (200, GOOD)
    assert asked(upstream, "held-500") == 2


def test_a_channel_that_is_gone_changes_nothing_for_a_call_under_way(gateway, upstream):
    gateway.publish(moving(upstream, "held-500"))
    gateway.start(1)
    asking = Asking(gateway)
    until(lambda: upstream.held)
    gateway.publish(snapshot({}, 2))
    for tries in (1, 2, 3):
        until(lambda n=tries: asked(upstream, "held-500") == n and upstream.held)
        upstream.release()
    status, headers, body = asking.got()
    assert (status, headers["x-volano-release"]) == (500, BAD)
    assert json.loads(body)["error"]


def test_one_who_waited_for_the_answer_of_another_call_asks_the_release_that_serves(
    gateway, upstream
):
    kept = Caching(300)
    gateway.publish(moving(upstream, "held-400", caching=kept))
    gateway.start(1)
    first = Asking(gateway)
    until(lambda: upstream.held)
    second = Asking(gateway)
    assert Line(gateway.port).send(ask(chat("other"))).answer()[0] == 200  # so it waits by now
    assert upstream.held == 1
    gateway.publish(back(upstream, caching=kept))
    upstream.release()
    answers = [asking.got() for asking in (first, second)]
    assert [(status, h["x-volano-release"]) for status, h, _ in answers] == [
        (400, BAD),
        (200, GOOD),
    ]
    assert asked(upstream, "held-400") == 1


def following(upstream, **rules):
    """Another candidate has all users by now, but those whom the rules keep from it."""
    stable = of(upstream, "ok", GOOD, STABLE, share=0)
    digest = "sha256:" + "c" * 64
    candidate = of(upstream, "ok", NEXT, digest, share=1_000_000, arm="candidate", rollout="r-2")
    return snapshot({"support": Channel((stable, candidate), **rules)}, 2)


@pytest.mark.parametrize(
    ("rules", "header", "release", "arm"),
    [
        ({"scope": Scope(tags=("beta",))}, "x-volano-tag-beta: 1", NEXT, "candidate"),
        ({"scope": Scope(tags=("beta",))}, "x-volano-unit: anna", GOOD, "outside"),
        ({"exclude": ("user:anna",)}, "x-volano-unit: anna", GOOD, "excluded"),
        ({"exclude": ("user:anna",)}, "x-volano-unit: béla", NEXT, "candidate"),
    ],
)
def test_it_goes_where_a_new_call_would_go_by_the_rules_of_now(
    gateway, upstream, rules, header, release, arm
):
    gateway.publish(moving(upstream, "held-500"))
    gateway.start(1)
    asking = Asking(gateway, header)
    until(lambda: upstream.held)
    gateway.publish(following(upstream, **rules))
    upstream.release()
    status, headers, _ = asking.got()
    assert (status, headers["x-volano-release"]) == (200, release)
    assert call_of(gateway, headers["x-volano-trace"]).arm == arm


def test_what_sticks_is_what_sticks_now(gateway, upstream):
    gateway.publish(moving(upstream, "held-500"))
    gateway.start(1)
    asking = Asking(gateway, "x-volano-unit: anna", "x-volano-session: s-1")
    until(lambda: upstream.held)
    gateway.publish(following(upstream, unit="session"))
    upstream.release()
    _, headers, _ = asking.got()
    assert call_of(gateway, headers["x-volano-trace"]).unit == "s-1"


def test_a_stream_that_moved_is_the_new_releases_also_when_the_worker_dies(gateway, upstream):
    gateway.publish(moving(upstream, "held-500"))
    gateway.start(1)
    line = Line(gateway.port).send(ask(chat("support", stream=True)))
    until(lambda: upstream.held)
    stable = of(upstream, "held", GOOD, STABLE)
    gateway.publish(snapshot({"support": Channel((stable,))}, 2))
    upstream.release()
    until(lambda: asked(upstream, "held") == 1)
    gateway.processes[0].kill()
    line.close()
    upstream.release()
    begins = gateway.frames(2)
    assert len({(one.id, one.span_id) for one in begins}) == 1
    told = [(one.release, one.release_digest, one.arm, one.model) for one in begins]
    assert told == [(BAD, CANDIDATE, "candidate", "held-500"), (GOOD, STABLE, "stable", "held")]
    assert "500" in begins[-1].tags["tried"]

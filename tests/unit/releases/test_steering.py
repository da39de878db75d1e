"""A person pauses a rollout, lets it go on, skips a step; harm goes back all the same."""

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM
from volano.releases.errors import (
    ComparesError,
    HarmProvenError,
    NoReasonError,
    NothingMovesError,
    NotPausedError,
    NotUnderWayError,
    RolloutMovedError,
)
from volano.releases.steering import Steering


@pytest.fixture
def steering(desk, street):
    return Steering(desk.releases, street.reconciler)


@pytest.fixture
def moving(desk, street):
    """A rollout at its first step, whose gates would open as soon as they see enough."""
    desk.serve()
    release = desk.cut()
    desk.releases.promote(release.ref, channel="support", plan="10%,50%,100%", by=ANNA)
    street.tick()
    return desk.releases.active()[0]


def well(street, n=120):
    for _ in range(n):
        street.call("support", "candidate")
        street.call("support", "stable")


def kinds(desk, rollout):
    return [event.kind for event in desk.releases.rollout_events(rollout.id)]


def test_a_paused_rollout_stays_whatever_the_evidence_and_goes_on_when_told(
    desk, street, steering, moving
):
    paused = steering.pause("support", why="Péntek este", by=ANNA)
    assert (paused.state, paused.is_active, paused.share) == ("paused", True, 100_000)
    well(street)
    for _ in range(3):
        street.tick(seconds=20)
    assert desk.releases.rollout(moving.id).step == 0
    decision = street.reconciler.status("support")["decision"]
    assert decision["action"] == "hold"
    assert "Péntek este (person:anna)" in decision["reason"]
    steering.resume("support", by=ANNA)
    street.tick()
    assert desk.releases.rollout(moving.id).step == 1
    told = [event for event in desk.ledger.list() if event.verb.startswith("rollout.paused")]
    assert told[0].content["reason"] == "Péntek este"
    assert {"paused", "resumed"} <= set(kinds(desk, moving))


def test_a_paused_rollout_is_still_paused_after_a_restart(desk, street, steering, moving):
    steering.pause("support", why="why not", by=ANNA)
    well(street)
    again = street.fresh()
    for _ in range(3):
        street.tick(again)
    assert desk.releases.rollout(moving.id).state == "paused"


def test_harm_takes_a_paused_rollout_back(desk, street, steering, moving):
    steering.pause("support", by=ANNA)
    for _ in range(40):
        street.call("support", "candidate", outcome="error")
        street.call("support", "stable")
    street.tick()
    assert desk.releases.rollout(moving.id).state == "back"


def test_the_guard_takes_a_paused_rollout_back(desk, street, steering, moving):
    steering.pause("support", by=ANNA)
    street.tick()
    street.serving.counted[moving.candidate] = (25, 25)
    street.tick()
    assert desk.releases.rollout(moving.id).state == "back"


def test_the_time_of_a_step_does_not_run_while_it_is_paused(desk, street, steering):
    desk.serve()
    release = desk.cut()
    plan = "10% 0..10m late back, 100%"
    rollout = desk.releases.promote(release.ref, channel="support", plan=plan, by=ANNA)
    street.tick()
    steering.pause("support", by=ANNA)
    street.tick(seconds=3600)
    steering.resume("support", by=ANNA)
    street.tick(seconds=60)
    assert desk.releases.rollout(rollout.id).state == "moving"
    street.tick(seconds=700)
    assert desk.releases.rollout(rollout.id).state == "back"


def test_skipping_goes_one_step_on_with_the_reason_and_then_arrives(desk, street, steering, moving):
    with pytest.raises(NoReasonError):
        steering.skip("support", why=" ", by=ANNA)
    assert steering.skip("support", why="seen by hand", by=ANNA).step == 1
    assert "skipped" in kinds(desk, moving)
    events = desk.releases.rollout_events(moving.id)
    advanced = [event for event in events if event.kind == "advanced"][-1]
    assert "seen by hand (person:anna)" in advanced.content["reason"]
    assert [e.content["reason"] for e in desk.ledger.list() if e.verb == "rollout.skipped"] == [
        "seen by hand"
    ]
    steering.pause("support", by=ANNA)
    done = steering.skip("support", why="enough", by=ANNA)
    assert (done.state, done.share) == ("arrived", 1_000_000)
    assert desk.releases.channel("support").stable == moving.candidate


def test_no_step_is_skipped_where_harm_is_proven_also_where_nobody_ticks(desk, street, moving):
    for _ in range(40):
        street.call("support", "candidate", outcome="error")
        street.call("support", "stable")
    street.recorder.drain()
    alone = Steering(desk.releases, street.fresh())
    with pytest.raises(HarmProvenError):
        alone.skip("support", why="trust me", by=ANNA)
    assert desk.releases.rollout(moving.id).step == 0


def test_a_tick_that_began_before_the_pause_does_not_undo_it(desk, street, steering, moving):
    steering.pause("support", by=ANNA)
    for late in (
        lambda: desk.releases.advance(moving, step=1, content={}, by=SYSTEM),
        lambda: desk.releases.end(moving, "arrived", {"reason": "late"}, by=SYSTEM),
    ):
        with pytest.raises(RolloutMovedError):
            late()
    assert desk.releases.rollout(moving.id).state == "paused"


def test_a_tick_that_began_before_two_skips_does_not_go_back_a_step(desk, street, steering, moving):
    steering.skip("support", why="one", by=ANNA)
    with pytest.raises(RolloutMovedError):
        desk.releases.advance(moving, step=1, content={}, by=SYSTEM)


def test_what_cannot_be_steered_says_so(desk, street, steering):
    desk.serve()
    with pytest.raises(NothingMovesError):
        steering.pause("support", by=ANNA)
    release = desk.cut()
    desk.releases.promote(release.ref, channel="support", by=ANNA)
    with pytest.raises(NotUnderWayError):
        steering.pause("support", by=ANNA)
    street.tick()
    with pytest.raises(NotPausedError):
        steering.resume("support", by=ANNA)


def test_an_experiment_takes_no_steps(desk, street, steering):
    first, second = desk.serve(), desk.cut()
    street.experiments.compare([first.ref, second.ref], channel="support", goal="refusals", by=ANNA)
    street.tick()
    for verb in (steering.pause, steering.resume):
        with pytest.raises(ComparesError):
            verb("support", by=ANNA)

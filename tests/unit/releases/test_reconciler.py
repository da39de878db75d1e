"""The reconciler, end to end: spooled calls and feedback in, a channel that moves by itself."""

import logging

import pytest

from support.workspace import ANNA
from volano.releases.errors import UnknownChannelError
from volano.releases.reconciler import WARM_WITHIN_US, Reconciler
from volano.traces.trace import STOPPED

NO_QUALITY = {"errors": 0.05}


def begin(street, name="support", **given):
    """Serve a first release, promote a second, and give it its first share."""
    shop = street.workspace
    shop.serve(name)
    release = shop.cut(name)
    given = {"plan": "25%,100%", **given}
    rollout = shop.releases.promote(release.ref, channel=name, **given, by=ANNA)
    street.tick()
    return rollout


def state(street, rollout):
    return street.workspace.releases.rollout(rollout.id).state


def events(street, rollout):
    return [e.kind for e in street.workspace.releases.rollout_events(rollout.id)]


def traffic(street, n, *, good=None, bad=None, channel="support", every=4):
    """n calls, one in `every` to the candidate; scores by arm: good for stable, bad for it."""
    for i in range(n):
        arm = "candidate" if i % every == 0 else "stable"
        trace = street.call(channel, arm)
        value = bad if arm == "candidate" else good
        if value is not None:
            street.say(trace, value)


def evidence(reconciler, channel="support"):
    return reconciler.status(channel)["evidence"]


def test_a_candidate_gets_its_share_when_it_answers(street):
    shop = street.workspace
    shop.serve()
    release = shop.cut()
    street.serving.unready.add(str(release.digest))
    rollout = shop.releases.promote(release.ref, channel="support", plan="25%,100%", by=ANNA)
    street.tick()
    assert shop.releases.channel("support").share == 0
    street.serving.unready.clear()
    street.tick()
    assert shop.releases.channel("support").share == 250_000
    assert events(street, rollout) == ["promoted", "advanced"]


def test_a_candidate_that_never_answers_has_failed(street):
    shop = street.workspace
    shop.serve()
    release = shop.cut()
    street.serving.unready.add(str(release.digest))
    rollout = shop.releases.promote(release.ref, channel="support", by=ANNA)
    street.tick()
    street.tick(seconds=WARM_WITHIN_US / 1e6 - 1)
    assert state(street, rollout) == "warming"
    street.tick(seconds=2)
    assert state(street, rollout) == "failed"
    assert "60 s" in shop.releases.rollout(rollout.id).outcome["reason"]
    assert shop.releases.channel("support").stable_ref == "support@1"


def test_a_first_release_arrives_as_soon_as_it_answers(street):
    rollout = street.workspace.releases.promote(
        street.workspace.cut().ref, channel="support", by=ANNA
    )
    street.tick()
    street.tick()
    assert state(street, rollout) == "arrived"
    assert "nothing to compare" in street.workspace.releases.rollout(rollout.id).outcome["reason"]


def test_a_good_candidate_arrives_step_by_step(street):
    rollout = begin(street, plan="25%,50%,100%", margins=NO_QUALITY)
    traffic(street, 400)
    street.tick()
    assert street.workspace.releases.channel("support").share == 500_000
    traffic(street, 400, every=2)
    street.tick()
    assert state(street, rollout) == "arrived"
    assert street.workspace.releases.channel("support").stable_ref == "support@2"
    assert events(street, rollout) == ["promoted", "advanced", "advanced", "arrived", "applied"]
    outcome = street.workspace.releases.rollout(rollout.id).outcome
    assert outcome["calls"] == {"candidate": 300, "stable": 500}
    assert outcome["took_s"] > 0
    last = street.workspace.releases.rollout_events(rollout.id)[-1]
    assert last.content["took_us"] == 700
    assert last.content["evidence"]["calls"] == {"stable": 500, "candidate": 300}


def test_without_data_it_stays_and_says_what_is_missing(street):
    rollout = begin(street)
    for _ in range(200):
        street.tick(seconds=1)
    assert state(street, rollout) == "moving"
    assert street.workspace.releases.channel("support").share == 250_000
    notes = [e for e in street.workspace.releases.rollout_events(rollout.id) if e.kind == "holds"]
    assert 1 <= len(notes) <= 2
    assert "Stays at 25 %" in notes[0].content["reason"]


def test_a_candidate_that_fails_goes_back(street):
    rollout = begin(street)
    for i in range(80):
        arm = "candidate" if i % 4 == 0 else "stable"
        street.call("support", arm, outcome="error" if i % 8 == 0 else "ok")
    street.tick()
    assert state(street, rollout) == "back"
    channel = street.workspace.releases.channel("support")
    assert (channel.stable_ref, channel.candidate) == ("support@1", None)
    reason = street.workspace.releases.rollout(rollout.id).outcome["reason"]
    assert "errors: 10 candidate and 0 baseline units failed" in reason


def test_a_candidate_that_answers_badly_goes_back_by_feedback_alone(street):
    rollout = begin(street, require=["errors", "quality"])
    traffic(street, 60, good=1, bad=0)
    street.tick()
    assert state(street, rollout) == "back"
    assert "quality" in street.workspace.releases.rollout(rollout.id).outcome["reason"]


def test_no_step_is_left_without_the_feedback_that_is_required(street):
    rollout = begin(street, require=["errors", "quality"])
    traffic(street, 600)
    street.tick()
    assert state(street, rollout) == "moving"
    traffic(street, 600, good=1, bad=1)
    street.tick()
    assert state(street, rollout) == "arrived"


def test_clients_that_leave_or_err_are_not_the_releases_failure(street):
    rollout = begin(street)
    for i in range(200):
        outcome = ("left", "refused")[i % 2]
        street.call("support", "candidate", outcome=outcome)
    street.tick()
    assert state(street, rollout) == "moving"
    assert evidence(street.reconciler)["calls"] == {"stable": 0, "candidate": 0}


def test_an_answer_given_again_is_no_call_of_the_releases(street):
    rollout = begin(street)
    for i in range(200):
        street.call(
            "support", "candidate", tags={"cache": ("hit", "coalesced", "miss", "hit")[i % 4]}
        )
    street.tick()
    assert state(street, rollout) == "moving"
    assert evidence(street.reconciler)["calls"] == {"stable": 0, "candidate": 50}


def test_calls_that_a_draining_gateway_ended_are_not_the_releases_failure(street):
    rollout = begin(street)
    for i in range(40):
        outcome = ("error", "cut")[i % 2]
        street.say(street.call("support", "candidate", outcome=outcome, error=STOPPED), 0)
    street.tick()
    assert state(street, rollout) == "moving"
    found = evidence(street.reconciler)
    assert found["calls"] == {"stable": 0, "candidate": 0}
    assert found["harm"]["quality"]["candidate_failures"] == 0


def test_one_unlucky_user_is_one_user(street):
    rollout = begin(street)
    for _ in range(15):
        street.call("support", "candidate", outcome="cut", unit="user-unlucky")
        street.call("support", "stable")
        street.call("support", "candidate")
    street.tick()
    assert state(street, rollout) == "moving"
    assert evidence(street.reconciler)["harm"]["errors"]["candidate_failures"] == 1


def test_calls_of_other_rollouts_and_channels_are_not_its_evidence(street):
    rollout = begin(street)
    for i in range(40):
        street.call("support", "candidate", outcome="error", rollout=None)
        street.call("support", "candidate", outcome="error", rollout="another")
        trace = street.call("support", "", outcome="error", rollout=rollout.id)
        street.say(trace, 0)
        street.say(f"{i + 1:030x}ff", 0)
    street.tick()
    assert state(street, rollout) == "moving"
    found = evidence(street.reconciler)
    assert found["calls"] == {"stable": 0, "candidate": 0}
    assert found["harm"]["quality"]["candidate_failures"] == 0


def test_feedback_without_a_score_says_nothing_about_quality(street):
    begin(street)
    for _ in range(20):
        street.say(street.call("support", "candidate"), None, correction="refund")
    street.tick()
    assert evidence(street.reconciler)["steps"]["250000"]["candidate_quality"]["n"] == 0


def test_the_share_is_that_of_the_moment_of_assignment(street):
    begin(street, plan="5%,25%,100%")
    late = street.call("support", "candidate", outcome="error", share=40_000)
    street.call("support", "stable", share=960_000)
    street.say(late, 0)
    street.tick()
    steps = evidence(street.reconciler)["steps"]
    assert set(steps) == {"40000"}
    assert steps["40000"]["candidate_errors"]["total"] == 1
    assert steps["40000"]["stable_errors"]["n"] == 1


def test_feedback_may_come_before_its_trace_is_recorded(street):
    rollout = begin(street)
    early = f"{1:032x}"
    street.say(early, 0)
    street.tick()
    assert evidence(street.reconciler)["harm"]["quality"]["candidate_failures"] == 0
    assert street.call("support", "candidate") == early
    street.tick()
    street.tick()
    assert evidence(street.reconciler)["harm"]["quality"]["candidate_failures"] == 1
    assert evidence(street.fresh_after_tick())["harm"]["quality"]["candidate_failures"] == 1
    assert state(street, rollout) == "moving"


def test_feedback_on_traces_that_never_come_is_not_held(street):
    """Whatever is said on made-up ids, what a rollout keeps in memory stays the same."""
    rollout = begin(street)
    for n in range(300):
        street.say(f"{n + 1:030x}ff", 0)
    street.tick()
    watch = street.reconciler._watches[rollout.id]
    held = [
        v
        for v in (*vars(watch).values(), *vars(watch.reading).values())
        if isinstance(v, dict | list | set)
    ]
    assert not any(held)
    assert watch.reading._score_seq == 300


def test_feedback_may_be_hours_early_and_amid_many(street):
    begin(street)
    early = f"{1:032x}"
    street.say(early, 0)
    street.say(early, 0.25)
    for n in range(300):
        street.say(f"{n + 1:030x}ff", 0)
    street.tick(seconds=7200)
    assert street.call("support", "candidate") == early
    street.tick()
    quality = evidence(street.reconciler)["steps"]["250000"]["candidate_quality"]
    assert (quality["n"], quality["total"]) == (1, 0)
    assert evidence(street.reconciler) == evidence(street.fresh_after_tick())


def test_early_feedback_belongs_to_the_first_call_of_its_trace(street):
    """Calls of one conversation share a trace; what was said on one is not said on the next."""
    begin(street)
    talk = {"id": "c" * 32}
    street.say(talk["id"], 0)
    street.tick()
    street.call("support", "candidate", unit="one", span_id="2" * 16, **talk)
    street.tick()
    street.call("support", "stable", unit="two", span_id="3" * 16, **talk)
    street.tick()
    harm = evidence(street.reconciler)["harm"]["quality"]
    assert (harm["candidate_failures"], harm["baseline_failures"]) == (1, 0)


def test_feedback_on_a_call_that_was_read_after_it_counts_in_its_own_place(street, monkeypatch):
    """A call that is recorded between the reading of calls and of scores keeps the order."""
    begin(street)
    known = street.call("support", "stable", unit="user-7")
    street.tick()
    since = street.traces.since
    fresh = []

    def and_then_more(*given, **more):
        found = since(*given, **more)
        if not fresh:
            fresh.append(street.call("support", "candidate", unit="user-7"))
            street.say(fresh[0], 0)
            street.say(known, 0)
            street.recorder.drain()
        return found

    monkeypatch.setattr(street.traces, "since", and_then_more)
    street.reconciler.tick()
    monkeypatch.undo()
    street.tick()
    harm = evidence(street.reconciler)["harm"]["quality"]
    assert (harm["candidate_failures"], harm["baseline_failures"]) == (1, 0)
    assert evidence(street.reconciler) == evidence(street.fresh_after_tick())


def test_a_restart_reads_the_same_evidence_again(street):
    rollout = begin(street, plan="5%,25%,100%", require=["errors", "quality"])
    for step in range(2):
        for i in range(150):
            arm = "candidate" if i % 5 == 0 else "stable"
            trace = street.call("support", arm, outcome="cut" if i % 37 == 0 else "ok")
            if i % 3:
                street.say(trace, float(i % 7 != 0))
            if i % 50 == 49:
                street.tick()
        if not step:
            shop = street.workspace
            shop.releases.advance(shop.releases.rollout(rollout.id), step=1, content={}, by=ANNA)
    assert state(street, rollout) == "moving"
    again = street.fresh()
    street.tick(again)
    assert evidence(again) == evidence(street.reconciler)
    assert evidence(again)["calls"] == {"stable": 240, "candidate": 60}
    assert set(evidence(again)["steps"]) == {"50000", "250000"}


def test_a_restart_between_decision_and_end_ends_it_once(street):
    rollout = begin(street, margins=NO_QUALITY)
    traffic(street, 400)
    street.recorder.drain()
    again = street.fresh()
    again.tick()
    street.reconciler.tick()
    assert state(street, rollout) == "arrived"
    assert events(street, rollout).count("arrived") == 1


def test_the_count_guard_needs_no_recorder(street):
    rollout = begin(street)
    digest = rollout.candidate
    street.serving.counted[digest] = (1000, 900)  # from before: only what is added counts
    street.reconciler.tick()
    street.serving.counted[digest] = (1010, 910)
    street.reconciler.tick()
    assert state(street, rollout) == "moving"
    street.serving.counted[digest] = (1030, 925)
    street.reconciler.tick()
    assert state(street, rollout) == "back"
    outcome = street.workspace.releases.rollout(rollout.id).outcome
    assert "shared counters" in outcome["reason"]
    assert street.workspace.releases.channel("support").share == 0


def test_errors_of_the_past_do_not_trip_the_guard(street):
    rollout = begin(street)
    digest = rollout.candidate
    for calls, errors in ((0, 0), (24, 15), (50, 19), (120, 20)):
        street.serving.counted[digest] = (calls, errors)
        street.reconciler.tick()
    assert state(street, rollout) == "moving"


def test_two_rollouts_at_once_do_not_mix(street):
    good = begin(street, "good", margins=NO_QUALITY)
    bad = begin(street, "bad")
    for i in range(400):
        arm = "candidate" if i % 4 == 0 else "stable"
        street.call("good", arm)
        street.call("bad", arm, outcome="error" if arm == "candidate" and i < 60 else "ok")
    street.tick()
    assert (state(street, good), state(street, bad)) == ("arrived", "back")
    assert street.workspace.releases.channel("good").stable_ref == "good@2"
    assert street.workspace.releases.channel("bad").stable_ref == "bad@1"


def test_one_that_raises_does_not_stop_the_other(street, caplog):
    shop = street.workspace
    broken = shop.cut("broken")
    street.serving.broken.add(str(broken.digest))
    stuck = shop.releases.promote(broken.ref, channel="broken", by=ANNA)
    shop.clock.advance(1)
    fine = begin(street, "fine", margins=NO_QUALITY)
    traffic(street, 400, channel="fine")
    with caplog.at_level(logging.ERROR):
        street.tick()
    assert state(street, fine) == "arrived"
    assert state(street, stuck) == "warming"
    assert stuck.id in caplog.text
    street.serving.broken.clear()
    street.tick()
    street.tick()
    assert state(street, stuck) == "arrived"


def test_a_person_who_aborts_is_faster_than_the_tick(street, monkeypatch, caplog):
    rollout = begin(street, margins=NO_QUALITY)
    traffic(street, 400)
    street.recorder.drain()
    decide = Reconciler._decide

    def slow(self, *given):
        decision = decide(self, *given)
        street.workspace.releases.abort("support", by=ANNA)
        return decision

    monkeypatch.setattr(Reconciler, "_decide", slow)
    with caplog.at_level(logging.WARNING):
        street.reconciler.tick()
    assert state(street, rollout) == "aborted"
    assert street.workspace.releases.channel("support").stable_ref == "support@1"
    assert caplog.text == ""


def test_the_status_says_what_each_gate_says(street):
    rollout = begin(street)
    traffic(street, 40, good=1, bad=1)
    street.tick()
    found = street.reconciler.status("support")
    assert found["rollout"].id == rollout.id
    assert found["channel"].share == 250_000
    assert {v["outcome"] for v in found["decision"]["verdicts"]} == {"pass", "wait"}
    assert found["evidence"]["calls"] == {"stable": 30, "candidate": 10}
    street.workspace.releases.abort("support", why="enough", by=ANNA)
    after = street.reconciler.status("support")
    assert after["decision"] == {"reason": "enough"}
    assert after["rollout"].state == "aborted"


def test_the_status_of_a_control_that_has_not_ticked_yet(street):
    begin(street)
    found = street.fresh().status("support")
    assert (found["decision"], found["evidence"]) == (None, None)
    with pytest.raises(UnknownChannelError):
        street.reconciler.status("nowhere")


def test_with_nothing_recorded_and_nothing_moving_a_tick_is_quiet(street):
    street.reconciler.tick()
    street.workspace.serve()
    street.reconciler.tick()
    assert street.reconciler._watches == {}


def test_a_baseline_cohort_is_evidence_of_stable_and_a_call_outside_is_none(desk, street):
    desk.serve()
    rollout = desk.releases.promote(
        desk.cut().ref, channel="support", plan="10% cohort,100%", scope={"tags": ["beta"]}, by=ANNA
    )
    street.tick()
    for arm in ("candidate", "baseline", "stable", "outside"):
        street.call("support", arm)
    street.tick()
    evidence = street.reconciler.status("support")["evidence"]
    assert evidence["calls"]["candidate"] == 1
    assert sum(evidence["calls"].values()) == 3
    assert list(evidence["steps"]) == ["100000"]
    assert desk.releases.rollout(rollout.id).stage.cohort

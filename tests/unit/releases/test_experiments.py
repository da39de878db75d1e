"""Experiments with real keepers: spooled calls and feedback in, a verdict out, by itself or by command."""

import random
from datetime import UTC, datetime

import pytest

from support.workspace import ANNA
from volano.releases.errors import RolloutInProgressError
from volano.releases.experiment.errors import (
    BadDesignError,
    NotAnExperimentError,
    NoWinnerError,
    UnknownArmOfExperimentError,
)

LONG_AGO_S = 200


def begin(street, rivals=1, **given):
    """Serve a first release, compare it with others by `sale`, and give them their shares."""
    shop = street.workspace
    shop.serve()
    arms = ["support@1", *(shop.cut().ref for _ in range(rivals))]
    street.metrics.define("sale", type="boolean", outcome=True, by=ANNA)
    given = {"goal": "sale", "mature": "100s", "max_wait": "1d", **given}
    rollout = street.experiments.compare(arms, channel="support", **given, by=ANNA)
    street.tick()
    return rollout


def lived(street, users, rates, *, failing=(), seed=1):
    """Let users come and buy, half of them told on their trace, half on their order."""
    rng, arms = random.Random(seed), street.workspace.releases.channel("support")
    refs = ["support@1", *(one.release for one in arms.rivals)]
    shares = [
        1_000_000 - sum(one.share for one in arms.rivals),
        *(one.share for one in arms.rivals),
    ]
    for n in range(users):
        arm = rng.choices(range(len(refs)), shares)[0]
        trace = street.call(
            "support", "candidate" if arm else "stable", unit=f"анна-{seed}-{n}", release=refs[arm],
            outcome="error" if arm in failing and n % 3 == 0 else "ok",
            tags={"order": f"{seed}-{n}"},
        )  # fmt: skip
        if rng.random() < rates[arm]:
            on = f"order:{seed}-{n}" if n % 2 else f"trace:{trace}"
            street.feedbacks.give(on, name="sale", value=True, by=ANNA)


def standing(street, experiments=None):
    rollout = street.workspace.releases.rollouts("support")[0]
    return (experiments or street.experiments).standing(rollout)


def test_arms_get_their_shares_when_all_answer(street):
    shop = street.workspace
    shop.serve()
    first, second = shop.cut(), shop.cut()
    street.serving.unready.add(str(second.digest))
    street.experiments.compare(
        ["support@1", first.ref, second.ref], channel="support", goal="errors", guardrails=[],
        shares=["50", "30", "20"], by=ANNA,
    )  # fmt: skip
    street.tick()
    assert [arm.share for arm in shop.releases.arms(shop.releases.channel("support"))] == [
        10**6,
        0,
        0,
    ]
    street.serving.unready.clear()
    street.tick()
    found = shop.releases.arms(shop.releases.channel("support"))
    assert [(arm.release, arm.role, arm.share) for arm in found] == [
        ("support@1", "stable", 500_000), ("support@2", "candidate", 300_000),
        ("support@3", "candidate", 200_000),
    ]  # fmt: skip
    assert set(shop.releases.in_use(second.digest)) == {"channel support"}


def test_a_winner_is_said_and_waits_for_a_person(street):
    rollout = begin(street)
    lived(street, 2500, (0.10, 0.22))
    street.tick()
    assert "100 users that each arm must have" in standing(street)["decision"]["reason"]
    street.tick(seconds=LONG_AGO_S)
    found = standing(street)
    assert found["decision"]["reason"].startswith("support@2 does better than support@1 in sale by")
    assert found["evidence"]["arms"][1]["pending"] == 0
    assert street.workspace.releases.rollout(rollout.id).state == "moving"
    kinds = [event.kind for event in street.workspace.releases.rollout_events(rollout.id)]
    assert kinds.count("decided") == 1
    promoted = street.experiments.conclude("support", by=ANNA)
    assert promoted.candidate_ref == "support@2"
    assert not promoted.is_experiment
    assert street.workspace.releases.rollout(rollout.id).state == "concluded"


def test_a_winner_is_promoted_by_itself_where_that_was_asked(street):
    begin(street, then="promote", plan="50%,100%")
    lived(street, 2500, (0.10, 0.22))
    street.tick(seconds=LONG_AGO_S)
    street.tick(seconds=LONG_AGO_S)
    newest = street.workspace.releases.rollouts("support")[0]
    assert (newest.candidate_ref, newest.plan.steps) == ("support@2", (500_000, 1_000_000))
    assert newest.by == "service:volano"


def test_a_first_arm_that_is_better_stays(street):
    rollout = begin(street, then="promote")
    lived(street, 2500, (0.22, 0.10))
    street.tick(seconds=LONG_AGO_S)
    street.tick()
    ended = street.workspace.releases.rollout(rollout.id)
    assert (ended.state, ended.outcome["winner"]) == ("concluded", "support@1")
    assert street.workspace.releases.channel("support").rivals == ()


def test_a_control_that_was_killed_reads_the_same_evidence_again(street):
    begin(street, rivals=2)
    for part in range(3):
        lived(street, 400, (0.1, 0.15, 0.12), seed=part)
        street.tick(seconds=60)
    street.tick(seconds=LONG_AGO_S)
    before, known = standing(street)["evidence"], street.experiments
    street.tick(street.fresh())
    after = standing(street)["evidence"]
    assert street.experiments is not known
    for one in (before, after):
        for against in one["against"]:
            del against["series"]
    assert after == before
    assert after["arms"][1]["entered"] > 300


def test_what_was_decided_is_noted_once_also_after_a_restart(street):
    rollout = begin(street)
    lived(street, 2500, (0.10, 0.22))
    street.tick(seconds=LONG_AGO_S)
    street.tick(street.fresh(), seconds=1)
    kinds = [event.kind for event in street.workspace.releases.rollout_events(rollout.id)]
    assert kinds.count("decided") == 1


def test_a_verdict_that_late_words_end_is_noted_as_ended_also_after_a_restart(street):
    rollout = begin(street)
    at = datetime.fromtimestamp(street.workspace.clock.now_us() / 1e6 + 5, UTC).isoformat()
    draw, traces = random.Random(4), ([], [])
    for n in range(700):
        arm = draw.randrange(2)
        role = ("stable", "candidate")[arm]
        call = street.call("support", role, unit=f"анна-{n}", release=f"support@{arm + 1}")
        traces[arm].append(call)
    street.tick(seconds=LONG_AGO_S)

    def tell(arm, buyers):
        for trace in traces[arm][buyers]:
            street.feedbacks.give(f"trace:{trace}", name="sale", value=True, at=at, by=ANNA)

    tell(0, slice(12))
    tell(1, slice(100))
    street.tick()
    assert "values still change" in standing(street)["decision"]["reason"]
    street.tick(seconds=LONG_AGO_S)
    assert "does better" in standing(street)["decision"]["reason"]
    tell(0, slice(12, 100))
    street.tick(seconds=61)
    assert standing(street)["decision"]["settled"] is False
    street.tick(street.fresh())
    assert standing(street)["decision"]["settled"] is False
    street.tick(street.fresh(), seconds=LONG_AGO_S)
    assert standing(street)["decision"]["settled"] is True
    assert standing(street)["decision"]["decided"] is False
    events = street.workspace.releases.rollout_events(rollout.id)
    told = [event.content["decided"] for event in events if "decided" in event.content]
    kinds = [event.kind for event in events]
    assert (kinds.count("decided"), kinds.count("undecided"), told[-1]) == (1, 1, False)


def test_an_arm_that_fails_is_out_and_nobody_else_moves(street):
    rollout = begin(street, rivals=2)
    lived(street, 900, (0.1, 0.1, 0.1), failing=(1,))
    street.tick()
    shop = street.workspace
    arms = shop.releases.arms(shop.releases.channel("support"))
    assert [(arm.release, arm.role) for arm in arms] == [
        ("support@1", "stable"), ("support@1", "out"), ("support@3", "candidate"),
    ]  # fmt: skip
    assert sum(arm.share for arm in arms) == 1_000_000
    out = shop.releases.rollout(rollout.id).arms[0]
    assert "errors" in out.out
    before = standing(street)["evidence"]["split"]["counts"]
    for n in range(600):
        street.call("support", ("stable", "candidate")[n % 2], unit=f"new-{n}",
                    release=("support@1", "support@3")[n % 2])  # fmt: skip
    street.tick()
    street.tick(street.fresh())
    after = standing(street)
    assert after["evidence"]["split"]["counts"][1] == before[1]
    assert after["decision"]["action"] == "hold"


def test_the_only_rival_that_fails_takes_it_back(street):
    rollout = begin(street)
    lived(street, 600, (0.1, 0.1), failing=(1,))
    street.tick()
    ended = street.workspace.releases.rollout(rollout.id)
    assert ended.state == "back"
    assert street.workspace.releases.channel("support").candidate is None
    assert standing(street)["evidence"]["arms"][1]["exposed"] > 200


def test_the_guard_acts_on_shared_counters(street):
    rollout = begin(street)
    digest = street.workspace.releases.rollout(rollout.id).arms[0].release_digest
    street.serving.counted[digest] = (0, 0)
    street.tick()
    street.serving.counted[digest] = (30, 28)
    street.tick()
    ended = street.workspace.releases.rollout(rollout.id)
    assert (ended.state, "guard" in ended.outcome["reason"]) == ("back", True)


def test_a_crooked_split_stops_it(street):
    rollout = begin(street)
    for n in range(900):
        street.call("support", "candidate" if n % 3 == 0 else "stable", unit=f"u{n}")
    street.tick()
    ended = street.workspace.releases.rollout(rollout.id)
    assert ended.state == "stopped"
    assert "do not trust the numbers" in ended.outcome["reason"]


def test_what_is_said_of_a_user_is_said_of_the_unit(street):
    street.metrics.define("content", type="boolean", level="user", by=ANNA)
    begin(street, goal="content")
    for n in range(6):
        street.call("support", ("stable", "candidate")[n % 2], unit=f"анна-{n}")
        street.feedbacks.give(f"user:анна-{n}", name="content", value=n % 2, by=ANNA)
    street.tick()
    street.tick(seconds=LONG_AGO_S)
    arms = standing(street)["evidence"]["arms"]
    assert [arm["measures"]["content"] for arm in arms] == [
        {"n": 3, "mean": 0},
        {"n": 3, "mean": 1},
    ]


def test_feedback_may_come_before_its_call(street):
    begin(street)
    street.feedbacks.give(f"trace:{1:032x}", name="sale", value=True, by=ANNA)
    street.tick()
    assert (
        street.call(
            "support", "candidate", unit="早", began_us=street.workspace.clock.now_us() - 10**6
        )
        == f"{1:032x}"
    )
    street.tick()
    street.tick(seconds=LONG_AGO_S)
    assert standing(street)["evidence"]["arms"][1]["measures"]["sale"] == {"n": 1, "mean": 1.0}


def test_who_was_left_out_is_no_evidence(street):
    begin(street, exclude=["tag:internal"])
    assert street.workspace.releases.channel("support").exclude == ("tag:internal",)
    for n in range(50):
        street.call("support", "excluded", unit=f"u{n}")
        street.call("support", "out", unit=f"v{n}")
    street.tick()
    assert [arm["exposed"] for arm in standing(street)["evidence"]["arms"]] == [0, 0]


def test_two_arms_of_the_same_release_are_allowed(street):
    """An A/A test: nothing may be found, and the arms are told apart."""
    shop = street.workspace
    shop.serve()
    street.experiments.compare(
        ["support@1", "support@1"], channel="support", goal="errors", guardrails=[], by=ANNA
    )
    street.tick()
    for n in range(20):
        street.call("support", ("stable", "candidate")[n % 2], unit=f"u{n}")
    street.tick()
    assert [arm["exposed"] for arm in standing(street)["evidence"]["arms"]] == [10, 10]


def test_one_thing_moves_a_channel_at_a_time(street):
    begin(street)
    with pytest.raises(RolloutInProgressError):
        street.experiments.compare(
            ["support@1", "support@2"], channel="support", goal="errors", guardrails=[], by=ANNA
        )
    with pytest.raises(RolloutInProgressError):
        street.workspace.releases.promote("support@2", channel="support", by=ANNA)


def test_what_cannot_be_compared_is_refused(street):
    shop = street.workspace
    shop.serve()
    other = shop.cut().ref
    for arms, given in (
        ([other, "support@1"], {}), (["support@1", other, other], {}), (["support@1"], {}),
        (["support@1", other], {"detect": "viel"}), (["support@1", other], {"shares": ["90", "20"]}),
    ):  # fmt: skip
        with pytest.raises(BadDesignError):
            street.experiments.compare(arms, channel="support", goal="latency:2s", by=ANNA, **given)
    with pytest.raises(NotAnExperimentError):
        street.experiments.conclude("support", by=ANNA)


def test_nothing_is_concluded_without_a_winner_but_a_person_may_name_one(street):
    begin(street)
    with pytest.raises(NoWinnerError):
        street.experiments.conclude("support", by=ANNA)
    with pytest.raises(UnknownArmOfExperimentError):
        street.experiments.conclude("support", winner=street.workspace.cut().ref, by=ANNA)
    promoted = street.experiments.conclude("support", winner="support@2", plan="100%", by=ANNA)
    assert promoted.candidate_ref == "support@2"


def test_it_may_be_aborted_like_any_rollout(street):
    rollout = begin(street)
    street.workspace.releases.abort("support", why="мы передумали", by=ANNA)
    street.tick()
    assert street.workspace.releases.rollout(rollout.id).state == "aborted"
    assert len(street.workspace.releases.arms(street.workspace.releases.channel("support"))) == 1

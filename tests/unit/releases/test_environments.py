"""A release goes through environments in their order, and brings along what it showed."""

import pytest

from support.workspace import ANNA
from volano.access.errors import BadDurationError
from volano.core.principal import SYSTEM, Principal
from volano.releases.errors import (
    BadOrderError,
    NoRuleError,
    NotArrivedError,
    OwnReleaseError,
    RolloutInProgressError,
)

BORIS, CHEN = (Principal("person", name) for name in ("Борис", "陈"))
WAY = ("support/dev", "support/staging", "support")


@pytest.fixture
def ordered(workspace):
    workspace.environments.order("support", order=WAY, by=ANNA)
    return workspace


def promote(workspace, release, channel, **more):
    workspace.clock.advance(1)
    return workspace.releases.promote(release.ref, channel=channel, plan="100%", by=ANNA, **more)


def arrive(workspace, release, channel, state="arrived", **more):
    rollout = promote(workspace, release, channel, **more)
    outcome = {
        "reason": "all gates hold", "calls": {"candidate": 80, "stable": 900}, "took_s": 7.0,
        "verdicts": [{"outcome": "pass", "reason": "errors: fine", "evidence": {}}],
    }  # fmt: skip
    workspace.clock.advance(1)
    ended = workspace.releases.end(rollout, state, outcome, by=SYSTEM)
    workspace.releases.note(ended, "applied", {"took_us": 3, "evidence": {"calls": 80}})
    return ended


def first_event(workspace, rollout):
    return workspace.releases.rollout_events(rollout.id)[0].content


def test_a_release_goes_on_only_from_the_environment_before(ordered):
    release = ordered.cut()
    with pytest.raises(NotArrivedError, match="has not arrived on support/staging") as no:
        promote(ordered, release, "support")
    assert "volano release promote support@1 --channel support/staging" in no.value.advice
    with pytest.raises(NotArrivedError, match="support/dev"):
        promote(ordered, release, "support/staging")
    for channel in WAY:
        arrive(ordered, release, channel)
    assert ordered.releases.channel("support").stable_ref == "support@1"


def test_its_evidence_is_carried_along_the_whole_way(ordered):
    release = ordered.cut()
    ends = [arrive(ordered, release, channel) for channel in WAY]
    assert "carried" not in first_event(ordered, ends[0])
    [dev] = first_event(ordered, ends[1])["carried"]
    assert (dev["environment"], dev["rollout"]) == ("support/dev", ends[0].id)
    assert dev["calls"] == {"candidate": 80, "stable": 900}
    assert dev["verdicts"][0]["reason"] == "errors: fine"
    assert (dev["figures"], dev["reason"]) == ({"calls": 80}, "all gates hold")
    carried = first_event(ordered, ends[2])["carried"]
    assert [one["environment"] for one in carried] == ["support/dev", "support/staging"]
    assert ordered.releases.brought(ends[2]) == {"carried": carried, "skipped": None}


def test_reports_that_are_pinned_go_along(workspace):
    flow = workspace.flow()
    report = workspace.catalog.record(
        "report", "faq", files={"a": b"1"}, parents=[_subject(flow)], meta={}, by=ANNA
    )
    release = workspace.releases.cut("support", flow=flow.ref, reports=[report.ref], by=ANNA)
    arrive(workspace, release, "support/staging")
    rollout = promote(workspace, release, "support", after="support/staging")
    [carried] = first_event(workspace, rollout)["carried"]
    assert carried["reports"] == ["faq@1"]


def _subject(flow):
    from volano.core.manifest import Parent

    return Parent("subject", flow.digest)


def test_one_on_its_way_is_told_to_wait(ordered):
    release = ordered.cut()
    promote(ordered, release, "support/dev")
    with pytest.raises(NotArrivedError, match="still on its way to support/dev") as no:
        promote(ordered, release, "support/staging")
    assert "volano release status support/dev" in no.value.advice


def test_what_was_taken_back_by_a_gate_does_not_go_on(ordered):
    arrive(ordered, ordered.cut(), "support/dev")
    bad = ordered.cut()
    arrive(ordered, bad, "support/dev", state="back")
    with pytest.raises(NotArrivedError, match="taken back from support/dev: all gates hold"):
        promote(ordered, bad, "support/staging")


def test_what_a_person_took_back_later_does_not_go_on_until_it_arrives_again(ordered):
    arrive(ordered, ordered.cut(), "support/dev")
    bad = ordered.cut()
    arrive(ordered, bad, "support/dev")
    ordered.clock.advance(1)
    back = ordered.releases.rollback("support/dev", why="答错了", by=ANNA)
    with pytest.raises(NotArrivedError, match="答错了"):
        promote(ordered, bad, "support/staging")
    ordered.releases.end(back, "arrived", {"reason": "back"}, by=SYSTEM)
    with pytest.raises(NotArrivedError, match="答错了"):
        promote(ordered, bad, "support/staging")
    arrive(ordered, bad, "support/dev")
    promote(ordered, bad, "support/staging")


def test_what_another_release_followed_may_still_go_on(ordered):
    old, new = ordered.cut(), ordered.cut()
    arrive(ordered, old, "support/dev")
    arrive(ordered, new, "support/dev")
    promote(ordered, old, "support/staging")


def test_it_serves_as_long_as_the_order_asks(workspace):
    order = workspace.environments.order("support", order=WAY[1:], least_time="2h", by=ANNA)
    assert order.least_us == 7_200_000_000
    release = workspace.cut()
    arrive(workspace, release, "support/staging")
    workspace.clock.advance(3600)
    with pytest.raises(NotArrivedError, match="served support/staging for 1 h of 2 h"):
        promote(workspace, release, "support")
    workspace.clock.advance(3600)
    rollout = promote(workspace, release, "support")
    [carried] = first_event(workspace, rollout)["carried"]
    assert 7200 <= carried["served_s"] <= 7210


def test_a_clock_that_went_back_counts_as_no_time(workspace):
    workspace.environments.order("support", order=WAY[1:], least_time="1s", by=ANNA)
    release = workspace.cut()
    arrive(workspace, release, "support/staging")
    workspace.clock.advance(-86_400)
    with pytest.raises(NotArrivedError, match="for 0 s of 1 s"):
        promote(workspace, release, "support")


def test_it_answers_as_many_calls_as_the_order_asks(street, desk):
    desk.environments.order("support", order=WAY[1:], least_calls=3, by=ANNA)
    release = desk.cut()
    street.tick()
    arrive(desk, release, "support/staging")
    for tags in ({}, {}, {"replay": "ab"}, {"note": '{"replay": 1}'}):
        street.call("support/staging", "stable", tags=tags)
    street.call("support/staging", "stable", outcome="refused")
    street.call("support/staging", "stable", release="other@1")
    street.tick()
    street.call("support/staging", "stable", began_us=1, ended_us=2)
    street.tick()
    answered = desk.traces.answers("support/staging", release.ref, 10)
    assert answered == 3
    rollout = promote(desk, release, "support")
    assert first_event(desk, rollout)["carried"][0]["answered"] == 3


def test_too_few_calls_are_refused(street, desk):
    desk.environments.order("support", order=WAY[1:], least_calls=2, by=ANNA)
    release = desk.cut()
    arrive(desk, release, "support/staging")
    street.call("support/staging", "stable")
    street.tick()
    with pytest.raises(NotArrivedError, match="answered 1 of 2 calls on support/staging"):
        promote(desk, release, "support")


def test_an_emergency_goes_without_and_is_written_down(ordered):
    release = ordered.cut()
    rollout = promote(ordered, release, "support", emergency=" ég a ház ")
    skipped = {"environments": ["support/staging"], "reason": "ég a ház"}
    assert ordered.releases.brought(rollout) == {"carried": [], "skipped": skipped}
    [told] = [e for e in ordered.ledger.list(subject="channel/support") if "emergency" in e.verb]
    assert told.content["reason"] == "ég a ház"


def owed(workspace):
    return [one.release_ref for one in workspace.approvals.list("support") if one.owed]


def test_an_emergency_that_goes_without_an_environment_is_owed_its_review(ordered):
    release = ordered.cut()
    promote(ordered, release, "support", emergency="ég a ház")
    [one] = ordered.approvals.list("support")
    assert (one.kind, one.owed, one.why, one.by) == ("emergency", True, "ég a ház", str(ANNA))
    ordered.clock.advance(1)
    with pytest.raises(OwnReleaseError):
        ordered.approvals.approve(release.ref, channel="support", by=ANNA)
    ordered.approvals.approve(release.ref, channel="support", why="látta", by=BORIS)
    assert owed(ordered) == []
    with pytest.raises(NoRuleError):
        ordered.approvals.approve(release.ref, channel="support", by=BORIS)


def test_one_emergency_is_owed_one_review_by_as_many_as_the_channel_asks(ordered):
    ordered.approvals.require("support", needed=2, by=ANNA)
    release = ordered.cut()
    promote(ordered, release, "support", emergency="火事")
    assert owed(ordered) == [release.ref]
    for person, left in ((BORIS, [release.ref]), (CHEN, [])):
        ordered.clock.advance(1)
        ordered.approvals.approve(release.ref, channel="support", by=person)
        assert owed(ordered) == left


def test_who_agreed_before_has_not_reviewed_what_was_left_out(ordered):
    ordered.approvals.require("support", needed=1, by=ANNA)
    release = ordered.cut()
    ordered.approvals.approve(release.ref, channel="support", by=BORIS)
    promote(ordered, release, "support", emergency="now")
    assert owed(ordered) == [release.ref]


def test_an_emergency_that_is_none_is_not_written_down(ordered):
    release = ordered.cut()
    rollout = promote(ordered, release, "support/dev", emergency="just in case")
    assert "skipped" not in first_event(ordered, rollout)
    assert ordered.approvals.list() == []


def test_an_emergency_that_cannot_begin_leaves_nothing(ordered):
    promote(ordered, ordered.cut(), "support", emergency="first")
    with pytest.raises(RolloutInProgressError):
        promote(ordered, ordered.cut(), "support", emergency="second")
    told = [e for e in ordered.ledger.list(subject="channel/support") if "emergency" in e.verb]
    assert [one.content["reason"] for one in told] == ["first"]
    assert owed(ordered) == ["support@1"]


def test_without_an_order_one_may_ask_for_the_environment_before(workspace):
    release = workspace.cut()
    with pytest.raises(NotArrivedError):
        promote(workspace, release, "support", after="support/staging")
    arrive(workspace, release, "support/staging")
    rollout = promote(workspace, release, "support", after="support/staging")
    assert first_event(workspace, rollout)["carried"][0]["environment"] == "support/staging"


def test_the_way_back_asks_no_environment(ordered):
    for _ in range(2):
        release = ordered.cut()
        for channel in WAY:
            arrive(ordered, release, channel)
    assert ordered.releases.rollback("support", by=ANNA).candidate_ref == "support@1"


def test_an_order_is_taken_back_and_set_anew(ordered):
    ordered.environments.order("support", order=WAY[1:], by=ANNA)
    [order] = ordered.environments.list()
    assert order.environments == WAY[1:]
    promote(ordered, ordered.cut(), "support/staging")
    assert ordered.environments.order("support", off=True, by=ANNA).to_dict()["says"] == (
        "releases go where they like"
    )
    assert ordered.environments.list() == []
    promote(ordered, ordered.cut(), "support")
    verbs = [event.verb for event in ordered.ledger.list(subject="channel/support")]
    assert verbs.count("channel.environments") == 3


@pytest.mark.parametrize(
    ("order", "why"),
    [((), "2 to 10"), (("support",), "2 to 10"), (("a", "a", "support"), "twice"),
     (("support", "a"), "ends with `a`"), ([f"a{n}" for n in range(10)] + ["support"], "2 to 10")],
)  # fmt: skip
def test_an_order_that_is_none_is_refused(workspace, order, why):
    with pytest.raises(BadOrderError, match=why):
        workspace.environments.order("support", order=order, by=ANNA)
    assert workspace.environments.list() == []


def test_a_channel_is_in_one_order_only(ordered):
    with pytest.raises(BadOrderError, match=r"`support/dev` is in the order of `support`"):
        ordered.environments.order("sales", order=("support/dev", "sales"), by=ANNA)
    with pytest.raises(BadDurationError):
        ordered.environments.order("sales", order=("x", "sales"), least_time="soon", by=ANNA)


def test_an_experiment_takes_no_release_that_has_not_arrived(street, desk):
    desk.serve()
    desk.environments.order("support", order=WAY[1:], by=ANNA)
    rival = desk.cut()
    with pytest.raises(NotArrivedError):
        street.experiments.compare(
            ["support@1", rival.ref], channel="support", goal="errors", by=ANNA
        )

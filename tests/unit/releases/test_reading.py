"""What a rollout's records say of its measures: calls, cohorts, answers, and feedback that takes time."""

import json

import pytest

from support.workspace import ANNA
from volano.core.errors import InvalidError
from volano.monitor.alert import Alert
from volano.releases.alarms import Alarms
from volano.releases.errors import NoSchemaError

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
GOOD, BAD = '{"answer": "yes"}', "yes"


def begin(street, margins, *, plan="20%,100%", schema=SCHEMA):
    """Serve one release, and begin to move to another."""
    shop = street.workspace
    shop.releases._metrics = street.metrics
    shop.serve()
    flow = shop.flow(schema=schema)
    release = shop.releases.cut("support", flow=flow.ref, by=ANNA)
    rollout = shop.releases.promote(
        release.ref, channel="support", plan=plan, margins=margins, require=(), by=ANNA
    )
    street.tick()
    return rollout


def cohort(street, unit="", **more):
    return street.call("support", "baseline", share=200_000, unit=unit, **more)


def seen(street):
    return street.reconciler.status("support")["evidence"]["steps"]["200000"]


def digests(street, rollout):
    return {"candidate": rollout.candidate, "stable": rollout.baseline}


def answer(text, finish="stop"):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"choices": [choice]}).encode()


def test_a_cohort_is_the_baseline_of_tails_and_part_of_that_of_rates(street):
    begin(street, {"errors": 0.05, "p95": 0.1})
    assert street.workspace.releases.channel("support").cohort == 200_000
    street.call("support", "candidate")
    cohort(street)
    street.call("support", "stable", share=800_000)
    street.tick()
    found = seen(street)
    assert found["p95"]["candidate_units"] == found["p95"]["baseline_units"] == 1
    assert [found[f"{arm}_errors"]["n"] for arm in ("candidate", "stable", "baseline")] == [1, 1, 1]


def test_refusals_and_slow_answers_are_read_off_calls(street):
    begin(street, {"refusals": 0.05, "latency:2s": 0.05})
    now = street.workspace.clock.now_us()
    street.call(
        "support",
        "candidate",
        response=answer("no", "content_filter"),
        began_us=now,
        ended_us=now + 3_000_000,
    )
    street.call("support", "candidate", response=answer("yes"))
    street.call("support", "candidate", outcome="error")
    street.tick()
    found = seen(street)
    assert (found["candidate_refusals"]["n"], found["candidate_refusals"]["total"]) == (2, 1)
    assert (found["candidate_latency:2s"]["n"], found["candidate_latency:2s"]["total"]) == (2, 1)


def test_answers_are_held_to_the_schema_that_the_release_pins(street):
    rollout = begin(street, {"schema": 0.05})
    for arm, text in (("candidate", GOOD), ("candidate", BAD), ("stable", BAD)):
        digest = digests(street, rollout)[arm]
        street.call("support", arm, release_digest=digest, response=answer(text))
    street.call("support", "candidate", outcome="error", release_digest=rollout.candidate)
    street.tick()
    found = seen(street)
    assert (found["candidate_schema"]["n"], found["candidate_schema"]["total"]) == (2, 1)
    assert (found["stable_schema"]["n"], found["stable_schema"]["total"]) == (1, 1)


def test_a_release_without_a_schema_cannot_be_held_to_one(street):
    with pytest.raises(NoSchemaError):
        begin(street, {"schema": 0.05}, schema=None)


def test_a_name_of_feedback_counts_as_its_metric_and_others_do_not(street):
    street.metrics.define("thumbs", type="boolean", by=ANNA)
    begin(street, {"thumbs": 0.05})
    trace = street.call("support", "candidate")
    street.say(trace, 0, name="other")
    street.tick()
    assert "200000" not in street.reconciler.status("support")["evidence"]["steps"]
    street.say(trace, 1, name="thumbs")
    street.tick()
    assert seen(street)["candidate_thumbs"]["mean"] == 1


def test_feedback_that_nobody_defined_is_refused(street):
    with pytest.raises(InvalidError, match="no metric thumbs"):
        begin(street, {"thumbs": 0.05})


def test_feedback_within_a_window_counts_when_the_window_is_over(street):
    street.metrics.define("thumbs", type="boolean", by=ANNA)
    begin(street, {"thumbs": {"margin": 0.05, "window": "1h"}}, plan="20% ..3h,100%")
    good = street.call("support", "candidate", unit="anna")
    bad = street.call("support", "stable", unit="boris")
    street.call("support", "stable", unit="cleo")
    street.tick()
    street.say(good, 1, name="thumbs")
    street.say(bad, 0, name="thumbs")
    street.tick()
    assert street.reconciler.status("support")["evidence"]["steps"] == {}
    street.workspace.clock.advance(3700)
    street.call("support", "stable", unit="dora")
    street.tick()
    found = seen(street)
    assert (found["candidate_thumbs 1h"]["n"], found["candidate_thumbs 1h"]["mean"]) == (1, 1)
    assert (found["stable_thumbs 1h"]["n"], found["stable_thumbs 1h"]["mean"]) == (1, 0)
    again = street.fresh_after_tick().status("support")["evidence"]["steps"]
    assert again == street.reconciler.status("support")["evidence"]["steps"]


def test_what_is_said_of_a_user_finds_the_unit(street):
    street.metrics.define("sale", type="boolean", level="user", outcome=True, by=ANNA)
    begin(street, {"sale 1h": 0.05}, plan="20% ..3h,100%")
    street.call("support", "candidate", unit="anna")
    street.call("support", "stable", unit="boris")
    street.tick()
    street.feedbacks.give("user:anna", name="sale", value="yes", by=ANNA)
    street.tick()
    street.workspace.clock.advance(3700)
    street.call("support", "stable", unit="dora")
    street.tick()
    found = seen(street)
    assert found["candidate_sale 1h"]["mean"] == 1
    assert found["stable_sale 1h"]["mean"] == 0  # nobody told of boris: no sale


# --- health, alerts, budgets -----------------------------------------------


def test_a_candidate_that_is_down_holds_and_goes_back_after_a_minute(street):
    rollout = begin(street, {"errors": 0.05})
    street.serving.unready.add(rollout.candidate)
    street.tick()
    decision = street.reconciler.status("support")["decision"]
    assert decision["action"] == "hold"
    assert "is down" in decision["reason"]
    street.tick(seconds=30)
    street.serving.unready.clear()
    street.tick(seconds=40)
    assert "is down" not in street.reconciler.status("support")["decision"]["reason"]
    street.serving.unready.add(rollout.candidate)
    street.tick(seconds=2)  # engines are asked every two seconds
    street.tick(seconds=61)
    ended = street.workspace.releases.rollout(rollout.id)
    assert ended.state == "back"
    assert "health: what the candidate needs is down" in ended.outcome["reason"]


def test_where_both_are_down_going_back_would_help_nobody(street):
    rollout = begin(street, {"errors": 0.05})
    street.serving.unready |= {rollout.candidate, rollout.baseline}
    street.tick()
    street.tick(seconds=200)
    assert street.workspace.releases.rollout(rollout.id).state == "moving"


def silent(street, digest, from_s, until_s):
    """The workers saw no answer of what this release needs, from then to then."""
    now = street.workspace.clock.monotonic_us()
    street.serving.outages[digest] = (now + int(from_s * 1e6), now + int(until_s * 1e6))


def test_a_candidate_whose_provider_answers_nobody_holds_and_goes_back_after_a_minute(street):
    rollout = begin(street, {"errors": 0.05})
    street.tick(seconds=100)
    silent(street, rollout.candidate, -40, -1)
    street.tick(seconds=2)
    decision = street.reconciler.status("support")["decision"]
    assert decision["action"] == "hold"
    assert "is down for 39 s" in decision["reason"]
    silent(street, rollout.candidate, -40, 21)
    street.tick(seconds=22)
    ended = street.workspace.releases.rollout(rollout.id)
    assert ended.state == "back"
    assert "health: what the candidate needs is down for 61 s" in ended.outcome["reason"]


def test_what_nobody_asks_any_more_is_not_down_any_longer(street):
    rollout = begin(street, {"errors": 0.05})
    street.tick(seconds=100)
    silent(street, rollout.candidate, -40, -1)
    street.tick(seconds=300)
    assert street.workspace.releases.rollout(rollout.id).state == "moving"


def test_what_a_provider_failed_before_the_rollout_is_not_held_against_it(street):
    rollout = begin(street, {"errors": 0.05})
    silent(street, rollout.candidate, -400, -100)
    street.tick(seconds=2)
    assert "is down" not in street.reconciler.status("support")["decision"]["reason"]
    silent(street, rollout.candidate, -400, 20)
    street.tick(seconds=30)
    assert street.workspace.releases.rollout(rollout.id).state == "moving"


def test_where_the_old_releases_provider_answers_nobody_either_it_stays(street):
    rollout = begin(street, {"errors": 0.05})
    for digest in (rollout.candidate, rollout.baseline):
        silent(street, digest, 0, 100)
    street.tick(seconds=101)
    assert street.workspace.releases.rollout(rollout.id).state == "moving"


def alert(rollout, **more):
    labels = {"channel": "support", "rollback": "true"} | more.pop("labels", {})
    given = {"state": "firing", "fired_us": rollout.created_us + 1, **more}
    return Alert(7, "failing", labels, "critical", value=0.4, told="40 % of the calls fail",
                 pending_us=rollout.created_us, **given)  # fmt: skip


def test_an_alert_that_asks_for_it_takes_the_rollout_back(street):
    rollout = begin(street, {"errors": 0.05})
    street.reconciler._alarms = Alarms(alerts=lambda: [alert(rollout)], budgets=list)
    street.tick(seconds=6)
    ended = street.workspace.releases.rollout(rollout.id)
    assert ended.state == "back"
    assert ended.outcome["reason"] == "Taken back: alert 7 (failing): 40 % of the calls fail."


@pytest.mark.parametrize(
    "other",
    [
        {"labels": {"rollback": "no"}}, {"labels": {"channel": "faq"}}, {"state": "resolved"},
        {"state": "pending"}, {"fired_us": 1}, {"labels": {"release": "support@1"}},
    ],
)  # fmt: skip
def test_other_alerts_do_not(street, other):
    rollout = begin(street, {"errors": 0.05})
    assert Alarms(alerts=lambda: [alert(rollout, **other)], budgets=list).of(rollout) == ""

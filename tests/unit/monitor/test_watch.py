"""From calls to those who are told: real records, a real catalog, a real socket."""

import pytest

from support.databases import opened
from support.workspace import ANNA
from unit.monitor.conftest import Post
from volano.core.ports.drifted import Drift
from volano.monitor.errors import NotBurningError, NotToldError

FAILING = {"name": "failing", "measure": "error_rate", "above": "20%", "window": "30s",
           "keep": "0s", "by": ["channel"]}  # fmt: skip


def test_it_fires_is_acknowledged_and_is_over(database_url, tmp_path, hook):
    with opened(database_url) as db:
        post = Post(tmp_path, db, hook)
        post.rules({**FAILING, "for": "5s", "severity": "critical", "summary": "look"})
        post.call(5)
        assert post.tick() == []
        post.call(5, outcome="error")
        assert post.tick() == []
        assert post.states() == {"support": "pending"}
        [fired] = post.tick(5)
        assert (fired["state"], fired["labels"]) == ("firing", {"channel": "support"})
        assert fired["told"] == "error_rate is 50% over 30s, above 20%"
        assert post.tick() == [], "once a change of state"
        [alert] = post.alerts.list()
        acked = post.alerts.ack(alert.id, by=ANNA)
        assert (acked["state"], acked["acked_by"]) == ("acknowledged", str(ANNA))
        post.restart()
        assert post.tick() == []
        post.call(200)
        [over] = post.tick()
        assert (over["state"], over["burning"]) == ("resolved", 0)
        assert post.alerts.list() == []
        with pytest.raises(NotBurningError):
            post.alerts.ack(alert.id, by=ANNA)
        events = [e.verb for e in post.ledger.list(subject=f"alert/{alert.id}")]
        assert sorted(events) == ["acknowledge", "fire", "resolve"]
        post.records.close()


def test_what_recovers_while_it_is_pending_never_was(post):
    post.rules({**FAILING, "for": "1m"})
    post.call(5, outcome="cut")
    post.tick()
    post.call(100)
    assert post.tick() == []
    assert post.alerts.list(all=True) == []


def test_no_flood_a_thousand_groups_are_one_notice(post):
    post.rules({**FAILING, "by": ["channel"], "window": "1m"})
    for n in range(27):
        post.call(1, outcome="error", channel=f"c{n}")
    assert len(post.tick()) == 27
    [body] = post.hook.bodies
    assert len(body["lines"]) == 11
    assert body["lines"][-1] == "and 17 more"


def test_no_flood_a_flapping_rule_is_told_a_few_times_a_minute(post):
    post.rules({**FAILING, "window": "10s"})
    for n in range(12):
        post.call(1, ago_s=0, outcome="ok" if n % 2 else "error")
        post.call(30 * (n % 2))
        post.tick(2)
    assert len(post.hook.seen) <= 6
    post.tick(120)
    assert post.outbox.waiting() == []


def test_it_is_repeated_while_nobody_cares(post):
    post.rules({**FAILING, "repeat": "10m"})
    post.call(5, outcome="error")
    assert len(post.tick()) == 1
    for _ in range(3):
        post.call(5, outcome="error")
        assert post.tick(290) == [] or post.hook.bodies[-1]["changes"][0]["again"]
    assert len(post.hook.seen) == 2


def test_a_silence_keeps_quiet_and_what_still_burns_is_told_after_it(post):
    post.rules(FAILING)
    post.call(5, outcome="error")
    post.call(5, outcome="error", channel="other")
    made = post.alerts.silence(where=["channel=support"], until="1h", by=ANNA)
    assert [c["labels"]["channel"] for c in post.tick()] == ["other"]
    assert post.states() == {"support": "firing", "other": "firing"}
    post.alerts.unsilence(made["id"], by=ANNA)
    assert [c["labels"]["channel"] for c in post.tick()] == ["support"]


def test_one_bad_rule_does_not_stop_the_others(post):
    post.slos.set("up", target="99%", by=ANNA)
    post.rules(
        {"name": "a-burn", "kind": "burn", "slo": "up"}, FAILING, {**FAILING, "name": "later"}
    )
    conn = post.db.write()
    with conn as c:
        c.exec_driver_sql("DELETE FROM slos")
        c.exec_driver_sql(
            "UPDATE alert_rules SET said = '{\"kind\": \"spell\"}' WHERE name = 'later'"
        )
    post.call(5, outcome="error")
    assert len(post.tick()) == 1
    said = {row["name"]: row["state"] for row in post.alerts.rules()}
    assert said["a-burn"] == "There is no SLO `up`."
    assert "no kind `spell`" in said["later"]
    assert said["failing"] == "well"


def test_a_restart_loses_no_notice(post):
    post.rules(FAILING)
    post.hook.answers = [500, 503]
    post.call(5, outcome="error")
    assert len(post.tick()) == 1
    assert post.outbox.waiting()[0]["error"] == "It was not taken: the answer was 500."
    post.restart()
    assert post.tick(1) == [], "not before it is due"
    assert len(post.tick(2)) == 1
    assert len(post.tick(5)) == 1
    assert post.tick(60) == []
    assert len({body["id"] for body in post.hook.bodies}) == 1
    assert post.outbox.waiting() == []


def test_calls_that_stop_are_not_taken_for_recovery(post):
    post.rules(FAILING)
    post.call(5, outcome="error")
    post.tick()
    assert post.tick(300) == []
    assert post.states() == {"support": "firing"}
    post.tick(1)
    [over] = post.tick(15 * 60)
    assert over["told"] == "nothing was to be seen of it any more"


def test_a_rule_that_is_taken_away_ends_its_alerts(post):
    post.rules(FAILING)
    post.call(5, outcome="error")
    post.tick()
    post.rules({**FAILING, "name": "else", "above": "99%", "least": 50})
    [over] = post.tick()
    assert (over["rule"], over["state"]) == ("failing", "resolved")


def test_absence_names_what_came_before(post):
    post.rules({"name": "quiet", "kind": "absence", "window": "5m", "by": ["channel"]})
    post.call(1, channel="a")
    post.call(1, channel="b")
    assert post.tick() == []
    post.clock.advance(600)
    post.call(1, channel="b")
    assert [c["labels"] for c in post.tick()] == [{"channel": "a"}]


def test_burn_needs_both_windows(post):
    post.slos.set("up", target="99.5%", by=ANNA)
    pairs = [{"long": "1h", "short": "5m", "burn": 14.4}]
    post.rules({"name": "burn", "kind": "burn", "slo": "up", "windows": pairs})
    post.call(900, ago_s=1800)
    post.call(100, ago_s=1800, outcome="error")
    assert post.tick() == [], "the long window burns, the short one is well"
    post.call(10, outcome="error")
    [fired] = post.tick()
    assert "burns 21.8 times too fast over 1h and 200.0 times over 5m" in fired["told"]
    [slo] = post.slos.list()
    assert slo["left"] < 0
    assert (slo["calls"], slo["bad"]) == (1010, 110)


def test_an_anomaly_is_judged_by_the_hours_of_other_weeks(post):
    week = 7 * 86_400
    post.rules({"name": "odd", "kind": "anomaly", "measure": "requests"})
    post.call(100, ago_s=week)
    post.call(30, ago_s=60)
    assert post.tick() == []
    assert "not enough history" in post.alerts.rules()[0]["state"]
    for ago in (2, 3, 4):
        post.call(95 + ago, ago_s=ago * week)
    [fired] = post.tick(61)
    assert "30 in the last hour; usual at this hour of the week is 98" in fired["told"]


def test_ratio_cost_and_drift(post):
    post.rules(
        {"name": "twice", "kind": "ratio", "measure": "requests",
         "of": {"measure": "requests", "before": "1h"}, "above": 2},
        {"name": "dear", "kind": "cost", "above": "2 USD", "window": "1h"},
        {"name": "moved", "kind": "drift"},
    )  # fmt: skip
    post.call(10, ago_s=3600)
    post.call(30, cost_nano=100_000_000, cost_currency="USD", priced_by="list")
    post.drifts = [Drift("inputs", "support", "moved", 1, "topics moved"),
                   Drift("inputs", "other", "unsure", 1)]  # fmt: skip
    told = {c["rule"]: c["told"] for c in post.tick()}
    assert told == {
        "twice": "requests is 3 of requests 1h ago, above 2",
        "dear": "calls cost 3 USD over 1h, above 2 USD",
        "moved": "topics moved",
    }
    assert {a.rule: a.labels for a in post.alerts.list()}["moved"] == {
        "watch": "inputs", "subject": "support",
    }  # fmt: skip


def test_a_rule_of_money_is_of_its_own_currency(post):
    post.rules(
        {"name": "dear", "kind": "cost", "above": "2 USD", "window": "1h"},
        {"name": "dear-call", "measure": "cost_per_request", "above": "2 USD", "window": "1h"},
    )
    post.call(3, cost_nano=100_000_000_000, cost_currency="JPY", priced_by="list")
    assert post.tick() == []
    unsure = {one["name"]: one["state"] for one in post.alerts.rules()}
    assert unsure == {
        "dear": "well",  # all is in yen: it is known that no dollar was spent
        "dear-call": "no price in USD is known of these calls",
    }
    post.call(3, cost_nano=1_000_000_000, cost_currency="USD", priced_by="list")
    assert [c["told"] for c in post.tick()] == ["calls cost 3 USD over 1h, above 2 USD"]


def test_a_rule_says_what_it_cannot_know(post):
    post.rules(
        {"name": "dear", "kind": "cost", "above": "2 USD", "window": "1h"},
        {"name": "moved", "kind": "drift", "watch": "nowhere"},
    )
    post.call(30)
    post.drifts = [Drift("inputs", "support", "moved", 1, "topics moved")]
    assert post.tick() == []
    assert {one["name"]: one["state"] for one in post.alerts.rules()} == {
        "dear": "no price in USD is known of these calls",
        "moved": "no watch for drift `nowhere` has looked yet",
    }


def test_a_receiver_can_be_tried(post):
    post.rules(FAILING)
    assert post.alerts.test("hook", by=ANNA) == {"receiver": "hook"}
    assert post.hook.bodies[0]["changes"][0]["state"] == "test"
    post.hook.answers = [404]
    with pytest.raises(NotToldError, match="404"):
        post.alerts.test("hook", by=ANNA)


def test_killed_at_any_moment_it_goes_on(post):
    """A process that dies between writing and telling: the next one tells."""
    post.rules(FAILING)
    post.call(5, outcome="error")
    post.clock.advance(1)
    post.watch.tick()
    post.restart()
    assert len(post.tick()) == 1
    assert post.tick() == []

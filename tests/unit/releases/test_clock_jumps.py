"""A clock that is set while volano runs: nothing is lost, and nothing is decided by it alone."""

import pytest

from support.workspace import ANNA, Street, Workspace
from volano.access.errors import ExpiredKeyError

HOUR = 3600.0


@pytest.fixture
def shop(tmp_path, sqlite):
    return Workspace(tmp_path, sqlite)


def test_an_hour_back_leaves_versions_and_ledger_in_order(shop):
    first = shop.cut()
    shop.clock.set(-HOUR)
    second = shop.cut()
    assert (first.number, second.number) == (1, 2)
    assert shop.releases.get("support").ref == second.ref
    verbs = [event.seq for event in shop.ledger.list(limit=100)]
    assert sorted(verbs) == sorted(set(verbs))
    shop.ledger.verify()


@pytest.fixture
def street(shop):
    street = Street(shop)
    yield street
    street.close()


def promote(shop, **given):
    shop.serve()
    given = {"plan": "50%,100%", **given}
    return shop.releases.promote(shop.cut().ref, channel="support", **given, by=ANNA)


def test_a_rollout_goes_on_when_the_clock_is_set_back(shop, street):
    promote(shop)
    street.tick()
    shop.clock.set(-HOUR)
    for _ in range(400):
        street.call("support", "stable")
        street.call("support", "candidate")
    for _ in range(5):
        street.tick()
    assert shop.releases.channel("support").stable_ref == "support@2"


def test_feedback_counts_by_its_trace_when_the_clock_is_set_back(shop, street):
    rollout = promote(shop, require=["errors", "quality"])
    street.tick()
    shop.clock.set(-HOUR)
    for _ in range(40):
        street.say(street.call("support", "stable"), 1)
        street.say(street.call("support", "candidate"), 0)
    street.tick()
    ended = shop.releases.rollout(rollout.id)
    assert ended.state == "back"
    assert "quality" in ended.outcome["reason"]
    assert 0 < ended.outcome["took_s"] < 1


def test_an_engine_that_warms_up_while_the_clock_is_set_forward_has_its_time(shop, street):
    rollout = promote(shop)
    street.serving.unready.add(rollout.candidate)
    street.tick()
    shop.clock.set(HOUR)
    street.tick()
    assert shop.releases.rollout(rollout.id).state == "warming"
    street.serving.unready.clear()
    street.tick()
    assert shop.releases.channel("support").share == 500_000


def test_a_control_that_starts_after_the_clock_was_set_gives_an_engine_its_time(shop, street):
    rollout = promote(shop)
    street.serving.unready.add(rollout.candidate)
    shop.clock.set(HOUR)
    again = street.fresh_after_tick()
    street.tick(again)
    assert shop.releases.rollout(rollout.id).state == "warming"


def test_a_step_is_overdue_by_the_time_that_passed(shop, street):
    promote(shop)
    street.tick()
    street.tick()

    def overdue():
        return street.reconciler.status("support")["decision"]["overdue"]

    shop.clock.set(3 * HOUR)
    assert not overdue()
    shop.clock.set(-9 * HOUR)
    assert not overdue()
    shop.clock.advance(HOUR + 1)
    assert overdue()


def test_the_status_is_of_the_rollout_under_way_when_the_clock_was_set_back(shop, street):
    shop.serve()
    shop.clock.set(-HOUR)
    rollout = shop.releases.promote(shop.cut().ref, channel="support", by=ANNA)
    street.tick()
    assert street.reconciler.status("support")["rollout"].id == rollout.id


def test_a_key_expires_by_the_clock_of_the_day(shop):
    expires_us = shop.clock.now_us() + 60_000_000
    _, text = shop.keys.create("app", expires_us=expires_us, by=ANNA)
    assert shop.keys.verify(text)
    shop.clock.set(HOUR)
    with pytest.raises(ExpiredKeyError):
        shop.keys.verify(text)

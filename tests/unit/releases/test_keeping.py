"""What is kept hot: for how long by which clock, and when it is gone back to."""

import pytest

from support.workspace import ANNA
from volano.releases.errors import NothingKeptError
from volano.releases.reconciler import Reconciler


@pytest.fixture
def kept(street):
    """A channel that serves @2 and keeps @1 for an hour."""
    shop = street.workspace
    shop.serve()
    shop.releases.promote(shop.cut().ref, channel="support", plan="switch keep 1h", by=ANNA)
    street.tick()
    street.tick()
    assert channel(street).stable_ref == "support@2"
    return street


def channel(street):
    return street.workspace.releases.channel("support")


def left_s(street):
    return channel(street).kept.left_us / 1e6


def test_it_is_served_for_engines_slots_and_retirement(kept):
    found = channel(kept)
    assert found.kept.release == "support@1"
    assert found.kept.release_digest in found.served
    old = kept.workspace.releases.get("support@1")
    [flow] = [p.digest for p in old.manifest.parents if p.role == "flow"]
    assert kept.workspace.releases.in_use(flow) == ["channel support"]
    assert [arm.release for arm in kept.workspace.releases.arms(found)] == ["support@2"]


def test_it_is_let_go_when_its_time_is_over(kept):
    for _ in range(7):
        kept.tick(seconds=600)
    assert channel(kept).kept is None
    assert len(channel(kept).served) == 1
    last = kept.workspace.releases.rollouts("support")[0]
    assert kept.workspace.releases.rollout_events(last.id)[-1].kind == "dropped"


@pytest.mark.parametrize("jump", [10 * 365 * 86_400, -86_400])
def test_a_clock_that_is_set_ends_and_prolongs_nothing(kept, jump):
    kept.tick()
    kept.workspace.clock.set(jump)
    for _ in range(3):
        kept.tick(seconds=600)
    assert left_s(kept) == pytest.approx(3600 - 1800, abs=15)


def test_a_restarted_control_counts_on(kept):
    kept.tick()
    kept.tick(seconds=1800)
    again: Reconciler = kept.fresh()
    kept.tick(again)
    kept.tick(again, seconds=600)
    assert left_s(kept) == pytest.approx(1200, abs=15)


def test_it_is_gone_back_to_in_one_step(kept):
    published = len(kept.workspace.published)
    back = kept.workspace.releases.rollback("support", why="bad news", by=ANNA)
    assert back.state == "arrived"
    assert back.outcome["reason"] == "It was kept hot: bad news."
    assert len(kept.workspace.published) == published + 1
    assert (channel(kept).stable_ref, channel(kept).kept) == ("support@1", None)


def test_what_was_dropped_is_gone_back_to_with_a_warm_up(kept):
    assert kept.workspace.releases.drop("support", by=ANNA).release == "support@1"
    with pytest.raises(NothingKeptError):
        kept.workspace.releases.drop("support", by=ANNA)
    assert kept.workspace.releases.rollback("support", by=ANNA).state == "warming"


def test_gross_failure_takes_it_back_by_itself(kept):
    now = channel(kept).stable
    kept.tick()
    kept.serving.counted[now] = (30, 30)
    kept.tick()
    assert channel(kept).stable_ref == "support@1"
    last = kept.workspace.releases.rollouts("support")[0]
    assert "guard: 20 of the last 25 calls failed after it had arrived" in last.outcome["reason"]


def test_a_higher_share_of_users_that_fail_takes_it_back(kept):
    again = kept.fresh()
    for n in range(300):
        kept.call("support", "stable", release="support@1", unit=f"old-{n}")
    kept.tick(again)
    for n in range(100):
        kept.call("support", "stable", unit=f"new-{n}", outcome="error" if n % 4 == 0 else "ok")
    kept.tick(again)
    assert channel(kept).stable_ref == "support@1"
    last = kept.workspace.releases.rollouts("support")[0]
    assert "25 of 100 users failed since it arrived" in last.outcome["reason"]


def test_one_user_with_many_failures_takes_nothing_back(kept):
    kept.tick()
    for n in range(300):
        kept.call("support", "stable", unit="unlucky" if n % 2 else f"user-{n}",
                  outcome="error" if n % 2 else "ok")  # fmt: skip
    kept.tick()
    assert channel(kept).stable_ref == "support@2"


def test_a_later_arrival_lets_it_go(kept):
    shop = kept.workspace
    rollout = shop.releases.promote(shop.cut().ref, channel="support", plan="100%", by=ANNA)
    assert channel(kept).kept is not None
    shop.releases.end(rollout, "arrived", {"reason": "x"}, by=ANNA)
    assert channel(kept).kept is None

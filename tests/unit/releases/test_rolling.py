"""Rolling: the share follows the engines that are warm."""

import dataclasses

import pytest

from support.workspace import ANNA
from volano.releases.rolling import Replicas, first_share, next_share, replaced, share_of
from volano.releases.rollout import ROLL_WITHIN_S
from volano.releases.stage import WHOLE, Stage


@pytest.mark.parametrize("of", range(1, 17))
def test_a_share_says_how_many_are_replaced(of):
    for n in range(of + 1):
        assert replaced(share_of(n, of), of) == n
    shares, share = [], 0
    while share < WHOLE:
        share = next_share(share, Replicas(of=of))
        shares.append(share)
    assert len(shares) == of
    assert shares[-1] == WHOLE


def test_after_a_canary_it_goes_on_from_the_larger_share():
    rolling = Stage(WHOLE, "rolling")
    assert first_share(rolling, 50_000, Replicas(of=4)) == 250_000
    assert first_share(rolling, 500_000, Replicas(of=4)) == 500_000
    assert first_share(Stage(50_000), 0, Replicas(of=4)) == 50_000


@pytest.fixture
def roll(street):
    """A rollout whose first of three engines is warm."""
    shop = street.workspace
    shop.serve()
    street.serving.engines = Replicas(1, 3)
    rollout = shop.releases.promote(shop.cut().ref, channel="support", plan="rolling", by=ANNA)
    street.tick()
    street.tick()
    return rollout


def share(street):
    return street.workspace.releases.channel("support").share


def state(street, rollout):
    return street.workspace.releases.rollout(rollout.id)


def set_warm(street, n, **more):
    street.serving.engines = dataclasses.replace(street.serving.engines, warm=n, **more)


def test_each_warm_engine_takes_its_part(street, roll):
    assert share(street) == share_of(1, 3)
    street.tick()
    assert share(street) == share_of(1, 3)
    set_warm(street, 2)
    street.tick()
    assert share(street) == share_of(2, 3)
    street.tick(street.fresh())
    assert share(street) == share_of(2, 3)
    set_warm(street, 3)
    street.tick()
    assert state(street, roll).state == "arrived"


def test_an_engine_that_never_gets_warm_takes_it_back(street, roll):
    street.tick(seconds=ROLL_WITHIN_S + 1)
    ended = state(street, roll)
    assert ended.state == "back"
    assert "engine 2 of 3 was not ready within 60 s" in ended.outcome["reason"]


def test_while_a_replaced_one_drains_the_next_is_not_late(street, roll):
    set_warm(street, 1, draining=True)
    street.tick(seconds=ROLL_WITHIN_S * 3)
    assert state(street, roll).state == "moving"
    set_warm(street, 1, draining=False)
    street.tick(seconds=ROLL_WITHIN_S - 1)
    assert state(street, roll).state == "moving"
    street.tick(seconds=2)
    assert state(street, roll).state == "back"


def test_harm_takes_it_back_between_two_engines(street, roll):
    for n in range(60):
        street.call("support", "candidate" if n % 3 == 0 else "stable",
                    outcome="error" if n % 3 == 0 else "ok")  # fmt: skip
    street.tick()
    assert state(street, roll).state == "back"


def test_what_is_not_run_here_is_one_step(street):
    shop = street.workspace
    shop.serve()
    rollout = shop.releases.promote(shop.cut().ref, channel="support", plan="rolling", by=ANNA)
    street.tick()
    street.tick()
    assert state(street, rollout).state == "arrived"

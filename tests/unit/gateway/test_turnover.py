"""Turnover: one engine more than usual, never two full sets."""

import pytest

from volano.gateway.turnover import turnover
from volano.releases.channel import MILLION, Channel
from volano.releases.rolling import share_of


def channel(share, *, rolling=True):
    return Channel(
        "support", "old", "support@1", "user", 1,
        candidate="new", candidate_ref="support@2", share=share, rolling=rolling,
    )  # fmt: skip


@pytest.mark.parametrize("usual", range(1, 17))
def test_never_more_than_one_above_the_usual(usual):
    for done in range(usual):
        found = turnover(channel(share_of(done, usual)), usual)
        old, new = found["old"], found["new"]
        assert old.run == old.asked == usual - done
        assert old.run + new.run == usual + 1
        assert new.asked == max(1, done)


def test_a_canary_before_it_runs_on_one_engine():
    found = turnover(channel(50_000), 4)
    assert (found["old"], found["new"]) == ((4, 4, 4), (1, 1, 1))


@pytest.mark.parametrize("usual", range(1, 9))
def test_no_replica_of_a_canary_or_beside_it_has_more_users_than_usual(usual):
    for share in range(10_000, MILLION, 10_000):
        found = turnover(channel(share), usual)
        old, new = found["old"], found["new"]
        assert share / new.asked <= MILLION / usual
        assert (MILLION - share) / old.asked <= MILLION / usual
        assert old.run + new.run <= usual + 1
        assert new.needed <= new.asked <= new.run


def test_the_one_more_is_asked_between_two_numbers_and_nobody_waits_for_it():
    assert turnover(channel(300_000), 4)["new"] == (2, 2, 1)
    assert turnover(channel(250_000), 4)["new"] == (2, 1, 1)
    assert turnover(channel(share_of(1, 3)), 3)["new"] == (2, 1, 1)


def test_other_plans_replace_nothing():
    assert turnover(channel(MILLION // 2, rolling=False), 4) == {}

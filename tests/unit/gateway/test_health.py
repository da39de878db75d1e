"""A target that fails is passed over for a while, tried once, and taken back or not."""

import pytest

from volano.gateway import health as h
from volano.gateway.health import Health, RetryBudget


def fail(health: Health, now: float) -> None:
    health.began(now)
    health.failed(now)


def answer(health: Health, now: float, took_s: float = 0.1) -> None:
    health.began(now)
    health.answered(now, took_s)


def test_failures_in_a_row_open_the_breaker_and_one_call_tries_it_again():
    health = Health()
    for _ in range(h.TRIPS - 1):
        fail(health, 1.0)
    assert health.takes(1.0)
    fail(health, 1.0)
    assert health.state == "open"
    assert not health.takes(1.0 + h.COOLDOWN_S - 0.1)
    later = 1.0 + h.COOLDOWN_S
    assert health.takes(later)
    health.began(later)
    assert health.state == "half-open"
    assert not health.takes(later)  # only one tries
    health.answered(later, 0.1)
    assert health.state == "closed"
    assert health.takes(later)


def test_a_trial_that_fails_doubles_the_pause_up_to_a_bound():
    health, now, pauses = Health(), 0.0, []
    for _ in range(h.TRIPS):
        fail(health, now)
    for _ in range(6):
        now = health.open_until
        fail(health, now)
        pauses.append(health.open_until - now)
    assert pauses == [10.0, 20.0, 40.0, 60.0, 60.0, 60.0]
    answer(health, health.open_until)
    assert health.cooldown_s == h.COOLDOWN_S


def test_calls_from_before_the_opening_do_not_prolong_it():
    health = Health()
    for _ in range(8):
        health.began(0.0)
    for _ in range(8):
        health.failed(1.0)
    assert health.open_until == 1.0 + h.COOLDOWN_S
    assert health.in_flight == 0


def test_more_than_half_of_the_last_calls_failed():
    health = Health()
    for n in range(40):
        (fail if n % 3 else answer)(
            health, float(n) / 100
        )  # two of three fail, never five in a row
        if health.state == "open":
            break
    assert health.state == "open"
    assert n <= h.WINDOW


def test_after_a_rest_one_call_goes_first():
    health = Health()
    health.began(0.0)
    health.began(0.0)
    health.rests(0.0, 3.0, spared=True)
    health.answered(1.0, 0.1)  # from before: it says nothing of the rest
    assert not health.takes(2.9)
    assert health.takes(3.0)
    health.began(3.0)
    assert not health.takes(3.0)
    health.dropped()  # its client left: another finds out
    assert health.takes(3.5)
    health.began(3.5)
    health.spoke(3.6)
    assert health.takes(3.6)
    health.answered(4.0, 0.1)
    assert (health.in_flight, health.rest_until) == (0, 0.0)


def test_a_trial_after_a_rest_may_end_in_another_one():
    health = Health()
    health.began(0.0)
    health.rests(0.0, 3.0, spared=True)
    health.began(3.0)
    health.rests(3.0, 5.0, spared=True)
    assert [health.takes(at) for at in (3.0, 7.9, 8.0)] == [False, False, True]
    fail(health, 8.0)
    assert health.takes(8.0)  # one failure is no reason to leave it alone


def test_after_a_rest_whose_time_was_not_named_all_go_on():
    health = Health()
    health.began(0.0)
    health.rests(0.0, 1.0)
    health.began(1.0)
    assert health.takes(1.0)


def test_a_target_that_asks_for_rest_gets_it_without_blame():
    health = Health()
    health.began(0.0)
    health.rests(0.0, 3.0)
    assert not health.takes(2.9)
    assert health.takes(3.0)
    assert health.state == "closed"
    health.began(3.0)
    health.rests(3.0, 1e9)
    assert health.takes(3.0 + h.LONGEST_REST_S)


def test_a_provider_that_named_a_time_is_not_asked_until_then_but_for_a_minute_at_most():
    health = Health()
    health.began(0.0)
    health.rests(0.0, 3.0)
    assert health.spared_s(0.0) == 0.0  # it named none
    health.began(0.0)
    health.rests(0.0, 20.0, spared=True)
    assert health.spared_s(5.0) == 15.0
    assert health.spared_s(20.0 - h.LEAST_SPARED_S / 2) == 0.0
    health.began(100.0)
    health.rests(100.0, 250.0, spared=True)
    assert health.spared_s(100.0) == h.SPARED_S
    assert health.spared_s(100.0 + h.SPARED_S) == 0.0
    assert not health.takes(100.0 + h.SPARED_S)  # tried last, not never
    assert health.unanswered == 3


def test_latency_rises_at_once_and_falls_by_half_life():
    health = Health()
    answer(health, 0.0, 0.2)
    answer(health, 1.0, 1.0)
    assert health.latency_s == 1.0
    answer(health, 1.0 + h.HALF_LIFE_S, 0.2)
    assert health.latency_s == pytest.approx(0.6)


def test_retries_are_a_share_of_the_calls():
    budget = RetryBudget()
    assert sum(budget.withdraw(5.0) for _ in range(100)) == int(RetryBudget.FREE)
    for _ in range(100):
        budget.deposit()
    assert sum(budget.withdraw(5.0) for _ in range(100)) == pytest.approx(20, abs=1)
    assert sum(budget.withdraw(5.0 + RetryBudget.FREE_EACH_S / 2) for _ in range(100)) == 5
    for _ in range(100_000):
        budget.deposit()
    assert sum(budget.withdraw(5.0) for _ in range(1000)) <= RetryBudget.MOST + 1


def retries(workers: int, calls: int, each_s: float, wanted: int) -> int:
    """How many retries so many calls get, one after the other, that all fail."""
    budgets = [RetryBudget() for _ in range(workers)]
    got = 0
    for n in range(calls):
        budget = budgets[n % workers]
        budget.deposit()
        got += sum(budget.withdraw(1000.0 + n * each_s) for _ in range(wanted))
    return got


def test_slow_calls_that_all_fail_are_not_all_tried_again():
    free, share = RetryBudget.FREE, RetryBudget.SHARE
    for workers in (1, 2):
        for each_s in (0.05, 0.5, 1.0, 2.0):
            most = 60 * share + workers * free * (1 + 60 * each_s / RetryBudget.FREE_EACH_S)
            assert retries(workers, 60, each_s, 2) <= most
    assert retries(2, 60, 1.0, 2) <= 52  # of 120


def test_what_went_well_before_pays_for_few():
    budget = RetryBudget()
    for _ in range(10_000):
        budget.deposit()
    assert sum(budget.withdraw(9.0) for _ in range(1000)) <= 21


def test_a_failure_now_and_then_is_always_tried_again():
    assert retries(1, 60, RetryBudget.FREE_EACH_S / RetryBudget.FREE, 1) == 60

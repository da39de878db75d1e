"""What else is tried: decided and paid for without any socket."""

from random import Random
from types import SimpleNamespace as Some

from volano.gateway import detour as d
from volano.gateway.health import Health, RetryBudget
from volano.gateway.keyring import Keyring
from volano.wire.http_client import Failure

CLOSED = Failure("closed", "it closed", False)


def way(*, engine: bool = False):
    return Some(target=Some(engine=engine), health=Health())


def detour(*ways, free: float = 10.0, retries: int = 3, retry_s: float = 5.0):
    state = Some(
        limits=Some(retries=retries, retry_s=retry_s), retries=RetryBudget(free),
        loop=Some(time=lambda: 100.0), wheel=Some(now=100.0), random=Random(7),
    )  # fmt: skip
    call = Some(state=state, request=Some(finished=False))
    return d.Detour(call, ways or (way(),)), state


def test_no_retry_is_spent_where_nobody_would_wait_so_long():
    found, state = detour(retry_s=5.0)
    assert found.later(0, 429, 5.1) is None
    assert state.retries.left == 10.0
    step = found.later(0, 429, 4.9)
    assert step is not None
    assert 4.9 <= step.wait_s <= 4.9 * 1.25
    assert state.retries.left == 9.0


def test_a_provider_is_asked_as_often_as_a_call_may_and_waits_grow():
    found, state = detour(retries=3)
    steps = [found.later(0, 503, 0.0) for _ in range(4)]
    assert steps[3] is None
    waits = [step.wait_s for step in steps[:3]]
    for at, wait_s in enumerate(waits):
        least = d.FIRST_WAIT_S * 2**at
        assert least <= wait_s <= least * 1.25
    assert state.retries.left == 7.0


def test_without_a_retry_left_nothing_else_is_tried():
    found, _ = detour(free=0.0)
    assert found.later(0, 503, 0.0) is None
    assert found.again(0, "closed", CLOSED) is None
    assert found.other_key(0, Keyring([{"a": "1"}, {"a": "2"}]), 0, 401, 0.0) is None


def test_an_engine_that_vanished_with_one_call_is_asked_once_more_and_not_twice():
    found, state = detour(way(engine=True))
    assert found.again(0, "closed", CLOSED) is not None
    assert found.again(0, "closed", CLOSED) is None
    assert state.retries.left == 10.0  # it is our own: nobody is charged


def test_a_connection_that_had_just_been_closed_is_believed_once():
    stale = Failure("closed", "it closed", True)._replace(reused=True)
    found, state = detour(retries=0)
    first = found.again(0, "closed", stale)
    assert first is not None
    assert (first.wait_s, first.why, state.retries.left) == (0.0, "", 10.0)
    assert found.again(0, "closed", stale) is None


def test_another_key_is_asked_once_each():
    found, _ = detour()
    keys = Keyring([{"a": "1"}, {"a": "2"}])
    step = found.other_key(0, keys, 0, 401, 0.0)
    assert step == d.Step(0, why="401 of key 1")
    assert found.other_key(0, keys, 1, 401, 0.0) is None
    assert found.refused == 0b11
    found.moved(())
    assert found.refused == 0


def test_nobody_waits_for_a_call_whose_client_left():
    found, state = detour(way(), way())
    found._call.request.finished = True
    assert found.elsewhere(0, "500") is None
    assert found.later(0, 503, 0.0) is None
    assert state.retries.left == 10.0

"""Draining: an engine that still answers is not ended under its calls."""

import pytest

from volano.gateway import draining as module
from volano.gateway.draining import MOST_S, PRESSED_S, SETTLE_S, UNTOLD_S, Draining
from volano.serving.spec import EngineSpec


def spec(name):
    return EngineSpec(name=name, model_path="/m", alias=name, address=f"unix:/{name}.sock")


@pytest.fixture(autouse=True)
def roomy(monkeypatch):
    """Whatever the machine has, there is memory."""
    monkeypatch.setattr(module, "critical", lambda: False)


@pytest.fixture
def now(monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: moment[0])
    return moment


@pytest.fixture
def busy():
    return {"a": True}


@pytest.fixture
def drain(now, busy):
    return Draining([], lambda spec: spec.name in busy, busy=lambda spec: busy[spec.name])


def names(found):
    return [one.name for one in found]


def test_it_ends_when_it_works_on_nothing(drain, now, busy):
    drain.keep([spec("a")], {})
    assert names(drain.keep([], {})) == ["a"]
    now[0] += 60
    assert names(drain.keep([], {})) == ["a"]
    busy["a"] = False
    assert drain.keep([], {}) == []
    assert not drain.leaving


def test_it_does_not_end_before_every_worker_has_heard_of_it(drain, now, busy):
    busy["a"] = False
    drain.keep([spec("a")], {})
    assert names(drain.keep([], {})) == ["a"]
    now[0] += SETTLE_S + 0.1
    assert drain.keep([], {}) == []


def test_one_that_was_without_calls_for_long_ends_at_once(drain, now, busy):
    busy["a"] = False
    drain.keep([spec("a")], {})
    assert drain.keep([], {"a": now[0] - 30}) == []


def test_one_that_does_not_answer_ends_at_once(drain, busy):
    drain.keep([spec("a")], {})
    del busy["a"]
    assert drain.keep([], {}) == []


def test_one_with_calls_of_the_workers_stays_whatever_it_says(now, busy):
    calls = {"a": 1}
    drain = Draining([], lambda _: False, busy=lambda _: False, in_flight=lambda: calls)
    drain.keep([spec("a")], {})
    drain.keep([], {})
    now[0] += SETTLE_S + 60
    assert names(drain.keep([], {})) == ["a"], "its answer may be on the way to a slow client"
    calls["a"] = 0
    assert drain.keep([], {}) == []


def test_one_whose_memory_others_wait_for_has_a_minute_and_none_where_there_is_hardly_any(
    drain, monkeypatch
):
    assert not drain.put_out(spec("a"), PRESSED_S)
    assert drain.put_out(spec("a"), PRESSED_S + 1)
    monkeypatch.setattr(module, "critical", lambda: True)
    assert drain.put_out(spec("a"), 0)


def test_one_that_does_not_tell_has_a_time(drain, now, busy):
    busy["a"] = None
    drain.keep([spec("a")], {})
    drain.keep([], {})
    now[0] += UNTOLD_S
    assert names(drain.keep([], {})) == ["a"]
    now[0] += 1
    assert drain.keep([], {}) == []


def test_no_call_holds_an_engine_for_ever(drain, now):
    drain.keep([spec("a")], {})
    drain.keep([], {})
    now[0] += MOST_S + 1
    assert drain.keep([], {}) == []


def test_one_that_is_wanted_again_stays(drain):
    drain.keep([spec("a")], {})
    drain.keep([], {})
    assert names(drain.keep([spec("a")], {})) == ["a"]
    assert not drain.leaving


def test_what_an_earlier_life_wished_for_is_drained_too(now):
    drain = Draining([spec("a")], lambda _: True, busy=lambda _: True)
    assert names(drain.keep([spec("b")], {})) == ["b", "a"]

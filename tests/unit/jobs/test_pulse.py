import queue

import pytest

from volano.jobs.pulse import REST_S, Pulse

AFTER_S = 30.0


class Timers:
    """A clock that is put forward by hand, and the timers that wait for it."""

    def __init__(self):
        self.s, self.waiting = 1000.0, []

    def now_s(self):
        return self.s

    def __call__(self, seconds, then):
        return _Timer(self, self.s + seconds, then)

    def pass_(self, seconds):
        self.s += seconds
        while due := [one for one in self.waiting if one.at_s <= self.s]:
            self.waiting.remove(due[0])
            due[0].then()


class _Timer:
    daemon = False

    def __init__(self, timers, at_s, then):
        self.timers, self.at_s, self.then = timers, at_s, then

    def start(self):
        assert self.daemon  # it holds up no process that ends
        self.timers.waiting.append(self)

    def cancel(self):
        if self in self.timers.waiting:
            self.timers.waiting.remove(self)


@pytest.fixture
def timers():
    return Timers()


@pytest.fixture
def told():
    return []


@pytest.fixture
def begin(timers):
    begun = []

    def pulse(change, quick_s=0.1):
        begun.append(Pulse(change, quick_s, after_s=AFTER_S, now_s=timers.now_s, timer=timers))
        return begun[-1]

    yield pulse
    for one in begun:
        one.close()
    assert timers.waiting == []


def test_it_is_quick_for_a_while_after_something_happened(begin, timers, told):
    pulse = begin(told.append)
    pulse.quicken()
    timers.pass_(AFTER_S - 0.1)
    assert told == [0.1]
    timers.pass_(0.1)
    assert told == [0.1, REST_S]
    pulse.quicken()
    assert told == [0.1, REST_S, 0.1]


def test_who_goes_on_working_keeps_it_quick_and_changes_nothing(begin, timers, told):
    pulse = begin(told.append)
    for _ in range(5):
        pulse.quicken()
        timers.pass_(AFTER_S / 2)
    assert told == [0.1]
    assert len(timers.waiting) == 1
    timers.pass_(AFTER_S / 2)
    assert told == [0.1, REST_S]


def test_once_closed_it_changes_nothing_more(begin, timers, told):
    pulse = begin(told.append)
    pulse.quicken()
    late = timers.waiting[0].then  # it was due as it was closed
    pulse.close()
    pulse.quicken()
    late()
    timers.pass_(2 * AFTER_S)
    assert told == [0.1]


def test_a_database_that_is_away_stops_nobody_and_is_asked_again_when_more_happens(
    begin, timers, told, caplog
):
    away = [OSError("away")]

    def change(seconds):
        if away:
            raise away.pop()
        told.append(seconds)

    pulse = begin(change)
    pulse.quicken()
    assert "away" in caplog.text
    assert told == []
    pulse.quicken()
    pulse.quicken()
    assert told == [0.1]
    assert len(timers.waiting) == 1
    timers.pass_(AFTER_S)
    assert told == [0.1, REST_S]


def test_a_pulse_that_is_slower_than_rest_stays_so(begin, timers, told):
    begin(told.append, 5.0).quicken()
    timers.pass_(AFTER_S)
    assert told == [5.0, 5.0]


def test_it_rests_by_its_own_timer():
    told = queue.Queue()
    pulse = Pulse(told.put, 0.1, after_s=0.01)
    try:
        pulse.quicken()
        assert [told.get(timeout=60), told.get(timeout=60)] == [0.1, REST_S]
    finally:
        pulse.close()

"""Identical questions under way: one is asked, all get the answer, and nobody waits in vain."""

from hypothesis import given
from hypothesis import strategies as st

from volano.gateway.cache import Cache
from volano.gateway.coalesce import Flights

ANSWER = b'{"id":"1"}'


class Turns:
    """A loop whose turns are taken by hand."""

    def __init__(self):
        self.waiting = []

    def soon(self, told, answer):
        self.waiting.append((told, answer))

    def turn(self):
        waiting, self.waiting = self.waiting, []
        for told, answer in waiting:
            told(answer)


class Follower:
    def __init__(self):
        self.heard = []

    def told(self, answer):
        self.heard.append(answer)


def flights():
    turns = Turns()
    return Flights(Cache(1 << 20), turns.soon, lambda: 7), turns


def kept(found, key=b"k"):
    return found.cache.get(key, now_us=7, ttl_s=1)


def test_all_who_wait_get_the_leaders_answer_and_the_cache_keeps_it():
    found, turns = flights()
    leader = found.open(b"k")
    assert found.find(b"k") is leader
    assert found.find(b"other") is None
    followers = [Follower() for _ in range(3)]
    for follower in followers:
        leader.follow(follower.told)
    leader.over(ANSWER)
    assert [f.heard for f in followers] == [[], [], []]  # in a turn of their own
    turns.turn()
    assert [f.heard for f in followers] == [[ANSWER]] * 3
    assert kept(found) == ANSWER
    assert found.find(b"k") is None
    assert len(found) == 0


def test_a_leader_without_an_answer_leaves_nothing_behind():
    found, turns = flights()
    leader, follower = found.open(b"k"), Follower()
    leader.follow(follower.told)
    leader.over(None)
    leader.over(ANSWER)  # too late: it is over
    turns.turn()
    assert follower.heard == [None]
    assert kept(found) is None


def test_who_does_not_wait_any_more_hears_nothing():
    found, turns = flights()
    leader, gone, there = found.open(b"k"), Follower(), Follower()
    leader.follow(gone.told)
    leader.follow(there.told)
    leader.leave(gone.told)
    leader.leave(gone.told)
    leader.over(ANSWER)
    turns.turn()
    assert (gone.heard, there.heard) == ([], [ANSWER])


def test_who_leads_beside_another_keeps_its_answer_and_takes_nothing_from_it():
    found, turns = flights()
    first, follower = found.open(b"k"), Follower()
    beside = found.open(b"k")
    first.follow(follower.told)
    beside.over(b'{"id":"2"}')
    assert found.find(b"k") is first
    assert kept(found) == b'{"id":"2"}'
    turns.turn()
    assert follower.heard == []
    first.over(ANSWER)
    turns.turn()
    assert follower.heard == [ANSWER]


def test_one_that_is_forgotten_still_answers_those_who_wait():
    found, turns = flights()
    late, follower = found.open(b"k"), Follower()
    late.follow(follower.told)
    found.forget(late)
    assert found.find(b"k") is None
    late.over(ANSWER)
    turns.turn()
    assert follower.heard == [ANSWER]


def test_nobody_waits_for_one_whose_client_reads_slowly():
    found, turns = flights()
    slow, follower = found.open(b"k"), Follower()
    slow.follow(follower.told)
    slow.alone()
    slow.alone()
    assert found.find(b"k") is None
    turns.turn()
    assert follower.heard == [None]
    slow.over(ANSWER)
    slow.alone()
    turns.turn()
    assert follower.heard == [None]
    assert kept(found) == ANSWER


def test_an_error_with_status_200_is_no_answer():
    found, turns = flights()
    leader, follower = found.open(b"k"), Follower()
    leader.follow(follower.told)
    leader.over(b'{"error":{"message":"overloaded"}}')
    turns.turn()
    assert follower.heard == [None]
    assert kept(found) is None
    found.open(b"k").over(b'{"error":null,"output":[]}')
    assert kept(found) == b'{"error":null,"output":[]}'


def test_what_was_asked_before_the_cache_was_emptied_is_not_kept():
    found, turns = flights()
    leader, follower = found.open(b"k"), Follower()
    leader.follow(follower.told)
    found.cache.clear()
    leader.over(ANSWER)
    turns.turn()
    assert follower.heard == [ANSWER]
    assert kept(found) is None


class Asking:
    """A caller as `replay` has it: leads, or waits and, told nothing, leads once."""

    def __init__(self, found, key):
        self.found, self.key, self.ends, self.leads = found, key, [], 0
        self.flight = found.find(key)
        self.waits = self.flight is not None
        if self.waits:
            self.flight.follow(self.told)
        else:
            self.lead()

    def lead(self):
        self.leads += 1
        self.flight = self.found.open(self.key)
        self.waits = False

    def told(self, answer):
        if not self.waits:
            return
        self.waits = False
        if answer is None:
            self.lead()
        else:
            self.ends.append("coalesced")

    def finish(self, how):
        if self.ends:
            return
        if self.waits:
            if how == "left":
                self.waits = False
                self.flight.leave(self.told)
                self.ends.append("left")
            return
        self.flight.over(ANSWER if how == "ok" else None)
        self.ends.append(how)


STEP = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 1)),
    st.tuples(st.sampled_from(["ok", "error", "cut", "left"]), st.integers(0, 12)),
    st.tuples(st.just("turn"), st.just(0)),
)


@given(st.lists(STEP, max_size=40))
def test_each_caller_ends_once_and_asks_at_most_once(steps):
    found, turns = flights()
    callers = []
    for what, number in steps:
        if what == "ask":
            callers.append(Asking(found, b"ab"[number : number + 1]))
        elif what == "turn":
            turns.turn()
        elif callers:
            callers[number % len(callers)].finish(what)
    for _ in range(3):  # whoever still leads is answered, then all who wait are
        for caller in callers:
            caller.finish("ok")
        turns.turn()
    assert all(len(caller.ends) == 1 and caller.leads <= 1 for caller in callers)
    assert len(found) == 0

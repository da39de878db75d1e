"""The exact cache: bounded, aged by the monotonic clock, never shared further than it may be."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.gateway.cache import MAX_ANSWER_BYTES, OVERHEAD_BYTES, Cache, key_of

S = 1_000_000


def room(answers: int, size: int = 10) -> int:
    return answers * (OVERHEAD_BYTES + size)


def test_what_was_put_is_found_until_it_is_too_old():
    cache = Cache(1 << 20)
    cache.put(b"k", b"answer", now_us=5 * S)
    assert cache.get(b"k", now_us=5 * S, ttl_s=10) == b"answer"
    assert cache.get(b"k", now_us=15 * S - 1, ttl_s=10) == b"answer"
    assert cache.get(b"other", now_us=5 * S, ttl_s=10) is None
    assert cache.get(b"k", now_us=15 * S, ttl_s=10) is None
    assert (len(cache), cache.size) == (0, 0)


def test_a_shorter_time_holds_at_once():
    cache = Cache(1 << 20)
    cache.put(b"k", b"answer", now_us=0)
    assert cache.get(b"k", now_us=60 * S, ttl_s=300) == b"answer"
    assert cache.get(b"k", now_us=60 * S, ttl_s=30) is None


def test_a_read_does_not_make_it_younger_and_a_newer_answer_does():
    cache = Cache(1 << 20)
    cache.put(b"k", b"old", now_us=0)
    cache.get(b"k", now_us=9 * S, ttl_s=10)
    assert cache.get(b"k", now_us=11 * S, ttl_s=10) is None
    cache.put(b"k", b"old", now_us=0)
    cache.put(b"k", b"newer", now_us=9 * S)
    assert cache.get(b"k", now_us=11 * S, ttl_s=10) == b"newer"
    assert cache.size == OVERHEAD_BYTES + 5


def test_the_longest_unused_goes_first():
    cache = Cache(room(3))
    for key in (b"a", b"b", b"c"):
        cache.put(key, b"0123456789", now_us=0)
    cache.get(b"a", now_us=0, ttl_s=1)
    cache.put(b"d", b"0123456789", now_us=0)
    found = {k for k in (b"a", b"b", b"c", b"d") if cache.get(k, now_us=0, ttl_s=1)}
    assert found == {b"a", b"c", b"d"}


def test_what_is_too_large_is_not_kept_and_pushes_nothing_out():
    cache = Cache(MAX_ANSWER_BYTES * 3)
    cache.put(b"a", b"small", now_us=0)
    cache.put(b"b", b"x" * MAX_ANSWER_BYTES, now_us=0)
    cache.put(b"c", b"x" * (MAX_ANSWER_BYTES + 1), now_us=0)
    assert [bool(cache.get(k, now_us=0, ttl_s=1)) for k in (b"a", b"b", b"c")] == [
        True,
        True,
        False,
    ]
    none = Cache(0)
    none.put(b"a", b"small", now_us=0)
    assert (len(none), none.size) == (0, 0)


def test_a_too_large_answer_takes_the_former_one_away():
    cache = Cache(room(2))
    cache.put(b"a", b"0123456789", now_us=0)
    cache.put(b"a", b"x" * 2000, now_us=0)
    assert cache.get(b"a", now_us=0, ttl_s=1) is None
    assert cache.size == 0


KEYS = st.binary(min_size=1, max_size=1)
PUT = st.tuples(st.just("put"), KEYS, st.integers(0, 700))
GET = st.tuples(st.just("get"), KEYS, st.integers(1, 40))


@given(st.lists(st.one_of(PUT, GET, st.tuples(st.just("clear"), KEYS, st.just(0)))))
def test_it_is_a_dictionary_that_forgets(steps):
    """Never over its bound, its account exact, and what it finds was put last and is young enough."""
    cache, put = Cache(2000), {}
    for now_s, (what, key, number) in enumerate(steps):
        now_us = now_s * S
        if what == "put":
            cache.put(key, b"x" * number, now_us=now_us)
            put[key] = (b"x" * number, now_us)
        elif what == "clear":
            cache.clear()
            put.clear()
        elif (found := cache.get(key, now_us=now_us, ttl_s=number)) is not None:
            assert found == put[key][0]
            assert now_us - put[key][1] < number * S
        kept = [put[key][0] for key in put if key in cache._answers]
        assert len(kept) == len(cache)
        assert cache.size == sum(OVERHEAD_BYTES + len(answer) for answer in kept) <= cache.most


def test_emptying_begins_a_new_life():
    cache = Cache(1 << 20)
    cache.put(b"k", b"answer", now_us=0)
    cache.clear()
    assert (len(cache), cache.size, cache.life) == (0, 0, 1)


def name(scope="group", **more):
    facts = {"channel": "a", "group": "team/a", "release": "sha256:1", "door": "openai.chat"}
    return key_of(scope, **{**facts, "words": b"one", **more})


@pytest.mark.parametrize("scope", ["group", "channel", "release"])
def test_release_door_and_words_always_count(scope):
    keys = [name(scope), name(scope, release="sha256:2"), name(scope, door="openai.completions"),
            name(scope, words=b"other")]  # fmt: skip
    assert all(one != other for one, other in combinations(keys, 2))


@pytest.mark.parametrize(
    ("scope", "by_group", "by_channel"),
    [("group", True, True), ("channel", False, True), ("release", False, False)],
)
def test_the_scope_says_who_shares(scope, by_group, by_channel):
    assert (name(scope) != name(scope, group="team/b")) is by_group
    assert (name(scope) != name(scope, group="")) is by_group
    assert (name(scope) != name(scope, channel="b")) is by_channel


def test_no_scope_takes_from_another():
    assert len({name(scope) for scope in ("group", "channel", "release")}) == 3
    assert name("group", channel="a", group="b") != name("channel", channel="a\0b")

"""Which target is asked first, and which ones are its fallbacks."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from volano.gateway.balance import STRATEGIES, Circumstances, order
from volano.gateway.health import TRIPS, Health
from volano.gateway.snapshot import STRATEGIES as PUBLISHED


@dataclass(eq=False)
class Way:
    name: str
    weight: int = 1
    region: str = ""
    price: int | None = None
    capacity: int = 0
    fallback: bool = False
    full: bool = False
    health: Health = field(default_factory=Health)


def names(ways, strategy, *, unit="u", seed=1, now=10.0, target_s=0.0, home=""):
    at = Circumstances(now, Random(seed), unit, target_s, home)
    return [w.name for w in order(ways, strategy, at)]


def broken(way: Way) -> Way:
    for _ in range(TRIPS):
        way.health.began(9.0)
        way.health.failed(9.0)
    return way


def test_every_published_strategy_is_known_here():
    assert set(STRATEGIES) == set(PUBLISHED)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_order_has_every_way_once_and_the_sick_ones_last(strategy):
    ways = [broken(Way("a")), Way("b", 3), Way("c", capacity=1), Way("d", region="x", price=3)]
    ways[2].health.began(9.0)  # full
    for seed in range(30):
        got = names(ways, strategy, seed=seed, unit=f"u{seed}")
        assert sorted(got) == ["a", "b", "c", "d"]
        assert set(got[2:]) == {"a", "c"}
    assert names([broken(Way("x"))], strategy) == ["x"]  # the only one is never given up


def test_of_those_that_are_busy_the_ones_that_take_no_more_come_last():
    ways = [Way("a", capacity=1, full=True), Way("b", capacity=1)]
    for way in ways:
        way.health.began(9.0)
    assert names(ways, "ordered") == ["b", "a"]


def test_of_those_that_are_passed_over_the_ones_that_are_not_asked_come_last():
    ways = [Way("long"), Way("short"), broken(Way("broken"))]
    for way, for_s in zip(ways, (30.0, 20.0), strict=False):
        way.health.began(9.0)
        way.health.rests(9.0, for_s, spared=True)
    assert names(ways, "ordered") == ["broken", "short", "long"]


def test_ordered_overflows_when_the_first_is_full():
    local, far = Way("local", capacity=2), Way("far")
    assert names([local, far], "ordered") == ["local", "far"]
    local.health.began(9.0)
    local.health.began(9.0)
    assert names([local, far], "ordered") == ["far", "local"]


def test_weighted_follows_the_weights():
    ways = [Way("a", 1), Way("b", 3)]
    first = Counter(names(ways, "weighted", seed=seed)[0] for seed in range(4000))
    assert 0.72 < first["b"] / 4000 < 0.78


def test_least_busy_looks_at_calls_in_flight_for_the_weight():
    a, b = Way("a"), Way("b", 4)
    b.health.began(0.0)
    assert names([a, b], "least-busy") == ["b", "a"]  # 2/4 before 1/1
    for _ in range(3):
        b.health.began(0.0)
    assert names([a, b], "least-busy") == ["a", "b"]  # 1/1 before 5/4


def test_fastest_prefers_the_shorter_wait_but_looks_at_two_only():
    ways = [Way(name) for name in "abc"]
    for way, latency in zip(ways, (0.1, 0.2, 0.3), strict=True):
        way.health.latency_s = latency
    first = Counter(names(ways, "fastest", seed=seed)[0] for seed in range(3000))
    assert first["c"] == 0  # never better than the other one of two
    assert 0.6 < first["a"] / 3000 < 0.73
    ways[0].health.in_flight = 9
    first = Counter(names(ways, "fastest", seed=seed)[0] for seed in range(3000))
    assert first["a"] == 0


def test_cheapest_among_those_that_are_quick_enough():
    a, b, c = Way("a", price=1), Way("b", price=2), Way("c")
    a.health.latency_s = 3.0
    assert names([c, b, a], "cheapest") == ["a", "b", "c"]
    assert names([c, b, a], "cheapest", target_s=1.0) == ["b", "c", "a"]


def test_region_first():
    ways = [Way("eu1", region="eu"), Way("us1", region="us"), Way("eu2", region="eu")]
    for seed in range(20):
        assert names(ways, "region-first", seed=seed)[2] == "us1"
        assert names(ways, "region-first", seed=seed, home="us")[0] == "us1"


def test_sticky_keeps_a_unit_at_its_target_and_moves_only_what_must_move():
    ways = [Way("a"), Way("b"), Way("c", 2)]
    before = {n: names(ways, "sticky", unit=f"ügyfél-{n}")[0] for n in range(2000)}
    share = Counter(before.values())
    assert 0.46 < share["c"] / 2000 < 0.54
    broken(ways[0])
    after = {n: names(ways, "sticky", unit=f"ügyfél-{n}")[0] for n in range(2000)}
    assert all(after[n] == before[n] for n in before if before[n] != "a")
    assert all(after[n] != "a" for n in after)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_fallbacks_are_asked_behind_all_others_in_their_order(strategy):
    ways = [Way("x", fallback=True), Way("a", weight=3), Way("b"), Way("y", fallback=True)]
    for seed in range(20):
        assert names(ways, strategy, seed=seed)[2:] == ["x", "y"]
    broken(ways[1])
    assert names(ways, strategy) == ["b", "x", "y", "a"]
    broken(ways[2])
    assert names(ways, strategy)[:2] == ["x", "y"]

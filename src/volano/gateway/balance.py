"""In which order a call tries the ways of its arm.

The first way in the order is asked; the others are its fallbacks. Those that are
fallbacks only stand behind the ones that the strategy chooses among. Ways that do
not take calls now (see `health`), or are full, come last in any strategy; of these
the ones that are not asked at all, the one that can be soonest first.

    ordered       as the release lists them: a local engine first, overflow next
    weighted      at random, by weight
    least-busy    fewest calls in flight for its weight
    fastest       power of two choices: of two at random the one with the lower
                  expected wait, latency times calls in flight (Mitzenmacher 2001)
    cheapest      lowest price among those within the latency target
    region-first  those of the gateway's own region (the first one's where that is not
                  said), the fastest of them first
    sticky        the same unit goes to the same way as long as it is well
                  (weighted rendezvous hashing, Schindelhauer and Schomaker 2005)
"""

import math
from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, Protocol, TypeVar

from volano.gateway.health import Health


class Choosable(Protocol):
    """What strategies look at."""

    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> int: ...
    @property
    def region(self) -> str: ...
    @property
    def price(self) -> int | None:
        """Nano-units for a typical call; None when unknown."""
        ...

    @property
    def capacity(self) -> int:
        """Calls it works on at the same time; 0: no limit known."""
        ...

    @property
    def full(self) -> bool:
        """As many calls as may wait for it do."""
        ...

    @property
    def fallback(self) -> bool:
        """Not chosen among the others, but asked after them."""
        ...

    @property
    def health(self) -> Health: ...


W = TypeVar("W", bound=Choosable)


class Circumstances:
    """What an order may depend on besides the ways."""

    __slots__ = ("home", "latency_target_s", "now", "random", "unit")

    def __init__(
        self, now: float, random: Random, unit: str, latency_target_s: float = 0.0, home: str = ""
    ):
        self.now = now
        self.random = random
        self.unit = unit
        self.latency_target_s = latency_target_s
        self.home = home


def order(ways: Sequence[W], strategy: str, at: Circumstances) -> Sequence[W]:
    """Return the ways in the order in which to try them. Unknown strategies keep the order."""
    if len(ways) == 1:
        return ways
    first = [way for way in ways if not way.fallback]
    chosen: Sequence[W] = first
    if strategy in STRATEGIES and len(first) > 1:
        chosen = STRATEGIES[strategy](first, at)
    if len(first) < len(ways):
        chosen = [*chosen, *(way for way in ways if way.fallback)]
    fit = [way for way in chosen if _fit(way, at.now)]
    if len(fit) == len(chosen):
        return chosen
    return [*fit, *sorted((w for w in chosen if w not in fit), key=lambda w: _hope(w, at.now))]


def _fit(way: Choosable, now: float) -> bool:
    health = way.health
    return health.takes(now) and not 0 < way.capacity <= health.in_flight


def _hope(way: Choosable, now: float) -> tuple[float, bool]:
    return way.health.spared_s(now), way.full


def _weighted(ways: Sequence[W], at: Circumstances) -> Sequence[W]:
    """Without replacement, by keys u^(1/w) (Efraimidis and Spirakis 2006)."""
    keys = {id(way): at.random.random() ** (1.0 / max(way.weight, 1e-9)) for way in ways}
    return sorted(ways, key=lambda way: -keys[id(way)])


def _least_busy(ways: Sequence[W], at: Circumstances) -> Sequence[W]:  # noqa: ARG001
    return sorted(ways, key=lambda way: (way.health.in_flight + 1) / max(way.weight, 1))


def _wait(way: Choosable) -> float:
    return way.health.latency_s * (way.health.in_flight + 1)


def _fastest(ways: Sequence[W], at: Circumstances) -> Sequence[W]:
    fit = [way for way in ways if _fit(way, at.now)] or list(ways)
    if len(fit) == 1:
        first = fit[0]
    else:
        a, b = at.random.sample(fit, 2)
        first = a if _wait(a) <= _wait(b) else b
    return [first, *sorted((way for way in ways if way is not first), key=_wait)]


def _cheapest(ways: Sequence[W], at: Circumstances) -> Sequence[W]:
    target = at.latency_target_s

    def key(way: W) -> tuple[bool, bool, int]:
        late = target > 0.0 and way.health.latency_s > target
        return late, way.price is None, way.price or 0

    return sorted(ways, key=key)


def _region_first(ways: Sequence[W], at: Circumstances) -> Sequence[W]:
    home = at.home or ways[0].region
    near = [way for way in ways if way.region == home]
    far = [way for way in ways if way.region != home]
    return [*(_fastest(near, at) if near else ()), *(_fastest(far, at) if far else ())]


def _sticky(ways: Sequence[W], at: Circumstances) -> Sequence[W]:
    def score(way: W) -> float:
        text = f"{way.name}|{at.unit}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
        return -max(way.weight, 1) / math.log((number + 0.5) / 2.0**64)

    return sorted(ways, key=score, reverse=True)


def _ordered(ways: Sequence[W], at: Circumstances) -> Sequence[W]:  # noqa: ARG001
    return ways


STRATEGIES: dict[str, Callable[..., Any]] = {
    "ordered": _ordered,
    "weighted": _weighted,
    "least-busy": _least_busy,
    "fastest": _fastest,
    "cheapest": _cheapest,
    "region-first": _region_first,
    "sticky": _sticky,
}

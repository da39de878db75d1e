"""Identical questions at the same time: one is asked, the others wait for its answer.

The first one that asks opens a Flight and is its leader. What comes meanwhile
with the same key waits. When the leader's answer is whole and clean, all get it
and the cache keeps it; when the leader fails, is cut, leaves or reads slowly, each
of those who waited is told so, once, and asks for itself: none waits for another
again, so that one failure never becomes a row of them.

Those who wait are told in a turn of the loop of their own: what happens to one
touches neither the leader nor the others.
"""

from collections.abc import Callable

from volano.gateway.cache import Cache, Key
from volano.wire.openai import is_error_object

Told = Callable[[bytes | None], None]
"""Hears the answer; None: there is none to be had, ask yourself."""
Soon = Callable[[Told, bytes | None], object]
"""Calls it in a moment: `loop.call_soon`."""


class Flight:
    """One question under way; `over` ends it, once."""

    __slots__ = ("_flights", "_life", "_waiting", "key")

    def __init__(self, key: Key, flights: "Flights"):
        self.key = key
        self._flights: Flights | None = flights
        self._life = flights.cache.life
        self._waiting: dict[Told, None] = {}

    def follow(self, told: Told) -> None:
        """Wait for the answer."""
        self._waiting[told] = None

    def leave(self, told: Told) -> None:
        """Wait no longer."""
        self._waiting.pop(told, None)

    def over(self, answer: bytes | None) -> None:
        """The leader has its answer; None: it has none that others may have."""
        flights, self._flights = self._flights, None
        if flights is None:
            return
        flights.forget(self)
        if answer is not None and b'"error"' in answer and is_error_object(answer):
            answer = None  # some providers say so with 200
        if answer is not None and self._life == flights.cache.life:
            flights.cache.put(self.key, answer, now_us=flights.now_us())
        if self._waiting:
            self._tell(flights, answer)

    def alone(self) -> None:
        """Nobody shall wait for it any longer: its client reads slowly. The cache still may keep it."""
        if self._flights is not None:
            self._flights.forget(self)
            self._tell(self._flights, None)

    def _tell(self, flights: "Flights", answer: bytes | None) -> None:
        waiting, self._waiting = self._waiting, {}
        for told in waiting:
            flights.soon(told, answer)


class Flights:
    """A worker's questions under way, by key."""

    __slots__ = ("_open", "cache", "now_us", "soon")

    def __init__(self, cache: Cache, soon: Soon, now_us: Callable[[], int]):
        self.cache = cache
        self.soon = soon
        self.now_us = now_us
        self._open: dict[Key, Flight] = {}

    def __len__(self) -> int:
        return len(self._open)

    def find(self, key: Key) -> Flight | None:
        """Return the flight that one can wait for."""
        return self._open.get(key)

    def open(self, key: Key) -> Flight:
        """Lead the question; where another leads it already, for the cache only."""
        flight = Flight(key, self)
        self._open.setdefault(key, flight)
        return flight

    def forget(self, flight: Flight) -> None:
        """Let nobody wait for it any more."""
        if self._open.get(flight.key) is flight:
            del self._open[flight.key]

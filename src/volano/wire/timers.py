"""One timer wheel for all deadlines of a process.

A timer for each connection and phase would cost more than the requests do.
Here a watched thing only bears a `deadline` (a plain float, moved as often as
one likes at no cost); the wheel looks at each thing once in `ROUND_S` at most,
and every `TICK_S` while its deadline is near.
"""

import asyncio
import logging
from typing import Protocol

TICK_S = 0.1
SLOTS = 10
ROUND_S = TICK_S * SLOTS
NEVER = float("inf")
GONE = -1.0

_log = logging.getLogger("volano.wire")


class Timed(Protocol):
    """A thing with a deadline in the loop's time; `GONE` takes it off the wheel."""

    deadline: float

    def expired(self) -> None:
        """The deadline has passed. Set a new one here, `NEVER` or `GONE`."""
        ...


class Wheel:
    """Watches deadlines: late by a tick (0.1 s), by a round (1 s) when one was moved forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._slots: list[list[Timed]] = [[] for _ in range(SLOTS)]
        self._at = 0
        self.now = loop.time()
        self._handle: asyncio.TimerHandle | None = loop.call_later(TICK_S, self._tick)

    def watch(self, thing: Timed) -> None:
        """Begin to watch; ends when its deadline is `GONE`. Watch a thing once only."""
        wait = thing.deadline - self.now
        ahead = SLOTS - 1 if wait >= ROUND_S else max(1, int(wait / TICK_S) + 1)
        self._slots[(self._at + min(ahead, SLOTS - 1)) % SLOTS].append(thing)

    def close(self) -> None:
        """Stop; nothing expires any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self.now = now = self._loop.time()
        self._handle = self._loop.call_at(now + TICK_S, self._tick)
        self._at = (self._at + 1) % SLOTS
        things, self._slots[self._at] = self._slots[self._at], []
        for thing in things:
            if 0 <= thing.deadline <= now:
                _expire(thing)
            if thing.deadline != GONE:
                self.watch(thing)


def _expire(thing: Timed) -> None:
    try:
        thing.expired()
    except Exception:  # noqa: BLE001 - one failure must not stop the wheel
        thing.deadline = GONE
        _log.exception("a deadline's handler failed")

"""Time comes through a port: integer microseconds UTC, and a monotonic clock for spans."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where a room gets the time from."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC. May jump when the host's clock is set."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds from an arbitrary start. Never goes back; use it for durations."""
        ...


class SystemClock:
    """The host's clocks."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000


class ManualClock:
    """A clock that moves only when told: for tests and for replays."""

    def __init__(self, now_us: int = 1_750_000_000_000_000):
        self._now_us = self._monotonic_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def monotonic_us(self) -> int:
        return self._monotonic_us

    def advance(self, seconds: float) -> None:
        """Let time pass: both clocks move forward."""
        self._now_us += int(seconds * 1_000_000)
        self._monotonic_us += int(seconds * 1_000_000)

    def set(self, seconds: float) -> None:
        """Set the wall clock forward, or back when negative; no time passes."""
        self._now_us += int(seconds * 1_000_000)

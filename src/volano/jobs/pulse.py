"""Pulse: how often queued Runs are looked for, quickly after something happened, rarely at rest.

A look costs some milliseconds of CPU, and most of the time there is nothing to find.
"""

import logging
import threading
import time
from collections.abc import Callable

REST_S = 1.0
"""How long a Run waits at most where nothing was asked for a while."""
AFTER_S = 30.0
"""How long after the last Run was queued the next one is looked for quickly."""

log = logging.getLogger(__name__)


class Pulse:
    """Sets how often is looked. `change` is given seconds between looks; `quick_s` are those of a quick one."""

    def __init__(
        self,
        change: Callable[[float], None],
        quick_s: float,
        *,
        after_s: float = AFTER_S,
        now_s: Callable[[], float] = time.monotonic,
        timer: Callable[[float, Callable[[], None]], threading.Timer] = threading.Timer,
    ):
        self._change = change
        self._quick_s = quick_s
        self._after_s = after_s
        self._now_s = now_s
        self._new_timer = timer
        self._until_s = 0.0
        self._quick = False
        self._timer: threading.Timer | None = None
        self._closed = False
        self._lock = threading.Lock()

    def quicken(self) -> None:
        """Look quickly from now on, for a while."""
        with self._lock:
            if self._closed:
                return
            self._until_s = self._now_s() + self._after_s
            if not self._quick:
                self._quick = self._set(self._quick_s)
            if self._timer is None:
                self._wait(self._after_s)

    def close(self) -> None:
        """Change nothing any more."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()

    def _rest(self) -> None:
        with self._lock:
            if self._closed:
                return
            left_s = self._until_s - self._now_s()
            if left_s > 0:
                self._wait(left_s)
                return
            self._timer, self._quick = None, False
            self._set(max(REST_S, self._quick_s))

    def _wait(self, seconds: float) -> None:
        self._timer = self._new_timer(seconds, self._rest)
        self._timer.daemon = True
        self._timer.start()

    def _set(self, seconds: float) -> bool:
        """Return whether it is so now."""
        try:
            self._change(seconds)
        except Exception as error:  # noqa: BLE001 - a full disk, a database away: it stays as it is
            log.warning("How often Runs are looked for stays as it is: %s", error)
            return False
        return True

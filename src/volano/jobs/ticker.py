"""The thread of control in which schedules tick."""

import logging
import threading

from volano.jobs.schedules import Schedules

log = logging.getLogger(__name__)

EVERY_S = 2.0


class Ticker:
    """Ticks until it is closed."""

    def __init__(self, schedules: Schedules, *, every_s: float = EVERY_S):
        self._schedules, self._every_s = schedules, every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Tick no more; a tick under way is waited for a few seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._schedules.tick()
            except Exception:
                log.exception("the schedules' tick failed; it is tried again")

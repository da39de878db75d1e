"""A complaint: what is wrong with the way to the server, said through logging, once a minute."""

import threading
import time
from collections.abc import Callable

EVERY_S = 60.0


class Complaint:
    """Says at most one warning in `EVERY_S`. Never raises, whatever the host's handlers do."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now, self._last = now, float("-inf")
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Warn, unless a warning was given in the last minute."""
        if not self._lock.acquire(blocking=False):
            return  # another thread says something now
        try:
            if self._now() - self._last < EVERY_S:
                return
            self._last = self._now()
            import logging  # importing it is left to the moment when something is wrong

            logging.getLogger("volano.client").warning("volano: %s", text)
        except Exception:  # noqa: BLE001 - a handler of the host's
            return
        finally:
            self._lock.release()

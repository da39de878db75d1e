"""Watch: looks at the references that are due, in a thread of control."""

import logging
import threading
from collections.abc import Sequence

from volano.core.principal import SYSTEM
from volano.monitor.drift.keeper import Drift

log = logging.getLogger(__name__)

EACH_S = 20.0


class Watch:
    """Looks by itself, one reference after the other, until closed."""

    def __init__(self, drift: Drift, *, each_s: float = EACH_S):
        self._drift, self._each_s = drift, each_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; a look under way is waited for a few seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def once(self) -> Sequence[str]:
        """Look at all that is due; return the names."""
        names = self._drift.due()
        for name in names:
            if not self._stop.is_set():
                self._drift.check(name, by=SYSTEM)
        return names

    def _run(self) -> None:
        while not self._stop.wait(self._each_s):
            try:
                self.once()
            except Exception:
                log.exception("a look for drift failed; it is tried again")

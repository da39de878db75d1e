"""The alarm: two threads of control. One watches, one tells: a slow receiver delays no look."""

import logging
import threading
from collections.abc import Callable

from volano.monitor.outbox import Outbox
from volano.monitor.watch import Watch

log = logging.getLogger(__name__)


class Alarm:
    """Ticks until it is closed."""

    def __init__(self, watch: Watch, outbox: Outbox, *, every_s: float):
        self._watch = watch
        self._outbox = outbox
        self._every_s = every_s
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._threads = [
            threading.Thread(target=self._again, args=(self._look, None), name="alerts", daemon=True),
            threading.Thread(
                target=self._again, args=(self._outbox.deliver, self._changed), name="notices",
                daemon=True,
            ),
        ]  # fmt: skip

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End; a notice that is on its way may take its time."""
        self._stopping.set()
        self._changed.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(5)

    def _look(self) -> None:
        if self._watch.tick():
            self._changed.set()

    def _again(self, work: Callable[[], object], sooner: threading.Event | None) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except Exception:
                log.exception("a look at the alerts failed; it is tried again")
            if sooner is None:
                self._stopping.wait(self._every_s)
            else:
                sooner.wait(min(self._every_s, 1.0))
                sooner.clear()

"""What a process that lives long tells Python's collector."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (50_000, 20, 50)
"""Thresholds for work that makes many objects and hardly any cycles."""


def settle_memory() -> None:
    """Keep what was loaded out of the collector's way, and let it look more rarely.

    For processes that make many objects and hardly any cycles: a worker's calls, a
    recorder's rows. Say it once, when all that stays is there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)
    _calm.settled = True


@contextmanager
def calm() -> Iterator[None]:
    """Let the collector leave alone what was there before, and look rarely, while many objects are made.

    Whoever enters first sets aside what is there, and the last to leave gives it back: works
    that overlap or lie in one another count as one.
    """
    _calm.enter()
    try:
        yield
    finally:
        _calm.leave()


class _Calm:
    """How many works want calm, over all threads."""

    def __init__(self) -> None:
        self.settled = False
        """What is set aside stays so: the process has settled."""
        self._lock = threading.Lock()
        self._within = 0
        self._usual = gc.get_threshold()

    def enter(self) -> None:
        with self._lock:
            self._within += 1
            if self._within == 1 and not self.settled:
                gc.freeze()
                self._usual = gc.get_threshold()
                gc.set_threshold(*RARELY)

    def leave(self) -> None:
        with self._lock:
            self._within -= 1
            if self._within == 0 and not self.settled:
                gc.unfreeze()
                gc.set_threshold(*self._usual)


_calm = _Calm()

"""Lanes: threads that take turns from the queue and have them computed together."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from volano.adapters.engines.desk.turn import Turn
from volano.adapters.engines.desk.waiting import Waiting

log = logging.getLogger(__name__)


def lane(
    waiting: Waiting,
    compute: Callable[[Sequence[Turn]], None],
    *,
    most: int,
    like: Callable[[Turn, Turn], bool] = lambda *_: True,
) -> threading.Thread:
    """Start a lane; it ends when the queue is closed.

    Args:
        waiting: where turns come from.
        compute: answers turns to their ends; what it leaves open has failed.
        most: how many are computed together.
        like: whether the second may be computed together with the first.
    """

    def work() -> None:
        while turns := waiting.take(most, wait=True, like=like):
            begun = time.monotonic()
            try:
                compute(turns)
            except Exception as error:  # whatever a native library throws, the next turn goes on
                log.exception("the engine failed")
                for turn in turns:
                    turn.fail(f"{type(error).__name__}: {error}"[:300])
            for turn in turns:
                turn.end()
            waiting.count(turns, begun)

    thread = threading.Thread(target=work, name="lane", daemon=True)
    thread.start()
    return thread

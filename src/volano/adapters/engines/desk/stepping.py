"""Stepping: one token for every turn under way, then look who came and who is done.

That is continuous batching (Yu et al. 2022, "Orca"). What the model keeps of a
turn between two steps lies in `turn.kept`.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from volano.adapters.engines.desk.asked import Sampling
from volano.adapters.engines.desk.turn import Turn
from volano.adapters.engines.desk.waiting import Waiting
from volano.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

log = logging.getLogger(__name__)

Logits = Callable[[Sequence[Turn]], Any]
"""From turns, with what they said so far, to the logits of each one's next token, `[turns, words]`."""


def stepper(waiting: Waiting, logits: Logits, *, most: int) -> threading.Thread:
    """Start the thread that steps all turns; it ends when the queue is closed."""

    def work() -> None:
        active: list[Turn] = []
        dice: dict[int, Any] = {}
        while True:
            new = waiting.take(most - len(active), wait=not active)
            if not new and not active:
                return
            dice.update((id(turn), np.random.default_rng(turn.sampling.seed)) for turn in new)
            active += new
            active = _step(waiting, active, dice, logits)

    thread = threading.Thread(target=work, name="stepper", daemon=True)
    thread.start()
    return thread


def step_to_end(turns: Sequence[Turn], logits: Logits) -> None:
    """Answer turns to their ends, step by step."""
    active = list(turns)
    dice = {id(turn): np.random.default_rng(turn.sampling.seed) for turn in active}
    while active:
        rows = logits(active)
        active = [
            turn
            for turn, row in zip(active, rows, strict=True)
            if turn.put(draw(row, turn.sampling, dice[id(turn)]))
        ]


def _step(waiting: Waiting, active: list[Turn], dice: dict[int, Any], logits: Logits) -> list[Turn]:
    begun = time.monotonic()
    try:
        rows = logits(active)
        for turn, row in zip(active, rows, strict=True):
            turn.put(draw(row, turn.sampling, dice[id(turn)]))
    except Exception as error:  # whatever a native library throws, the next turn goes on
        log.exception("the engine failed")
        for turn in active:
            turn.fail(f"{type(error).__name__}: {error}"[:300])
    done = [turn for turn in active if turn.done]
    for turn in done:
        turn.kept = None
        del dice[id(turn)]
    waiting.count(done, begun)
    return [turn for turn in active if not turn.done]


def draw(row: Any, sampling: Sampling, dice: Any) -> int:
    """Return the next token: the likeliest, or one drawn within the nucleus (Holtzman et al. 2020)."""
    if sampling.greedy:
        return int(np.argmax(row))
    scaled = np.asarray(row, dtype=np.float64) / sampling.temperature
    chances = np.exp(scaled - scaled.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    before = np.cumsum(chances[order]) - chances[order]
    kept = order[before < sampling.top_p] if sampling.top_p > 0 else order[:1]
    weights = chances[kept] / chances[kept].sum()
    return int(dice.choice(kept, p=weights))

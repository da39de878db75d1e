"""Waiting: turns that came and are not computed yet, and the counts of those that were."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from volano.adapters.engines.desk.turn import Turn


class CrowdedError(Exception):
    """More wait than will be answered in any useful time."""


@dataclass
class Counts:
    """What the engine has done since it started."""

    requests: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    """Time in which at least one token was computed, over all lanes."""


class Waiting:
    """A queue that lanes take from, as many turns at once as they can compute together."""

    def __init__(self, most: int):
        self.counts = Counts()
        self._most = most
        self._turns: deque[Turn] = deque()
        self._change = threading.Condition()
        self._busy = 0
        self._closed = False

    @property
    def queued(self) -> int:
        """How many wait."""
        return len(self._turns)

    @property
    def busy(self) -> int:
        """How many are being answered."""
        return self._busy

    def add(self, turn: Turn) -> None:
        """Queue a turn. Raises CrowdedError when too many wait."""
        with self._change:
            if self._closed or len(self._turns) >= self._most:
                raise CrowdedError
            self._turns.append(turn)
            self._change.notify()

    def take(
        self, most: int, *, wait: bool, like: Callable[[Turn, Turn], bool] = lambda *_: True
    ) -> list[Turn]:
        """Return the first that waits and those behind it that are like it; none when closed."""
        with self._change:
            while wait and not self._turns and not self._closed:
                self._change.wait()
            if not self._turns or self._closed or most < 1:
                return []
            first = self._turns[0]
            chosen = [turn for turn in self._turns if like(first, turn)][:most]
            for turn in chosen:
                self._turns.remove(turn)
            self._busy += len(chosen)
            return chosen

    def count(self, turns: Iterable[Turn], begun: float) -> None:
        """Count turns that are done."""
        with self._change:
            for turn in turns:
                self._busy -= 1
                self.counts.requests += 1
                self.counts.prompt_tokens += len(turn.prompt)
                self.counts.tokens += len(turn.said)
            self.counts.seconds += time.monotonic() - begun

    def close(self) -> None:
        """Wake all lanes: nothing more comes."""
        with self._change:
            self._closed = True
            self._change.notify_all()

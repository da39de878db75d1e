"""Turn: one request on its way through the engine, from its prompt to its last token.

An engine thread puts tokens in; pieces of text come out on the event loop of
whoever asked.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from volano.adapters.engines.desk.asked import Sampling
from volano.adapters.engines.desk.spelling import Spelling


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that is certain; the last piece has a reason (`stop`, `length`, `failed`)."""

    text: str = ""
    reason: str = ""


class Turn:
    """A prompt, what is wanted of its answer, and the answer so far."""

    def __init__(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        room: int,
        ends: frozenset[int],
        spelling: Spelling,
        loop: asyncio.AbstractEventLoop,
    ):
        self.prompt = list(prompt)
        self.sampling = sampling
        self.room = room
        self.said: list[int] = []
        self.pieces: asyncio.Queue[Piece] = asyncio.Queue()
        self.done = False
        self.kept: Any = None
        """What the model keeps of this turn between two steps."""
        self._ends = ends
        self._spelling = spelling
        self._loop = loop
        self._gone = threading.Event()

    @property
    def left(self) -> int:
        """How many tokens may still come."""
        return self.room - len(self.said)

    def leave(self) -> None:
        """Say that nobody waits for the answer any more."""
        self._gone.set()

    def put(self, token: int) -> bool:
        """Take the next token. Return whether more are wanted."""
        if self.done:
            return False
        if self._gone.is_set():
            return self._close("stop")
        self.said.append(token)
        if token in self._ends:
            return self._close("stop")
        text = self._spelling.add(token)
        if self._spelling.stopped:
            return self._close("stop", text)
        if self.left <= 0:
            return self._close("length", text)
        if text:
            self._give(Piece(text))
        return True

    def end(self) -> None:
        """Close a turn whose model said no more."""
        if not self.done:
            self._close("stop" if self.left > 0 else "length")

    def fail(self, why: str) -> None:
        """Close a turn that the engine could not finish."""
        if not self.done:
            self.done = True
            self._give(Piece(why, "failed"))

    def _close(self, reason: str, text: str = "") -> bool:
        self.done = True
        rest = self._spelling.end()
        if self._spelling.stopped:
            reason = "stop"
        self._give(Piece(text + rest, reason))
        return False

    def _give(self, piece: Piece) -> None:
        try:
            self._loop.call_soon_threadsafe(self.pieces.put_nowait, piece)
        except RuntimeError:  # the loop has ended: nobody waits any more
            self._gone.set()

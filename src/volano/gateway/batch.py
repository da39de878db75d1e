"""Frames of one turn of the loop, kept by one write; then the answers that wait for them.

A write to the spool costs about as much for ten frames as for one. So the calls
that end in one turn of the loop wait for each other, some tens of microseconds:
all their frames are appended by one write, and only then are their answers sent,
one after the other. The order that matters is kept for each call: first its
frame, then the last byte of its answer.

New calls are put to their upstreams at the same moment (`answer.begin`), for
another reason: to wake a process that sleeps on another core costs more than
the write itself, and who gets several messages in a row is woken once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

MAX_BATCH_BYTES = 1 << 20
"""More than this is not gathered: a large frame gains nothing by waiting."""

_log = logging.getLogger("volano.gateway")


class Keeper(Protocol):
    """Where frames go (`gateway.state.State`)."""

    def keep(self, kind: int, payload: bytes) -> bool:
        """Append a frame. False when its call must not be answered."""
        ...

    def keep_all(self, kind: int, payloads: Sequence[bytes]) -> bool:
        """Append all of them by one write, or none (False): then each must be tried alone."""
        ...


class Batch:
    """Gathers frames of one kind until the loop's turn is over."""

    __slots__ = ("_keeper", "_kind", "_loop", "_payloads", "_size", "_waiting")

    def __init__(self, keeper: Keeper, kind: int, loop: asyncio.AbstractEventLoop):
        self._keeper = keeper
        self._kind = kind
        self._loop = loop
        self._payloads: list[bytes] = []
        self._waiting: list[Callable[[bool], None]] = []
        self._size = 0

    def add(self, payload: bytes, then: Callable[[bool], None]) -> None:
        """Append the frame when this turn ends, then call `then(kept)`, once."""
        if not self._payloads:
            self._loop.call_soon(self.flush)
        self._payloads.append(payload)
        self._waiting.append(then)
        self._size += len(payload)
        if self._size > MAX_BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what waits, then tell the waiting; what one of them throws stops no other."""
        payloads, waiting = self._payloads, self._waiting
        self._payloads, self._waiting, self._size = [], [], 0
        if not payloads:
            return
        if len(payloads) > 1 and self._keeper.keep_all(self._kind, payloads):
            kept = [True] * len(payloads)
        else:
            kept = [self._keeper.keep(self._kind, payload) for payload in payloads]
        for then, is_kept in zip(waiting, kept, strict=True):
            try:
                then(is_kept)
            except Exception:  # noqa: BLE001 - one failure must not stop the others
                _log.exception("an answer could not be sent")

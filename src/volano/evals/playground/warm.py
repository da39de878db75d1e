"""Warm: engines of our own, kept for a few minutes after a question, so that the next one is quick."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.serving import ChatUnavailableError
from volano.store.artifact import Artifact

IDLE_S = 300.0
MOST = 3
_SWEEP_S = 20.0

Open = Callable[[Artifact, Path], AbstractContextManager[Any]]
"""Opens a chat with a model; an engine's socket lies in the folder."""


@dataclass
class _Kept:
    chat: Any
    held: ExitStack
    users: int = 0
    dead: bool = False
    used_s: float = field(default_factory=time.monotonic)


class Warm:
    """Opens each model once. Safe to use from several threads; close it when done."""

    def __init__(self, open_: Open, *, idle_s: float = IDLE_S, most: int = MOST):
        self._open = open_
        self._idle_s = idle_s
        self._most = most
        self._kept: dict[str, _Kept] = {}
        self._opening: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False

    @contextmanager
    def chat(self, model: Artifact) -> Iterator[Any]:
        """Give the chat with a model, opened where it is not.

        Raises:
            VolanoError: it cannot be opened.
        """
        key = str(model.digest)
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            kept = self._known(key) or self._opened(key, model)
        try:
            yield kept.chat
        except ChatUnavailableError:
            kept.dead = True  # the next question starts another
            raise
        finally:
            with self._lock:
                kept.users -= 1
                kept.used_s = time.monotonic()
            self._sweep()

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            self._closed = True
            kept, self._kept = list(self._kept.values()), {}
            if self._timer is not None:
                self._timer.cancel()
        for one in kept:
            one.held.close()

    def _known(self, key: str) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.dead:
                return None
            kept.users += 1
            return kept

    def _opened(self, key: str, model: Artifact) -> _Kept:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="volano-")))
            kept = _Kept(stack.enter_context(self._open(model, folder)), ExitStack(), 1)
            kept.held = stack.pop_all()
        with self._lock:
            before = self._kept.get(key)
            self._kept[key] = kept
            if self._timer is None and not self._closed:
                self._start()
        if before is not None:
            before.held.close()
        return kept

    def _start(self) -> None:
        self._timer = threading.Timer(_SWEEP_S, self._again)
        self._timer.daemon = True
        self._timer.start()

    def _again(self) -> None:
        self._sweep()
        with self._lock:
            self._timer = None
            if self._kept and not self._closed:
                self._start()

    def _sweep(self) -> None:
        """End what nobody asked for long, and of too many those first that rested longest."""
        now = time.monotonic()
        with self._lock:
            idle = sorted(
                (key for key, one in self._kept.items() if not one.users),
                key=lambda key: self._kept[key].used_s,
            )
            over = len(self._kept) - self._most
            gone = [
                self._kept.pop(key)
                for at, key in enumerate(idle)
                if at < over or self._kept[key].dead or now - self._kept[key].used_s > self._idle_s
            ]
        for one in gone:
            one.held.close()

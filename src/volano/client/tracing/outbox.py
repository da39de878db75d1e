"""The Outbox: what waits to be sent, and the one thread that sends it.

`put` is all that a host's thread ever does here: a short critical section under a
reentrant lock (a signal handler or a finaliser may put in the middle of a put). What
waits is bounded in number and in bytes; when it is full the oldest goes, counted. The
thread sleeps without waking until something comes, waits `interval_s` for company, and
sends in batches; a batch that may be sent again later is, with growing pauses. A process
that was forked begins with an empty outbox: what its parent put is its parent's to send.
"""

import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import random
from typing import Any, Literal, Protocol

from volano.client.tracing.complaint import Complaint

WORKER_EXIT_S = 2.0
FORK_S = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: `sent`; `again` after a while; `lost` for good; `split` is too large.

    `lost` counts those of a batch that was sent of which the server would not take some.
    """

    state: Literal["sent", "again", "lost", "split"]
    why: str = ""
    after_s: float = 0.0
    lost: int = 0


class Post(Protocol):
    """Sends batches. Only the outbox's own thread calls it."""

    def pack(self, items: Sequence[Any]) -> Any:
        """Return the batch as it travels."""
        ...

    def send(self, parcel: Any) -> Outcome:
        """Try once."""
        ...

    def forget(self) -> None:
        """The process was forked: connections are the parent's."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait, and how much goes at once. Bytes are estimates of what is held."""

    items: int = 8192
    bytes: int = 32 << 20
    batch_items: int = 512
    batch_bytes: int = 2 << 20
    interval_s: float = 1.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0


class Outbox:
    """Holds items until its thread has sent them. Nothing here raises."""

    def __init__(
        self,
        post: Callable[[], Post],
        *,
        name: str,
        room: Room | None = None,
        complaint: Complaint | None = None,
    ):
        """`post` is called by the thread, when there is something to send for the first time."""
        self._make, self._name, self._room = post, name, room or Room()
        self._complaint = complaint or Complaint()
        self._poster: Post | None = None
        self._held = False
        self._begin()
        os.register_at_fork(
            before=_weakly(self._hold),
            after_in_parent=_weakly(self._let_go),
            after_in_child=_weakly(self._reborn),
        )

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._making = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._items: deque[tuple[Any, int]] = deque()
        self._bytes = self._put = self._done = self._lost = self._asked = 0
        self._hurry = self._closing = False
        self._waiting: list[tuple[int, threading.Event]] = []
        self._thread: threading.Thread | None = None

    def _reborn(self) -> None:
        """After a fork, in the child: nothing waits, nothing runs, connections are another's."""
        self._begin()
        if self._poster is not None:
            self._poster.forget()

    def _hold(self) -> None:
        """Before a fork: not while the thread imports, or its locks were held for ever in the child."""
        self._held = self._making.acquire(timeout=FORK_S)

    def _let_go(self) -> None:
        if self._held:
            self._making.release()

    @property
    def lost(self) -> int:
        """How many were put and never will be sent."""
        return self._lost

    def put(self, item: Any, size: int) -> None:
        """Leave an item of about so many bytes to be sent."""
        with self._lock:
            items = self._items
            items.append((item, size))
            self._put += 1
            self._bytes += size
            count = len(items)
            while self._bytes > self._room.bytes or count > self._room.items:
                self._bytes -= items.popleft()[1]
                self._done += 1
                self._lost += 1
                count -= 1
        if count == 1 or count == self._room.batch_items:
            self._rouse()
        if self._thread is None:
            self._start()

    def flush(self, timeout_s: float) -> bool:
        """Send now what was put until now; return whether all of it arrived within the time.

        All of it: also what was put, and maybe lost, since the last time that this was asked.
        """
        event = threading.Event()
        with self._lock:
            if self._done >= self._put:
                return self._none_lost()
            if self._thread is None or self._thread is threading.current_thread():
                return False
            self._waiting.append((self._put, event))
            self._hurry = True
        self._rouse()
        done = event.wait(max(timeout_s, 0))
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting[1] is not event]
            return self._none_lost() and done

    def _none_lost(self) -> bool:
        asked, self._asked = self._asked, self._lost
        return asked == self._lost

    def close(self, timeout_s: float) -> None:
        """Try once to send what waits, then end the thread. What is put later is not sent."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._rouse()
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(timeout_s, 0))

    def _rouse(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            return  # it is awake, or will be

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._closing:
                return
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread = thread
            try:
                thread.start()
                self._end_with_worker()
            except RuntimeError:  # the interpreter ends, or there are too many threads
                self._thread = None

    def _end_with_worker(self) -> None:
        """In a process of `multiprocessing`, which ends without `atexit`, be closed all the same."""
        modules = sys.modules
        util, process = modules.get("multiprocessing.util"), modules.get("multiprocessing.process")
        if util is not None and process is not None and process.parent_process() is not None:
            util.Finalize(None, self.close, args=(WORKER_EXIT_S,), exitpriority=100)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closing
            try:
                self._round()
            except BaseException as error:  # noqa: BLE001 - this thread has nobody to tell
                self._complaint.say(f"a fault while sending: {type(error).__name__}")

    def _round(self) -> None:
        """Wait for something to come, then for company, then send all that is there."""
        if not self._closing:
            self._wake.acquire()
        self._pause(self._room.interval_s)
        while batch := self._take():
            try:
                self._deliver(batch)
            finally:
                self._settle(batch)
        with self._lock:
            self._hurry = bool(self._waiting)

    def _pause(self, seconds: float, *, company: bool = True) -> None:
        """Rest so long, or until somebody hurries, or (with `company`) a batch is full."""
        until = time.monotonic() + seconds
        while not self._hurry and not self._closing:
            left = until - time.monotonic()
            if left <= 0 or (company and len(self._items) >= self._room.batch_items):
                return
            self._wake.acquire(timeout=left)

    def _take(self) -> list[Any]:
        batch: list[Any] = []
        size = 0
        with self._lock:
            while self._items and len(batch) < self._room.batch_items:
                if batch and size + self._items[0][1] > self._room.batch_bytes:
                    break
                item, bytes_ = self._items.popleft()
                size += bytes_
                batch.append(item)
            self._bytes -= size
        return batch

    def _settle(self, batch: Sequence[Any]) -> None:
        with self._lock:
            self._done += len(batch)
            ready = [event for target, event in self._waiting if target <= self._done]
            self._waiting = [(t, e) for t, e in self._waiting if t > self._done]
        for event in ready:
            event.set()

    def _deliver(self, batch: Sequence[Any]) -> None:
        """Send a batch until it is sent or lost."""
        pause = self._room.first_pause_s
        parcel = None
        while True:
            try:
                post = self._poster or self._post()
                parcel = post.pack(batch) if parcel is None else parcel
                outcome = post.send(parcel)
            except Exception as error:  # noqa: BLE001 - an answer that nobody thought of
                what = getattr(error, "message", type(error).__name__)
                outcome = Outcome("lost", f"a fault while sending: {what}")
            if outcome.state == "split" and len(batch) > 1:
                half = len(batch) // 2
                self._deliver(batch[:half])
                self._deliver(batch[half:])
                return
            if outcome.state == "sent":
                self._lose(outcome.lost, outcome.why)
                return
            if outcome.state != "again" or (self._closing and outcome.why):
                self._lose(len(batch), outcome.why)
                return
            if outcome.why:
                self._wait_again(outcome, pause)
                pause = min(pause * 2, self._room.longest_pause_s)

    def _post(self) -> Post:
        with self._making:
            self._poster = post = self._make()
        return post

    def _wait_again(self, outcome: Outcome, pause: float) -> None:
        self._complaint.say(f"{outcome.why}; {self._state()}; it is tried again")
        with self._lock:
            self._hurry = False
        self._pause(max(pause * (0.5 + random() / 2), outcome.after_s), company=False)

    def _lose(self, count: int, why: str) -> None:
        """Count what is lost; when the program ends, nothing is tried for what is left."""
        if self._closing and count:
            self._abandon()
        if count:
            with self._lock:
                self._lost += count
            self._complaint.say(f"{why or 'they could not be sent'}; {self._state()}")

    def _abandon(self) -> None:
        with self._lock:
            left = len(self._items)
            self._items.clear()
            self._done += left
            self._lost += left

    def _state(self) -> str:
        return f"{len(self._items)} {self._name} wait, {self._lost} are lost so far"


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls the method as long as its object lives."""
    held = weakref.WeakMethod(method)

    def call() -> None:
        found = held()
        if found is not None:
            found()

    return call

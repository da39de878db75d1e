"""What the workers have done and how they are, in shared memory: `run/vitals.bin`.

    header     magic, 7 spare (u64 each)
    64 x       worker: head, 256 x series, 64 x target
    head       pid, its start in ticks, began (us UTC), calls in flight, streams, retries,
               fallbacks, frames not kept, series used, targets shown, calls a 1000 s,
               copies to shadows, copies left out, name
    series     key (256 bytes: door, channel, release, target), 64 numbers (`Series`)
    target     key (256 bytes: name, model), state, in flight, latency (us), last answered (us),
               calls in a row without an answer, the first of them (us), the last (us), keys
               that rest

A worker writes its own part only, everybody reads all: no lock, no lost
increment. A part outlives its worker: who takes it over goes on counting where it
was, so that sums never go back while the platform is up; `volano up` begins with a
new file. Series are made as calls come; when there is no room for one more, it is
counted with the others of no name (an empty key). How targets are is written each
second, from the worker's own view.
"""

import fcntl
import mmap
import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from volano.gateway.health import Health
from volano.gateway.tally import started

WORKERS, SERIES, TARGETS = 64, 256, 64
OUTCOMES = ("ok", "error", "cut", "left", "refused")
CLASSES = ("2xx", "4xx", "5xx")
BOUNDS_US = (
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 25_000_000, 60_000_000, 120_000_000, 300_000_000,
)  # fmt: skip
"""Upper ends of the buckets of times; there is one more bucket, without an end."""
_RATE_LOOKS = 6
STATES = ("closed", "half-open", "open", "resting")

_MAGIC = int.from_bytes(b"vlvital1", "little")
_KEY = 32  # in u64, as everything below
_BUCKETS = len(BOUNDS_US) + 1
_NUMBERS = 64
_TOOK = len(OUTCOMES) * len(CLASSES)
_FIRST = _TOOK + 1 + _BUCKETS
_IN, _OUT = _FIRST + 1 + _BUCKETS, _FIRST + 2 + _BUCKETS
_STEP = _KEY + _NUMBERS
_TARGET = _KEY + 8
_HEAD = 32
_TARGETS_AT = _HEAD + SERIES * _STEP
_WORKER = _TARGETS_AT + TARGETS * _TARGET
_SIZE = (8 + WORKERS * _WORKER) * 8

_PID, _TICKS, _BEGAN, _FLIGHT, _STREAMS, _RETRIES, _FALLBACKS, _UNKEPT, _USED, _SHOWN = range(10)
_RATE, _COPIED, _UNCOPIED = 10, 11, 12
_NAME = 16
_NAME_BYTES = (_HEAD - _NAME) * 8

Key = tuple[str, str, str, str]
"""Door, channel, release, target: each may be empty where a call did not come so far."""


@dataclass(slots=True)
class Series:
    """What was counted of the calls of one key, over all workers."""

    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)
    """By outcome and class of status."""
    took: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    took_us: int = 0
    first: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    """Of streams: from the call's begin to the first content."""
    first_us: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def calls(self) -> int:
        """All calls, however they ended."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Seen:
    """How a worker sees a target. Moments are monotonic, and the same clock's for all workers."""

    target: str
    model: str
    state: str
    in_flight: int
    latency_us: int
    answered_us: int = 0
    """When it last answered; 0: it never did."""
    unanswered: int = 0
    """So many calls in a row got no answer, the last ones."""
    unanswered_from_us: int = 0
    unanswered_us: int = 0
    keys_resting: int = 0
    """Of several keys so many were refused or are at their limit."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A living worker."""

    name: str
    pid: int
    began_us: int
    in_flight: int
    streams: int
    calls: int
    failures: int
    rate: float
    """Calls a second that ended in the last seconds."""
    targets: tuple[Seen, ...]


class Vitals:
    """The mapped file. Without a path it is this process's own, and nobody shares it."""

    def __init__(self, path: Path | None = None):
        self._fd = -1
        if path is None:
            self._map = mmap.mmap(-1, _SIZE)
        else:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            try:
                self._prepare()
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self._map = mmap.mmap(self._fd, _SIZE)
        self.words = memoryview(self._map).cast("Q")

    def _prepare(self) -> None:
        stamp = _MAGIC.to_bytes(8, "little")
        if os.fstat(self._fd).st_size != _SIZE or os.pread(self._fd, 8, 0) != stamp:
            os.ftruncate(self._fd, 0)
            os.ftruncate(self._fd, _SIZE)
            with suppress(OSError):
                os.pwrite(self._fd, stamp, 0)

    def claim(self, pid: int, name: str, *, now_us: int = 0) -> "Pulse":
        """Take a part: a dead worker's, best of the same name, else a free one.

        Raises:
            RuntimeError: there are more than 64 living workers.
            OSError: the disk has no room for it; writing there would kill the process.
        """
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            base = min(map(_base, range(WORKERS)), key=lambda b: self._rank(b, name))
            words = self.words
            if self._alive(base):
                raise RuntimeError(f"more than {WORKERS} workers share one folder")
            if self._fd >= 0:
                os.posix_fallocate(self._fd, base * 8, _WORKER * 8)
            words[base + _PID] = 0
            words[base + _FLIGHT] = words[base + _STREAMS] = words[base + _SHOWN] = 0
            words[base + _RATE] = 0
            words[base + _BEGAN] = now_us or time.time_ns() // 1000
            _put(words, base + _NAME, name.encode()[:_NAME_BYTES], _HEAD - _NAME)
            words[base + _TICKS] = started(pid) or 0
            words[base + _PID] = pid
        finally:
            if self._fd >= 0:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        return Pulse(words, base)

    def _rank(self, base: int, name: str) -> tuple[int, bool]:
        same = self._name(base) != name
        if not self.words[base + _BEGAN]:
            return 1, same
        return (2 if self._alive(base) else 0), same

    def _alive(self, base: int) -> bool:
        pid = self.words[base + _PID]
        return pid != 0 and started(pid) == self.words[base + _TICKS]

    def _name(self, base: int) -> str:
        return _text(self.words, base + _NAME, _HEAD - _NAME)

    def workers(self) -> list[Worker]:
        """Return the living workers by name."""
        found = []
        for base in filter(self._alive, map(_base, range(WORKERS))):
            words = self.words
            series = list(self._series(base).values())
            failed = sum(
                count for one in series for (outcome, _), count in one.outcomes.items()
                if outcome in ("error", "cut")
            )  # fmt: skip
            found.append(Worker(
                self._name(base), words[base + _PID], words[base + _BEGAN], words[base + _FLIGHT],
                words[base + _STREAMS], sum(one.calls for one in series), failed,
                words[base + _RATE] / 1000, tuple(self._targets(base)),
            ))  # fmt: skip
        return sorted(found, key=lambda worker: (worker.name, worker.began_us))

    def series(self) -> dict[Key, Series]:
        """Return what was counted, by key, over all workers, dead ones included."""
        found: dict[Key, Series] = {}
        for base in map(_base, range(WORKERS)):
            if self.words[base + _USED]:
                self._series(base, found)
        return found

    def totals(self) -> dict[str, int]:
        """Return `retries`, `fallbacks`, `unkept` frames, `copied` and `uncopied` calls of all workers."""
        places = {"retries": _RETRIES, "fallbacks": _FALLBACKS, "unkept": _UNKEPT,
                  "copied": _COPIED, "uncopied": _UNCOPIED}  # fmt: skip
        bases = [_base(worker) for worker in range(WORKERS)]
        return {name: sum(self.words[b + at] for b in bases) for name, at in places.items()}

    def _series(self, base: int, into: dict[Key, Series] | None = None) -> dict[Key, Series]:
        found: dict[Key, Series] = {} if into is None else into
        for n in range(min(self.words[base + _USED], SERIES)):
            at = base + _HEAD + n * _STEP
            numbers = self.words[at + _KEY : at + _STEP].tolist()
            _add(found.setdefault(_key_at(self.words, at), Series()), numbers)
        return found

    def _targets(self, base: int) -> Iterable[Seen]:
        for n in range(min(self.words[base + _SHOWN], TARGETS)):
            at = base + _TARGETS_AT + n * _TARGET
            name, _, model = _text(self.words, at, _KEY).partition("\0")
            state, *numbers = self.words[at + _KEY : at + _TARGET].tolist()
            yield Seen(name, model, STATES[state % len(STATES)], *numbers)

    def close(self) -> None:
        """Unmap. Pulses of this mapping must not be used afterwards."""
        self.words.release()
        self._map.close()
        if self._fd >= 0:
            os.close(self._fd)


class Pulse:
    """A worker's own part."""

    __slots__ = ("_base", "_calls", "_known", "_lately", "_words")

    def __init__(self, words: memoryview, base: int):
        self._words = words
        self._base = base
        self._calls = 0
        self._lately: deque[tuple[float, int]] = deque(maxlen=_RATE_LOOKS)
        self._known: dict[Key, int] = {}
        for n in range(min(words[base + _USED], SERIES)):
            at = base + _HEAD + n * _STEP
            self._known[_key_at(words, at)] = at + _KEY

    def began(self, *, streamed: bool) -> None:
        """A call is sent on."""
        words, base = self._words, self._base
        words[base + _FLIGHT] += 1
        if streamed:
            words[base + _STREAMS] += 1

    def ended(self, *, streamed: bool) -> None:
        """A call that `began` is over."""
        words, base = self._words, self._base
        words[base + _FLIGHT] -= 1
        if streamed:
            words[base + _STREAMS] -= 1

    def count(
        self, key: Key, outcome: str, status: int, took_us: int,
        first_us: int = -1, bytes_in: int = 0, bytes_out: int = 0,
    ) -> None:  # fmt: skip
        """Count a call that is over; `first_us` is -1 where no stream began."""
        at = self._known.get(key) or self._place(key)
        words = self._words
        self._calls += 1
        if status < 400 and outcome == "ok":
            words[at] += 1
        else:
            words[at + _OUTCOME.get(outcome, 3) + (2 if status >= 500 else status >= 400)] += 1
        words[at + _TOOK] += took_us
        words[at + _TOOK + 1 + bisect_left(BOUNDS_US, took_us)] += 1
        if first_us >= 0:
            words[at + _FIRST] += first_us
            words[at + _FIRST + 1 + bisect_left(BOUNDS_US, first_us)] += 1
        words[at + _IN] += bytes_in
        words[at + _OUT] += bytes_out

    def _place(self, key: Key) -> int:
        """Make a series; the last one is of all that have no room of their own."""
        words, base = self._words, self._base
        used = words[base + _USED]
        raw = "\0".join(key).encode("utf-8", "replace")
        if key != _OTHERS and (used >= SERIES - 1 or len(raw) > _KEY * 8):
            return self._known.get(_OTHERS) or self._place(_OTHERS)
        at = base + _HEAD + used * _STEP
        _put(words, at, raw, _KEY)
        words[base + _USED] = used + 1
        self._known[key] = at + _KEY
        return at + _KEY

    def retried(self) -> None:
        """A target is asked once more."""
        self._words[self._base + _RETRIES] += 1

    def fell_back(self) -> None:
        """Another target is asked instead."""
        self._words[self._base + _FALLBACKS] += 1

    def lost(self) -> None:
        """A frame could not be kept."""
        self._words[self._base + _UNKEPT] += 1

    def copied(self) -> None:
        """A call is copied to a shadow."""
        self._words[self._base + _COPIED] += 1

    def uncopied(self) -> None:
        """A call should be copied and is not."""
        self._words[self._base + _UNCOPIED] += 1

    def show(self, healths: dict[str, Health], now: float) -> None:
        """Write how the targets are, named as in `routes.names`: `name url model`."""
        words, base = self._words, self._base
        shown = list(healths.items())[:TARGETS]
        for n, (said, health) in enumerate(shown):
            at = base + _TARGETS_AT + n * _TARGET
            name, _, rest = said.partition(" ")
            raw = f"{name}\0{rest.partition(' ')[2]}".encode("utf-8", "replace")[: _KEY * 8]
            if _raw(words, at, _KEY) != raw:
                words[base + _SHOWN] = min(n, words[base + _SHOWN])
                _put(words, at, raw, _KEY)
            words[at + _KEY] = 3 if now < health.rest_until else STATES.index(health.state)
            words[at + _KEY + 1] = max(0, health.in_flight)
            words[at + _KEY + 2] = int(health.latency_s * 1e6)
            words[at + _KEY + 3] = int(health.heard_at * 1e6)
            words[at + _KEY + 4] = health.unanswered
            words[at + _KEY + 5] = int(health.unanswered_from * 1e6)
            words[at + _KEY + 6] = int(health.unanswered_at * 1e6)
            words[at + _KEY + 7] = health.keys.resting(now) if health.keys is not None else 0
        words[base + _SHOWN] = len(shown)
        self._lately.append((now, self._calls))
        since, calls = self._lately[0]
        if now > since:
            words[base + _RATE] = round(1000 * (self._calls - calls) / (now - since))

    def leave(self) -> None:
        """Give the part back; its counts stay."""
        self._words[self._base + _PID] = 0


_OTHERS: Key = ("", "", "", "")
_OUTCOME = {name: n * len(CLASSES) for n, name in enumerate(OUTCOMES)}


def open_pulse(path: Path, pid: int, name: str) -> Pulse:
    """Return a part of the shared file; one of this process alone where the disk has no room."""
    try:
        return Vitals(path).claim(pid, name)
    except OSError:
        return Vitals().claim(pid, name)


def _base(worker: int) -> int:
    return 8 + worker * _WORKER


def _add(series: Series, numbers: list[int]) -> None:
    for n, count in enumerate(numbers[:_TOOK]):
        if count:
            place = OUTCOMES[n // len(CLASSES)], CLASSES[n % len(CLASSES)]
            series.outcomes[place] = series.outcomes.get(place, 0) + count
    took, first = numbers[_TOOK + 1 : _FIRST], numbers[_FIRST + 1 : _IN]
    series.took = [a + b for a, b in zip(series.took, took, strict=True)]
    series.first = [a + b for a, b in zip(series.first, first, strict=True)]
    series.took_us += numbers[_TOOK]
    series.first_us += numbers[_FIRST]
    series.bytes_in += numbers[_IN]
    series.bytes_out += numbers[_OUT]


def _key_at(words: memoryview, at: int) -> Key:
    door, channel, release, target, *_ = (*_text(words, at, _KEY).split("\0"), "", "", "")
    return door, channel, release, target


def _put(words: memoryview, at: int, raw: bytes, room: int) -> None:
    words[at : at + room] = memoryview(raw.ljust(room * 8, b"\0")).cast("Q")


def _raw(words: memoryview, at: int, room: int) -> bytes:
    return words[at : at + room].tobytes().rstrip(b"\0")


def _text(words: memoryview, at: int, room: int) -> str:
    return _raw(words, at, room).decode("utf-8", "replace")

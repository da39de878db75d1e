"""The counters of limits, shared by all workers: `run/limits.bin`.

    header   magic, boot, joined, backed (u64 each), 60 spare
    64 x     worker: pid, started, epoch last used, 5 spare
    4096 x   slot: 64 x cell
    cell     32 x requests, 32 x tokens, calls under way, 7 spare

A slot belongs to one limited subject; control assigns it and publishes it in the
snapshot. A worker writes its own head and its own cell of each slot only;
everybody reads the cells of all. So there is no lock and no lost increment. Each
number is an aligned u64, stored by one machine instruction.

Requests and tokens are counted in buckets of 2 seconds, of which the last 31 are
the window; a bucket stands in the ring at its epoch (CLOCK_MONOTONIC, which all
processes of a machine share, in buckets) modulo 32. Its word says whose it is:

    use (8 bits) | epoch (24 bits) | count (32 bits)

so that a word from long ago, or of the slot's former subject (another `use`), is
told from a count of now, without anybody having to wipe it. Calls under way are
`use | count` likewise.

`joined` grows when a worker joins: others then look again whose cells to read.
`backed` is how many slots have room on the disk: writing into a hole of a mapped
file kills the process when the disk is full, so control allocates first. A file
from before the last boot is wiped: the clock began anew.
"""

import fcntl
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WORKERS = 64
SLOTS = 4096
USES = 256
RING = 32
WINDOW = 31
"""Buckets that count: the present one and 30 before it span 60 seconds at least, 62 at most."""
BUCKET_NS = 2_000_000_000
COUNT = (1 << 32) - 1
EPOCH = (1 << 24) - 1

_MAGIC = int.from_bytes(b"vllimit1", "little")
_JOINED, _BACKED = 2, 3
_HEADS = 64  # in u64, as everything below
_HEAD = 8
_CELLS = _HEADS + WORKERS * _HEAD
TOKENS, CALLS = RING, 2 * RING
"""Where they stand in a cell; requests stand first."""
CELL = 2 * RING + 8
SLOT = WORKERS * CELL
_SIZE = (_CELLS + SLOTS * SLOT) * 8

Monotonic = Callable[[], int]


class Tally:
    """The mapped file. Without a path it is this process's own, and nobody shares it."""

    def __init__(self, path: Path | None = None):
        self._fd = -1
        if path is None:
            self._map = mmap.mmap(-1, _SIZE)
        else:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with self._lock():
                self._prepare()
            self._map = mmap.mmap(self._fd, _SIZE)
        self.words = memoryview(self._map).cast("Q")

    def _prepare(self) -> None:
        """Make the file what it must be; what an earlier boot left is of no use to anybody."""
        stamp = b"".join(n.to_bytes(8, "little") for n in (_MAGIC, _boot()))
        if os.fstat(self._fd).st_size == _SIZE and os.pread(self._fd, 16, 0) == stamp:
            return
        os.ftruncate(self._fd, 0)
        os.ftruncate(self._fd, _SIZE)
        os.pwrite(self._fd, bytes(_CELLS * 8), 0)
        os.pwrite(self._fd, stamp, 0)

    @property
    def joined(self) -> int:
        """Grows with each worker that joins."""
        return self.words[_JOINED]

    def back(self, slots: int) -> int:
        """Allocate room for this many slots; return how many there is room for. Control only."""
        backed = self.words[_BACKED]
        if slots > backed:
            try:
                if self._fd >= 0:
                    begin = (_CELLS + backed * SLOT) * 8
                    os.posix_fallocate(self._fd, begin, (slots - backed) * SLOT * 8)
            except OSError:
                return backed
            self.words[_BACKED] = backed = slots
        return backed

    def claim(self, pid: int) -> "Seat":
        """Take a seat: that of a dead worker, one that was left, or a new one.

        The rates counted there go on, as they were used; the calls of a dead
        worker end.

        Raises:
            RuntimeError: there are more than 64 living workers.
        """
        with self._lock():
            choice = min(range(WORKERS), key=self._rank)
            head = _head(choice)
            if self._alive(choice):
                raise RuntimeError(f"more than {WORKERS} workers share one folder")
            for slot in range(self.words[_BACKED]):
                self.words[_at(slot, choice) + CALLS] = 0
            self.words[head + 1] = started(pid) or 0
            self.words[head] = pid
            self.words[_JOINED] += 1
        return Seat(self, choice)

    def _rank(self, worker: int) -> int:
        """Dead ones first, then those that were left, new ones, and those in use."""
        pid, started, used, *_ = self.words[_head(worker) : _head(worker) + 3]
        if pid:
            return 3 if self._alive(worker) else 0
        return 1 if started or used else 2

    def _alive(self, worker: int) -> bool:
        head = _head(worker)
        pid = self.words[head]
        return pid != 0 and started(pid) == self.words[head + 1]

    def cells(self, epoch: int, seat: int = -1) -> tuple[list[int], list[int]]:
        """Whose cells count, this seat's always: for rates, and for calls under way.

        As offsets from a slot's begin. Rates of a dead worker count until they
        leave the window; its calls are over.
        """
        rates, calls = [], []
        for worker in range(WORKERS):
            alive = worker == seat or self._alive(worker)
            used = self.words[_head(worker) + 2]
            if alive or (used and epoch - used <= WINDOW):
                rates.append(worker * CELL)
            if alive:
                calls.append(worker * CELL)
        return rates, calls

    def usage(
        self, slot: int, use: int, now: Monotonic = time.monotonic_ns
    ) -> tuple[int, int, int]:
        """(requests, tokens, calls under way) of a slot now, over all workers."""
        epoch = now() // BUCKET_NS
        rates, calls = self.cells(epoch)
        base = _CELLS + slot * SLOT
        requests = sum(self.closed(base + at, use, epoch + 1) for at in rates)
        tokens = sum(self.closed(base + at + TOKENS, use, epoch + 1) for at in rates)
        words = [self.words[base + at + CALLS] for at in calls]
        return requests, tokens, sum(word & COUNT for word in words if word >> 32 == use)

    def closed(self, ring: int, use: int, epoch: int) -> int:
        """What one ring counts in the 30 buckets before this epoch."""
        words = self.words[ring : ring + RING].tolist()
        low = tag(use, epoch - WINDOW + 1) << 32
        high = tag(use, epoch) << 32
        if low < high:
            return sum([word & COUNT for word in words if low <= word < high])
        end, begin = (use + 1) << 56, use << 56  # the epoch's 24 bits just began anew
        return sum([word & COUNT for word in words if low <= word < end or begin <= word < high])

    def by_bucket(self, rings: list[int], use: int, epoch: int) -> list[int]:
        """What these rings count in each bucket of the window, the oldest first."""
        found = [0] * WINDOW
        for ring in rings:
            for word in self.words[ring : ring + RING].tolist():
                if word >> 56 == use:
                    age = epoch - (word >> 32) & EPOCH
                    if age < WINDOW:
                        found[WINDOW - 1 - age] += word & COUNT
        return found

    def close(self) -> None:
        """Unmap. Seats of this mapping must not be used afterwards."""
        self.words.release()
        self._map.close()
        if self._fd >= 0:
            os.close(self._fd)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if self._fd < 0:
            yield
            return
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


class Seat:
    """A worker's place: its head, and its cell in each slot."""

    __slots__ = ("_head", "number", "offset", "tally")

    def __init__(self, tally: Tally, number: int):
        self.tally = tally
        self.number = number
        self.offset = number * CELL
        self._head = _head(number)

    def used(self, epoch: int) -> None:
        """Note that this seat counted in this epoch."""
        self.tally.words[self._head + 2] = epoch

    def leave(self) -> None:
        """Give the seat back; its rates count on until they leave the window."""
        words = self.tally.words
        for slot in range(words[_BACKED]):
            words[_at(slot, self.number) + CALLS] = 0
        words[self._head] = 0


def slot_begin(slot: int) -> int:
    """Where a slot's cells begin."""
    return _CELLS + slot * SLOT


def tag(use: int, epoch: int) -> int:
    """The upper half of a bucket's word."""
    return use << 24 | epoch & EPOCH


def _head(worker: int) -> int:
    return _HEADS + worker * _HEAD


def _at(slot: int, worker: int) -> int:
    return _CELLS + slot * SLOT + worker * CELL


def started(pid: int) -> int | None:
    """When a process began, in ticks since boot; None when it is dead, also when not yet reaped.

    With it a process is told from a later one that got the same pid.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if words[0] in (b"Z", b"X") else int(words[19])


def _boot() -> int:
    """Which boot of the machine this is."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.replace("-", "")[:16], 16)

"""Shared memory of control and workers for budgets: `run/budgets.bin`.

    head      magic, last generation; 6 spare
    1024 x    a slot, one window of one budget, written by control:
              generation, limit, from µs, until µs, opening, id (2), spare
    64 x      a worker's part:
      head    pid, started, bell, recall bell, left; 3 spare; life (64 bytes)
      1024 x  its account in a slot:
              control's line   granted, answer, answered µs, recall; 4 spare
              worker's line    generation, spent, held, returned, wanted, ask, recalled; spare

All are u64, money in nano-units. Each word has one writer: control, or the
worker whose part it is; so there is no lock and no lost increment. Numbers only
grow, but for `held`; a word that makes others valid (a generation, a pid, an
ask, an answer) is written last. An account counts only while its generation is
its slot's. `opening` is what the traces say, without what the accounts count.

Control writes to a worker's line only when that worker is dead, to clear it.
"""

import fcntl
import mmap
import os
from pathlib import Path

WORKERS = 64
SLOTS = 1024
LIFE_BYTES = 64
_MAGIC = int.from_bytes(b"vlbudge1", "little")
_HEAD = 8  # in u64, as everything below
_SLOT = 8
_PART_HEAD = 16
_ACCOUNT = 16
_PARTS = _HEAD + SLOTS * _SLOT
_PART = _PART_HEAD + SLOTS * _ACCOUNT
_SIZE = (_PARTS + WORKERS * _PART) * 8

LAST_GENERATION = 1
# a slot
GENERATION, LIMIT, FROM_US, UNTIL_US, OPENING, ID = range(6)
# a worker's head
PID, STARTED, BELL, RECALL_BELL, LEFT = range(5)
LIFE = 8
# an account: control's line, the worker's line
GRANTED, ANSWER, ANSWERED_US, RECALL = range(4)
OWN_GENERATION, SPENT, HELD, RETURNED, WANTED, ASK, RECALLED = range(8, 15)


class Memory:
    """The mapped file; it is created when it is not there. It is sparse: 8 MB at most."""

    def __init__(self, path: Path):
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.lock()
        try:
            if os.fstat(self._fd).st_size != _SIZE:
                os.ftruncate(self._fd, 0)
                os.ftruncate(self._fd, _SIZE)
            self._map = mmap.mmap(self._fd, _SIZE)
            self.words = memoryview(self._map).cast("Q")
            if self.words[0] not in (0, _MAGIC):
                self._map[:] = bytes(_SIZE)
            self.words[0] = _MAGIC
        finally:
            self.unlock()

    def claim(self, pid: int, started: int, life: str) -> int:
        """Take a free worker's part; return its number. Parts of dead workers are control's.

        Raises:
            RuntimeError: there is none.
        """
        raw = life.encode()
        if not 0 < len(raw) <= LIFE_BYTES:
            raise ValueError(f"a life's name has 1 to {LIFE_BYTES} bytes: {life!r}")
        self.lock()
        try:
            worker = next((w for w in range(WORKERS) if not self.words[part(w)]), None)
            if worker is None:
                raise RuntimeError(f"more than {WORKERS} workers share one folder")
            at = part(worker)
            words = memoryview(raw.ljust(LIFE_BYTES, b"\0")).cast("Q")
            self.words[at + LIFE : at + LIFE + LIFE_BYTES // 8] = words
            self.words[at + STARTED] = started
            self.words[at + PID] = pid
        finally:
            self.unlock()
        return worker

    def clear(self, worker: int) -> None:
        """Make a dead worker's part free again."""
        at = part(worker)
        self.lock()
        try:
            self.words[at + 1 : at + _PART] = memoryview(bytes((_PART - 1) * 8)).cast("Q")
            self.words[at + PID] = 0
        finally:
            self.unlock()

    def life(self, worker: int) -> str:
        """Return the spool life of the worker in this part."""
        at = part(worker) + LIFE
        return self.words[at : at + LIFE_BYTES // 8].tobytes().rstrip(b"\0").decode()

    def lock(self) -> None:
        """Lock out other claims."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Let others claim."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Unmap."""
        self.words.release()
        self._map.close()
        os.close(self._fd)


def slot(index: int) -> int:
    """Return where a slot begins."""
    return _HEAD + index * _SLOT


def part(worker: int) -> int:
    """Return where a worker's part begins."""
    return _PARTS + worker * _PART


def account(worker: int, index: int) -> int:
    """Return where a worker's account in a slot begins."""
    return _PARTS + worker * _PART + _PART_HEAD + index * _ACCOUNT


def started_of(pid: int) -> int | None:
    """Return when a living process began, in the kernel's ticks; None when it is dead.

    With the pid it names one process for good: pids are used again.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZXx" else int(fields[19])

"""Shared memory between control and workers: `run/shared.bin`.

    header   magic (8 bytes), generation u64, 48 spare
    64 x     pid u64, applied generation u64, 48 spare, 64 x (calls u64, errors u64)

Only control writes the generation; a worker writes its own slot only. So there
is no lock and no lost increment; readers sum over the slots. Each number is an
aligned u64 and stored by one machine instruction. A slot outlives its worker:
its counters go on from where they were, so that sums never go back.
"""

import fcntl
import mmap
import os
from pathlib import Path
from types import TracebackType

WORKERS = 64
RELEASES = 64
_MAGIC = int.from_bytes(b"vlshare1", "little")
_HEAD = 8  # in u64, as everything below
_SLOT = 8 + RELEASES * 2
_SIZE = (_HEAD + WORKERS * _SLOT) * 8


class Shared:
    """The mapped file. Make it with `Shared(path)`; it is created when it is not there."""

    def __init__(self, path: Path):
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with _lock(self._fd):
            if os.fstat(self._fd).st_size != _SIZE:
                os.ftruncate(self._fd, 0)
                os.ftruncate(self._fd, _SIZE)
        self._map = mmap.mmap(self._fd, _SIZE)
        self._words = memoryview(self._map).cast("Q")
        if self._words[0] not in (0, _MAGIC):
            self._words[2:] = memoryview(bytes(_SIZE - 16)).cast("Q")
        self._words[0] = _MAGIC

    @property
    def generation(self) -> int:
        """The newest published snapshot."""
        return self._words[1]

    def publish(self, generation: int) -> None:
        """Tell the workers that this snapshot is there. Control only."""
        self._words[1] = generation

    def claim(self, pid: int) -> "Slot":
        """Take a worker slot: a free one, else that of a dead worker.

        Raises:
            RuntimeError: there are more than 64 living workers.
        """
        with _lock(self._fd):
            pids = [self._words[self._base(i)] for i in range(WORKERS)]
            choice = next((i for i in range(WORKERS) if pids[i] and not _alive(pids[i])), None)
            if choice is None:
                choice = next((i for i in range(WORKERS) if not pids[i]), None)
            if choice is None:
                raise RuntimeError(f"more than {WORKERS} workers share one folder")
            base = self._base(choice)
            self._words[base] = pid
            self._words[base + 1] = 0
        return Slot(self._words, base)

    def workers(self) -> dict[int, int]:
        """Applied generation of each living worker, by pid."""
        words = self._words
        bases = [self._base(i) for i in range(WORKERS)]
        return {words[b]: words[b + 1] for b in bases if words[b] and _alive(words[b])}

    def counts(self, release_slot: int) -> tuple[int, int]:
        """(calls, errors) of a release slot, over all workers, dead ones included."""
        at = [self._base(i) + 8 + release_slot % RELEASES * 2 for i in range(WORKERS)]
        return sum(self._words[i] for i in at), sum(self._words[i + 1] for i in at)

    def close(self) -> None:
        """Unmap. Slots of this mapping must not be used afterwards."""
        self._words.release()
        self._map.close()
        os.close(self._fd)

    @staticmethod
    def _base(worker: int) -> int:
        return _HEAD + worker * _SLOT


class Slot:
    """A worker's own part."""

    __slots__ = ("_base", "_words")

    def __init__(self, words: memoryview, base: int):
        self._words = words
        self._base = base

    @property
    def generation(self) -> int:
        """The newest published snapshot."""
        return self._words[1]

    def applied(self, generation: int) -> None:
        """Say which snapshot this worker uses from now on."""
        self._words[self._base + 1] = generation

    def count(self, release_slot: int, *, error: bool) -> None:
        """Count one finished call of a release."""
        at = self._base + 8 + release_slot % RELEASES * 2
        self._words[at] += 1
        if error:
            self._words[at + 1] += 1

    def free(self) -> None:
        """Give the slot back; its counters stay."""
        self._words[self._base] = 0


class _lock:  # noqa: N801 - used as a function
    def __init__(self, fd: int):
        self._fd = fd

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

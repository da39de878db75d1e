"""The memory of processes, measured; and an end for those that take more than they may.

Resident memory as the kernel counts it (`/proc/PID/statm`, proc(5)), pages that
are shared with others included: what the machine would have to find.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

log = logging.getLogger(__name__)

EVERY_S = 1.0
CRITICAL = 0.05
"""Below this part of the host's memory, what may end does not wait."""


def resident_bytes(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the resident memory of a process; None when there is none."""
    try:
        pages = int((proc / str(pid) / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def critical(proc: Path = Path("/proc")) -> bool:
    """Whether the host has hardly any memory left; false where it does not say (`proc_meminfo(5)`)."""
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
        kib = {
            name: int(rest.split()[0]) for name, _, rest in (one.partition(":") for one in lines)
        }
        return kib["MemAvailable"] < CRITICAL * kib["MemTotal"]
    except (OSError, ValueError, LookupError):
        return False


class MemoryLimit:
    """Ends engines that take more memory than each may; their supervisor starts them again."""

    def __init__(
        self,
        limit_bytes: int,
        *,
        measure: Callable[[int], int | None] = resident_bytes,
        kill: Callable[[int, int], None] = os.kill,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self._limit = limit_bytes
        self._measure = measure
        self._kill = kill
        self._monotonic = monotonic
        self._next_s = 0.0

    def tick(self, pids: Iterable[tuple[str, int]]) -> list[str]:
        """Look at named processes, once a second at most; return those that were ended."""
        now = self._monotonic()
        if self._limit <= 0 or now < self._next_s:
            return []
        self._next_s = now + EVERY_S
        ended = []
        for name, pid in pids:
            took = self._measure(pid)
            if took is not None and took > self._limit:
                log.error(
                    "%s took %d MiB; the limit is %d MiB (setting engine_max_mib): it is ended, "
                    "and started again where it is wanted",
                    name, took >> 20, self._limit >> 20,
                )  # fmt: skip
                self._kill(pid, 9)
                ended.append(name)
        return ended

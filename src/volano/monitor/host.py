"""The host: how busy this machine is, looked at every few seconds and kept for an hour, in memory.

CPU and memory come from `/proc/stat` and `/proc/meminfo`, how long work waits for them from
`/proc/pressure` (PSI; `some`, the mean of 10 s), a GPU from `nvidia-smi` where there is one, the
disk from the file system that holds the state folder, an engine's part from `/proc/PID`.
"""

import logging
import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from volano.core.clock import Clock

log = logging.getLogger(__name__)

EACH_S = 5.0
_KEPT = 720
_GPU_S = 4.0
_GPU = "--query-gpu=utilization.gpu,memory.used,memory.total"


@dataclass(frozen=True, slots=True)
class Part:
    """What one engine takes of the whole host: shares from 0 to 1."""

    cpu: float | None = None
    memory: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Shares from 0 to 1; None where this machine does not tell. `*_waits`: PSI."""

    at_us: int
    cpu: float | None = None
    memory: float | None = None
    cpu_waits: float | None = None
    memory_waits: float | None = None
    gpu: float | None = None
    gpu_memory: float | None = None
    disk: float | None = None
    engines: Mapping[str, Part] = field(default_factory=dict)


class Host:
    """Looks until it is closed."""

    def __init__(
        self, clock: Clock, *, proc: Path = Path("/proc"), gpu: str | None = None,
        folder: Path | None = None, engines: Callable[[], Mapping[str, int]] | None = None,
    ):  # fmt: skip
        """`gpu` is the path of nvidia-smi; it is looked for where it is not given.

        `folder` is where the state lies, whose disk is looked at; `engines` gives the pids
        of the engines, by name.
        """
        self._clock, self._proc = clock, proc
        self._folder, self._engines = folder, engines
        self._gpu = shutil.which("nvidia-smi") if gpu is None else gpu
        self._kept: deque[Look] = deque(maxlen=_KEPT)
        self._ticks: tuple[int, int] | None = None
        self._took: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="host", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def look(self) -> Look:
        """Look once, and remember it. The share of the CPU is that since the last look."""
        gpu, gpu_memory = self._of_gpu()
        before = self._ticks
        found = Look(
            self._clock.now_us(), self._cpu(), self._memory(), self._waits("cpu"),
            self._waits("memory"), gpu, gpu_memory, self._disk(), self._parts(before),
        )  # fmt: skip
        self._kept.append(found)
        return found

    def between(self, since_us: int, until_us: int) -> Sequence[Look]:
        """Return the looks of a stretch of time."""
        return [one for one in list(self._kept) if since_us <= one.at_us < until_us]

    def _run(self) -> None:
        while not self._stop.wait(EACH_S):
            try:
                self.look()
            except Exception:
                log.exception("a look at the host failed; it is tried again")

    def _cpu(self) -> float | None:
        ticks = [int(word) for word in self._words("stat", "cpu ")[:8]]
        if len(ticks) < 5:
            return None
        idle, whole = ticks[3] + ticks[4], sum(ticks)
        before, self._ticks = self._ticks, (idle, whole)
        if before is None or whole <= before[1]:
            return None
        return 1 - (idle - before[0]) / (whole - before[1])

    def _memory(self) -> float | None:
        whole, free = (self._words("meminfo", name) for name in ("MemTotal:", "MemAvailable:"))
        return 1 - int(free[0]) / int(whole[0]) if whole and free and int(whole[0]) else None

    def _disk(self) -> float | None:
        """Return how full the disk is, of what we could fill: what is kept for root is not free."""
        if self._folder is None:
            return None
        with suppress(OSError):
            found = shutil.disk_usage(self._folder)
            return found.used / (found.used + found.free) if found.used + found.free else None
        return None

    def _parts(self, before: tuple[int, int] | None) -> dict[str, Part]:
        """Return what each engine takes; of the CPU since the last look."""
        pids = self._engines() if self._engines is not None else {}
        passed = self._ticks[1] - before[1] if before and self._ticks else 0
        whole = self._words("meminfo", "MemTotal:")
        took = {pid: ticks for pid in pids.values() if (ticks := self._ticks_of(pid)) is not None}
        parts = {}
        for name, pid in pids.items():
            if pid in took:
                first = self._took.get(pid)
                cpu = (took[pid] - first) / passed if first is not None and passed > 0 else None
                parts[name] = Part(cpu, self._resident(pid, int(whole[0]) if whole else 0))
        self._took = took
        return parts

    def _ticks_of(self, pid: int) -> int | None:
        """Return the CPU time of a process in ticks: fields 14 and 15 of proc_pid_stat(5)."""
        with suppress(OSError, ValueError, IndexError):
            words = (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
            return int(words[11]) + int(words[12])
        return None

    def _resident(self, pid: int, whole_kb: int) -> float | None:
        with suppress(OSError, ValueError, IndexError, ZeroDivisionError):
            pages = int((self._proc / str(pid) / "statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / (whole_kb * 1024)
        return None

    def _waits(self, what: str) -> float | None:
        said = next(
            (w for w in self._words(f"pressure/{what}", "some ") if w.startswith("avg10=")), ""
        )
        return float(said.removeprefix("avg10=")) / 100 if said else None

    def _words(self, name: str, begins: str) -> list[str]:
        try:
            lines = (self._proc / name).read_text().splitlines()
        except OSError:
            return []
        line = next((one for one in lines if one.startswith(begins)), "")
        return line.removeprefix(begins).split()

    def _of_gpu(self) -> tuple[float | None, float | None]:
        """Return how busy the busiest GPU is, and how full the fullest."""
        if not self._gpu:
            return None, None
        with suppress(OSError, subprocess.SubprocessError, ValueError, ZeroDivisionError):
            said = subprocess.run(
                [self._gpu, _GPU, "--format=csv,noheader,nounits"],
                capture_output=True, text=True, timeout=_GPU_S, check=True,
            ).stdout  # fmt: skip
            rows = [[float(one) for one in line.split(",")] for line in said.splitlines() if line]
            if rows:
                return max(row[0] for row in rows) / 100, max(row[1] / row[2] for row in rows)
        return None, None

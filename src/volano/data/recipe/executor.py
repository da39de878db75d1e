"""Executors: where the work on shards is done. The port, and the two that need nothing.

Others are adapters (Ray), handed in as `Elsewhere`; a child process finds
their class by its name.

Whatever the executor, the same functions run on the same shards and the
results come in the order of the items; so the rows are the same. `fn` is a
function of a module, items and results can be pickled, and all bytes lie in a
folder that every worker sees.
"""

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeVar

from volano.core.errors import UnavailableError
from volano.core.plugins import load_plugins

Item = TypeVar("Item")
Made = TypeVar("Made")

INLINE, PROCESSES = "inline", "processes"
PR_SET_PDEATHSIG = 1
AHEAD = 2
"""Items handed out for each worker before the first result is taken: memory stays flat."""


class WorkerLostError(UnavailableError):
    """A worker process ended in the middle of its work."""

    hint = "Is there enough memory? Try fewer `--workers`; what is done stays done."


class Executor(Protocol):
    """Does work on items. `close` lets its workers go."""

    def map(self, fn: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
        """Yield `fn(item)` in the order of the items. An error of `fn` is raised here."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


@dataclass(frozen=True, slots=True)
class Resources:
    """What each task takes, on one node. `gpus` None: one where there is any."""

    gpus: int | None = 0
    cpus: int = 1


class Remote(Executor, Protocol):
    """An executor beyond this machine: workers there see `folder` under the same path."""

    def __init__(self, *, workers: int, address: str, folder: Path, resources: Resources = ...): ...

    @staticmethod
    def check(address: str) -> None:
        """Raise within seconds when nothing can be done there."""
        ...


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A remote executor's class, and the address that counts when none is given."""

    kind: type[Remote]
    address: str

    def told(self, address: str | None) -> dict[str, str]:
        """Return it as the spec of a child says it."""
        dotted = f"{self.kind.__module__}:{self.kind.__qualname__}"
        return {"kind": dotted, "address": address or self.address}


class Inline:
    """Works in this process, one item after the other."""

    def map(self, fn: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
        """Yield each result."""
        return map(fn, items)

    def close(self) -> None:
        """There is nothing to let go of."""


class Processes:
    """Works in several processes of this machine, which die with this one."""

    def __init__(self, workers: int):
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, fn: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
        """Yield results in order; the processes start with the second item.

        Raises:
            WorkerLostError: one of them was killed.
        """
        rest = iter(items)
        first = list(_take(rest, 2))
        if len(first) < 2 and self._pool is None:
            yield from map(fn, first)
            return
        waiting: deque[Future[Made]] = deque()
        try:
            for item in _chained(first, rest):
                waiting.append(self._started().submit(fn, item))
                if len(waiting) > self._workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerLostError from error
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(os.getpid(),),
            )
        return self._pool


def executor_of(
    workers: int,
    on: str | Mapping[str, str] | None = None,
    folder: Path | None = None,
    *,
    resources: Resources = Resources(),
) -> Executor:
    """Return what works with so many workers; 0 leaves one core to others.

    `on` says where: `inline`, `processes`, or what `Elsewhere.told` gave, for
    workers that see `folder`; None is for who does not mind. `resources` are asked of the latter.

    Raises:
        The errors of a remote executor that cannot begin.
    """
    if on is not None and not isinstance(on, str):
        module, _, name = on["kind"].partition(":")
        kind: type[Remote] = getattr(import_module(module), name)
        return kind(
            workers=workers, address=on["address"], folder=folder or Path(), resources=resources
        )
    count = workers or max(1, (os.cpu_count() or 2) - 1)
    if on == INLINE or (count == 1 and on != PROCESSES):
        return Inline()
    return Processes(count)


def _begin(parent: int) -> None:
    """Make a worker die with who started it, and know all steps."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before we said so
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_plugins()


def _take(items: Iterator[Item], count: int) -> Iterator[Item]:
    for _ in range(count):
        yield from _next(items)


def _next(items: Iterator[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        return


def _chained(first: list[Item], rest: Iterator[Item]) -> Iterator[Item]:
    yield from first
    yield from rest

"""A small supervisor: starts children, starts them again, and takes them along when it dies.

It knows nothing of what the children do. Each child is a command; when it ends
without being asked, it is started again, at once the first time and more slowly
when it keeps dying. Three things make sure that no child outlives it:

- `PR_SET_PDEATHSIG`: the kernel kills direct children when the supervisor dies;
- a lifeline: every descendant holds the reading end of one pipe (its number is
  in `VOLANO_LIFELINE`) and exits when the pipe ends (`volano.jobs.lifeline`);
- `stop()`, which asks first and kills after a grace period.

The set of children may change while it runs: `want()` names the extra ones. A
child can be renewed without a gap: `renew()` starts its successor beside it, and
`let_go()` ends it once the successor can do the work.
"""

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
FIRST_DELAY_S = 0.05
LAST_DELAY_S = 5.0
PATIENCE = 3
"""Quick deaths in a row before the next start waits longer: a killed engine is back at once."""
SETTLED_S = 3.0
"""A child that lived this long starts again at once when it dies."""
LOG_MAX_BYTES = 10 * 1024 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, number: int) -> None:
    """In a child, before exec: be sent this signal when the parent dies (prctl(2))."""
    _libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


@dataclass(frozen=True)
class Command:
    """How a child is started. `grace_s` is what it gets to finish after SIGTERM."""

    name: str
    argv: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()
    grace_s: float = 10.0


@dataclass
class Child:
    """A command and its present process."""

    command: Command
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    next_start_s: float = 0.0
    delay_s: float = FIRST_DELAY_S
    starts: int = 0
    quick: int = 0
    """Deaths in a row that came before it had settled."""
    former: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Processes that a successor has taken over from, or is about to."""
    kill_s: dict[int, float] = field(default_factory=dict)
    """When a former process that was asked to end is killed, by pid."""

    @property
    def restarts(self) -> int:
        """How often it had to be started again."""
        return max(0, self.starts - 1)


@dataclass
class Supervisor:
    """Keeps a set of children alive. Single-threaded: call `tick()` often."""

    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    monotonic: Callable[[], float] = time.monotonic
    children: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lifeline_out, self._lifeline_in = os.pipe()
        self._own = os.getpid()
        self._leaving: list[Child] = []

    def add(self, command: Command) -> None:
        """Start a child now and keep it alive.

        Raises:
            OSError: it cannot be started at all.
        """
        child = Child(command)
        self.children[command.name] = child
        self._start(child)

    def want(self, commands: Sequence[Command], *, prefix: str) -> None:
        """Make the children whose names begin with `prefix` exactly these.

        Those that are no longer wanted are asked to end, and `tick()` sees to it: nobody waits for
        them here, so that whatever else dies meanwhile is seen at once. Only new ones wait, for the
        memory and the sockets of those that leave.
        """
        wanted = {command.name: command for command in commands}
        now = self.monotonic()
        for name in [n for n in self.children if n.startswith(prefix) and n not in wanted]:
            self._dismiss(self.children.pop(name), now)
        for name, command in wanted.items():
            if name not in self.children:
                child = self.children[name] = Child(command)
                if not self._leaving:
                    self._start_again(child, now)

    def renew(self, name: str) -> int:
        """Start a successor of this child beside it; return its pid.

        Raises:
            OSError: it cannot be started; the child goes on.
        """
        child = self.children[name]
        former = child.process
        self._start(child)
        child.starts -= 1
        if former is not None:
            child.former.append(former)
        return child.process.pid if child.process is not None else 0

    def let_go(self, name: str) -> None:
        """Ask those to end that a successor has taken over from."""
        child = self.children[name]
        for process in child.former:
            if process.pid not in child.kill_s:
                child.kill_s[process.pid] = self.monotonic() + child.command.grace_s
                process.terminate()

    def tick(self) -> list[str]:
        """Start again whatever ended. Return the names of children that were found dead."""
        dead = []
        now = self.monotonic()
        for child in self._leaving:
            self._part(child, now)
        self._leaving = [child for child in self._leaving if child.former]
        for child in self.children.values():
            self._part(child, now)
            if child.process is not None and child.process.poll() is not None:
                dead.append(child.command.name)
                self._bury(child, now)
            waits = self._leaving and not child.starts
            if child.process is None and now >= child.next_start_s and not waits:
                self._start_again(child, now)
        return dead

    def stop(self, order: Sequence[str] = ()) -> None:
        """Stop all children: those whose names begin as in `order` first, group by group.

        Those that leave already are waited for beside the first group, until they would be killed.
        """
        for prefix in (*order, ""):
            group = [c for n, c in self.children.items() if n.startswith(prefix)]
            self._stop([*self._leaving, *group])
            self._leaving = []
            self.children = {n: c for n, c in self.children.items() if not n.startswith(prefix)}

    def state(self) -> dict[str, dict[str, Any]]:
        """Return pid and restarts of each child by name, and the pids of those that are still to end."""
        found: dict[str, dict[str, Any]] = {}
        for child in (*self.children.values(), *self._leaving):
            pid = child.process.pid if child.process is not None else None
            one = found.setdefault(child.command.name, {"pid": pid, "restarts": child.restarts})
            if child.former:
                one.setdefault("leaving", []).extend(process.pid for process in child.former)
        return found

    def pids(self, prefix: str) -> list[tuple[str, int]]:
        """Return names and pids of all processes whose names begin so; who leaves holds its memory still."""
        return [
            (name, pid)
            for name, one in self.state().items()
            if name.startswith(prefix)
            for pid in (one["pid"], *one.get("leaving", ()))
            if pid is not None
        ]

    def kill(self) -> None:
        """End all children without asking."""
        for child in (*self.children.values(), *self._leaving):
            for process in (child.process, *child.former):
                if process is not None:
                    process.kill()

    def _dismiss(self, child: Child, now: float) -> None:
        """Ask all processes of a child to end; it leaves, and is not started again."""
        if child.process is not None:
            child.former.append(child.process)
            child.process = None
        for process in child.former:
            child.kill_s.setdefault(process.pid, now + child.command.grace_s)
            process.terminate()
        if child.former:
            self._leaving.append(child)

    def _part(self, child: Child, now: float) -> None:
        """Bury former processes that have ended; kill those that take too long."""
        for process in list(child.former):
            if process.poll() is not None:
                child.former.remove(process)
                child.kill_s.pop(process.pid, None)
            elif now > child.kill_s.get(process.pid, now):
                process.kill()

    def _start(self, child: Child) -> None:
        environment = {
            **os.environ,
            **self.environment,
            "VOLANO_LIFELINE": str(self._lifeline_out),
            "PYTHONUNBUFFERED": "1",
        }
        with self._log(child.command.name) as words:
            child.process = subprocess.Popen(
                child.command.argv,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                env=environment,
                pass_fds=(*child.command.pass_fds, self._lifeline_out),
                start_new_session=True,
                preexec_fn=self._die_with_me,  # noqa: PLW1509 - one thread only, see module
            )
        child.started_s = self.monotonic()
        child.starts += 1

    def _start_again(self, child: Child, now: float) -> None:
        """Start it, or try later: a full disk or process table must not end the others."""
        try:
            self._start(child)
        except OSError as error:
            log.warning("%s cannot be started now: %s", child.command.name, error)
            child.delay_s = min(child.delay_s * 2, LAST_DELAY_S)
            child.next_start_s = now + child.delay_s

    def _die_with_me(self) -> None:
        """In the child, before exec: ask the kernel, then make sure it was not too late."""
        die_with_parent(self._own, signal.SIGKILL)

    def _bury(self, child: Child, now: float) -> None:
        settled = now - child.started_s >= SETTLED_S
        child.quick = 0 if settled else child.quick + 1
        more = 2 ** max(0, min(child.quick - PATIENCE, 20))
        child.delay_s = min(FIRST_DELAY_S * more, LAST_DELAY_S)
        child.next_start_s = now + child.delay_s
        child.process = None

    def _stop(self, children: Sequence[Child]) -> None:
        """Ask those that were not asked yet, and kill each when its time is over."""
        now, began = self.monotonic(), time.monotonic()
        left: list[tuple[float, subprocess.Popen[bytes]]] = []
        for child in children:
            for process in (child.process, *child.former):
                if process is None:
                    continue
                until = child.kill_s.get(process.pid)
                if until is None:
                    process.terminate()
                left.append((child.command.grace_s if until is None else until - now, process))
        for seconds, process in sorted(left, key=lambda one: one[0]):
            try:
                process.wait(max(0.0, seconds - (time.monotonic() - began)))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, name: str) -> IO[bytes]:
        """Open the child's log, put aside when it has grown too large."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

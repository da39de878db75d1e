"""The host's side of a child: start it, come back to it, start it again, end it.

A child outlives its host. Whoever attends to its folder next finds out from the
lock whether it lives, and only ever starts one when it does not. The host takes
the lock and hands it to the child it starts, so that there is no instant in
which the child exists and the lock is free.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.jobs import lifeline, progress
from volano.jobs.child import LOCK_ENV, TERMINATED
from volano.jobs.errors import ChildFailedError, RunCancelled
from volano.jobs.folder import ChildFolder, sign
from volano.jobs.plain import read_object, write_object

log = logging.getLogger(__name__)

VANISHED = frozenset({TERMINATED, lifeline.EXIT_CODE})
"""Exit statuses that say nothing about the work: somebody ended the child from outside."""


@dataclass(frozen=True, slots=True)
class Care:
    """How children are attended to.

    `lifeline` is the descriptor handed on to them, `env` what their environment
    has besides ours; a cancelled child has `grace_s` to leave before it is
    killed; `restarts` counts only those without progress.
    """

    lifeline: int | None = None
    poll_s: float = 0.1
    grace_s: float = 5.0
    restarts: int = 5
    env: Mapping[str, str] = field(default_factory=dict)


class Attendant:
    """Attends to one child for one attempt of a run.

    `pause(seconds)` waits, and raises RunCancelled or HostStopping when it is
    time to leave.
    """

    def __init__(
        self,
        files: ChildFolder,
        module: str,
        *,
        attempt: int,
        care: Care,
        pause: Callable[[float], None],
    ):
        self._files = files
        self._module = module
        self._attempt = attempt
        self._care = care
        self._pause = pause
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return the child's outputs, however often host and child have to start for that.

        Raises:
            ChildFailedError: the child says why, or it vanished too often
                without coming further.
            RunCancelled: the run was cancelled; the child is gone.
            HostStopping: this process stops; the child lives on.
        """
        try:
            self._prepare(spec)
            return self._until_done()
        except RunCancelled:
            end(self._files, self._care)
            raise

    def _prepare(self, spec: Mapping[str, Any]) -> None:
        """Make the folder fit this attempt: what a former attempt left behind must not speak."""
        files = self._files
        files.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = read_object(files.host_path) or {}
        if known.get("attempt") != self._attempt or not files.same_spec(spec):
            end(files, self._care)
            files.failed_path.unlink(missing_ok=True)
        if not files.same_spec(spec):
            _clear(files)
            write_object(files.spec_path, dict(spec))
        write_object(files.host_path, {"attempt": self._attempt, "module": self._module})

    def _until_done(self) -> dict[str, Any]:
        furthest, starts = self._furthest(), 0
        while True:
            alive = self._files.alive()  # before the outcome: the dead write no more
            outputs = self._outcome()
            if outputs is not None:
                end(self._files, self._care, patiently=True)
                return outputs
            if alive:
                self._bury_leader()
            else:
                self._judge_exit()
                if self._furthest() > furthest:
                    furthest, starts = self._furthest(), 0
                self._start_again(starts)
                starts += 1
            self._pause(self._care.poll_s)

    def _outcome(self) -> dict[str, Any] | None:
        outputs = self._files.outputs()
        failure = self._files.failure() if outputs is None else None
        if failure is not None:
            raise ChildFailedError(failure.message, hint=failure.hint, code=failure.code)
        return outputs

    def _judge_exit(self) -> None:
        """Raise when the child ended by its own fault, without having written why."""
        status = self._exit_status()
        if status is None or status < 0 or status in VANISHED:
            return
        said = self._files.log_tail() or f"it left with status {status}"
        raise ChildFailedError(
            f"The child `{self._module}` ended without a result: {said}",
            hint=f"The whole story is in {self._files.log_path}.",
        )

    def _exit_status(self) -> int | None:
        """The status of a child that we started; its lock goes free just before it is known."""
        if self._process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(self._care.grace_s)
        return None

    def _start_again(self, starts: int) -> None:
        if starts > self._care.restarts:
            raise ChildFailedError(
                f"The child `{self._module}` was killed {starts} times and came no further.",
                hint=f"Is there enough memory? See {self._files.log_path}, then retry the run.",
            )
        if starts:
            self._pause(self._care.poll_s * 2**starts)
        self._start()

    def _start(self) -> None:
        lock = self._files.take_lock()
        if lock is None:
            return  # somebody started it by hand: attend to that one
        try:
            given = lifeline.handed_on(self._care.lifeline, {**os.environ, **self._care.env})
            with self._files.log_path.open("ab") as said:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-X", "faulthandler", "-m", self._module,
                     str(self._files.path)],
                    cwd=self._files.path,
                    env={**given["env"], LOCK_ENV: str(lock)},
                    pass_fds=(*given["pass_fds"], lock),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                )  # fmt: skip
            sign(lock, self._process.pid)
        finally:
            os.close(lock)

    def _bury_leader(self) -> None:
        """End what a dead child has forked: it holds the lock, and nobody works any more."""
        if self._process is not None and self._process.poll() is not None:
            end(self._files, self._care)

    def _furthest(self) -> int:
        steps = (p.step for p in progress.read(self._files.progress_path))
        return max(steps, default=-1)


def end(files: ChildFolder, care: Care, *, patiently: bool = False) -> None:
    """See that no child lives in the folder: ask it, wait for the grace period, then kill it.

    With `patiently` it is not asked, since it is leaving by itself.
    """
    signals = [None if patiently else signal.SIGTERM, signal.SIGKILL]
    for number in signals:
        deadline = time.monotonic() + care.grace_s
        sent = number is None
        while files.alive():
            sent = sent or _send(files, number)
            if time.monotonic() > deadline:
                break
            time.sleep(min(care.poll_s, 0.05))
        else:
            return
    log.error("The child in %s does not die.", files.path)


def end_all(folder: Path, care: Care, *, but: Callable[[str], bool]) -> None:
    """End the children of runs that nobody works on; `but(run_id)` tells which ones to leave."""
    for lock in folder.glob("*/*/child.lock"):
        files = ChildFolder(lock.parent)
        if not but(files.path.parent.name) and files.alive():
            end(files, care)


def _send(files: ChildFolder, number: signal.Signals | None) -> bool:
    """Signal the child's whole session; False while the child has not yet signed its lock."""
    pid = files.pid()
    if pid is None or number is None:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getsid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)  # started by hand: its group is somebody else's
        return True
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)  # the leader is gone, what it forked is not
    return True


def _clear(files: ChildFolder) -> None:
    """Take away what was made for another spec."""
    for path in sorted(files.path.rglob("*"), reverse=True):
        if path == files.lock_path:
            continue
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)

"""Work: what the function of a job gets to do its work with."""

import re
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.core.principal import Principal
from volano.jobs import progress
from volano.jobs.attend import Attendant, Care
from volano.jobs.errors import (
    BadStepNameError,
    HostStopping,
    RunCancelled,
    StepFailedError,
    StepTakenError,
)
from volano.jobs.folder import ChildFolder, two_lines
from volano.jobs.plain import plain
from volano.jobs.run import Run

if TYPE_CHECKING:
    from volano.jobs.engine import Engine

STEP_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TIDY = "tidy"


class Attention:
    """Tells the thread of one attempt when to leave: its run was cancelled, or the host stops."""

    def __init__(self, stopping: threading.Event):
        self._stopping = stopping
        self._cancelled = threading.Event()
        self._called = threading.Event()

    def cancel(self) -> None:
        """Call the thread away for good."""
        self._cancelled.set()
        self._called.set()

    def wake(self) -> None:
        """Have the thread look up."""
        self._called.set()

    def pause(self, seconds: float) -> None:
        """Wait, and leave when called.

        Raises:
            RunCancelled, HostStopping: as they say.
        """
        self._called.wait(seconds)
        if self._cancelled.is_set():
            raise RunCancelled
        if self._stopping.is_set():
            raise HostStopping


class Work:
    """One attempt at a run, handed to the function of its kind.

    The function must take its steps in the same order whenever it is called
    with the same inputs: after a crash it is called again, and finished steps
    answer from the journal. Whatever it does outside of steps happens again.
    """

    def __init__(
        self,
        run: Run,
        folder: Path,
        *,
        engine: "Engine",
        clock: Clock,
        care: Care,
        attention: Attention,
    ):
        self.run_id = run.id
        self.inputs = run.inputs
        self.attempt = run.attempt
        self.folder = folder
        kind, _, name = run.by.partition(":")
        self.by = Principal(kind, name, group=run.group)
        self._engine = engine
        self._clock = clock
        self._care = care
        self._attention = attention
        self._children: set[str] = set()

    def step(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Return what `fn(*args)` returned, calling it only when no earlier try has finished it.

        At least once: a crash within the step runs it again. The value must be
        plain JSON of at most 1 MiB (make larger things artifacts). Work of more
        than a few seconds belongs into a child, which can be stopped.

        Raises:
            StepFailedError: the function raised; message, hint and code are
                those of its error. A replay raises the same.
            BadStepNameError: the name cannot be one.
        """
        _check(name)
        return self._durable(name, lambda: fn(*args))

    def child(self, module: str, spec: Mapping[str, Any], *, step: str | None = None) -> Any:
        """Run `python -m module <folder>/<step>` as a step, and return the outputs of the child.

        The child survives this process, resumes from its own checkpoint when it
        dies, and is started again a bounded number of times without progress.
        `step` is the name of the step and of the folder (default: the last part
        of the module's name). See `volano.jobs.child` for the child's side.

        Raises:
            ChildFailedError: with the two lines that the child wrote.
            StepTakenError: this run has had a child of this step name.
        """
        name = _check(step if step is not None else module.rpartition(".")[2])
        if name in self._children:
            raise StepTakenError(step=name)
        self._children.add(name)
        attendant = Attendant(
            ChildFolder(self.folder / name),
            module,
            attempt=self.attempt,
            care=self._care,
            pause=self._attention.pause,
        )
        return self._durable(name, lambda: attendant.run(spec))

    def tidy(self, *patterns: str) -> None:
        """Delete the files of the run's folder that only a retry needs: rows and answers, say. A step of its own.

        Call it last, once what was made of them is kept: a run that fails before keeps them for
        its retry. `patterns` are globs within the folder, such as `answers.jsonl` or `*/answers.jsonl`.
        """
        self._durable(TIDY, lambda: _swept(self.folder, patterns, self.log))

    def progress(self, step: int, of: int, **metrics: SupportsFloat) -> None:
        """Say how far the job is, when it has no child to say it."""
        progress.write(
            self.folder / "progress.jsonl", self._clock.now_us(), step, of, dict(metrics)
        )

    def heed(self) -> None:
        """Leave a long step when called away; ask now and then from within it.

        Raises:
            RunCancelled, HostStopping: as they say.
        """
        self._attention.pause(0)

    def log(self, message: str) -> None:
        """Append a line to the run's log."""
        write_log(self.folder, self._clock.now_us(), message)

    def _durable(self, name: str, fn: Callable[[], Any]) -> Any:
        self._attention.pause(0)
        return self._engine.step(name, lambda: _value(name, fn, self))


def write_log(folder: Path, at_us: int, message: str) -> None:
    """Append a message to run.log in a run's folder, each of its lines with the time."""
    with (folder / "run.log").open("a", encoding="utf-8", errors="replace") as file:
        file.writelines(f"{at_us} {line}\n" for line in message.splitlines() or [""])


def _swept(folder: Path, patterns: tuple[str, ...], log: Callable[[str], None]) -> int:
    """Delete the files that a pattern names; return how many went. One that cannot go fails nothing."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if not path.is_dir()}
    gone = 0
    for path in sorted(found):
        try:
            path.unlink(missing_ok=True)
            gone += 1
        except OSError as error:
            log(f"{path.name} cannot be deleted: {error.strerror}")
    return gone


def _check(name: str) -> str:
    if not STEP_NAME.fullmatch(name):
        raise BadStepNameError(step=name)
    return name


def _value(name: str, fn: Callable[[], Any], work: Work) -> Any:
    """Return the plain value of a step; its errors take the form that a replay will give."""
    try:
        return plain(fn(), f"The result of step `{name}`")
    except StepFailedError:
        raise
    except Exception as error:
        work.log(_story(name, error))
        lines = two_lines(error, work.folder / "run.log")
        raise StepFailedError(lines["message"], hint=lines["hint"], code=lines["code"]) from error


def _story(name: str, error: Exception) -> str:
    shown = f"{error.shown}\n" if isinstance(error, VolanoError) and error.shown else ""
    return f"step {name} failed\n" + "".join(traceback.format_exception(error)) + shown

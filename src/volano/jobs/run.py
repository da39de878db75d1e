"""A Run: one durable execution of a job, as people read it.

queued -> running -> done | failed | cancelled, and from failed or cancelled
back to queued by a retry, which is the run's next attempt in the same folder.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from volano.jobs.errors import RunFailedError, RunStoppedError
from volano.jobs.progress import Progress

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[str, ...] = get_args(State)
ACTIVE: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run failed, in two lines: what happened, and the next move."""

    code: str
    message: str
    hint: str = ""
    gate: bool = False
    """Whether a gate said no, for who reads it without the classes of errors."""
    away: bool = False
    """Whether somebody did not answer: once they do, a retry goes on where it stopped."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job. Times are microseconds UTC; `by` is `kind:name` of a principal."""

    id: str
    kind: str
    name: str
    state: State
    by: str
    group: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    error: RunError | None
    attempt: int
    created_us: int
    started_us: int | None
    ended_us: int | None
    progress: Progress | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state not in ACTIVE


def good(run: Run) -> Run:
    """Return a run that is over, if it is done.

    Raises:
        RunFailedError: it failed or was cancelled; message and hint are its error's.
        RunStoppedError: it failed because a gate said no.
    """
    if run.state == "done":
        return run
    if run.error is None:
        raise RunFailedError(run=run.id, state=run.state)
    if run.error.gate:
        log = f"`volano run log {run.id}`"
        hint = run.error.hint if log in run.error.hint else f"{run.error.hint} More: {log}."
        raise RunStoppedError(run.error.message, hint=hint, run=run.id, state=run.state)
    raise RunFailedError(
        run.error.message, hint=run.error.hint or None, run=run.id, state=run.state
    )

"""What can go wrong with a Run, and the two signals that end its thread early."""

from volano.core.errors import (
    ConflictError,
    GateError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    VolanoError,
)


class UnknownRunError(NotFoundError):
    """There is no run `{run}`."""

    hint = "See the runs with `volano run list`."


class UnknownKindError(NotFoundError):
    """This volano knows no kind of job called `{kind}`."""

    hint = "It knows: {known}. A plugin that brought the kind may be missing."


class KindTakenError(ConflictError):
    """There already is a kind of job called `{kind}`."""


class NotLaunchedError(UnavailableError):
    """Runs are not being worked on in this process."""

    hint = "Start volano with `volano up`."


class AlreadyLaunchedError(ConflictError):
    """Another process (or keeper) works on the runs of {folder}."""

    hint = "One process at a time: use the one that runs, or stop it first."


class JobsDatabaseError(UnavailableError):
    """The database of the job engine cannot be used: {why}."""

    hint = (
        "With a damaged jobs.db: move the file away and start again; "
        "unfinished runs begin anew and children resume from their checkpoints."
    )


class RunFinishedError(ConflictError):
    """The run {run} is {state} already, so it cannot be cancelled."""

    hint = "See what came of it with `volano run show {run}`."


class RunNotOverError(ConflictError):
    """The run {run} is {state}, so it cannot be retried."""

    hint = "Wait for it, or stop it with `volano run cancel {run}`."


class RunSucceededError(ConflictError):
    """The run {run} is done, so there is nothing to retry."""

    hint = "Start a new run to do the work again."


class StillGoingError(UnavailableError):
    """The run {run} is still {state} after {timeout_s} s."""

    hint = "It goes on; look at it with `volano run show {run}`."


class NotPlainError(InvalidError):
    """{what} is not plain JSON: {why}."""

    hint = "Use text, booleans, null, finite numbers, lists, and objects with text keys."


class StepValueTooLargeError(TooLargeError):
    """{what} has {size} bytes of JSON; a step hands on at most {limit}."""

    hint = "Make it an artifact and hand on its reference."


class BadStepNameError(InvalidError):
    """`{step}` cannot be the name of a step."""

    hint = "Use 1 to 64 of a-z, 0-9, dash, underscore and dot, beginning with a letter or digit."


class StepTakenError(ConflictError):
    """The run already has a child step called `{step}`."""

    hint = "Give each child of a run its own step name."


class StepsChangedError(ConflictError):
    """The job's steps are not those that this run has done before: {why}."""

    hint = "The job changed since the run began. Start a new run."


class StepFailedError(VolanoError):
    """A step of the run failed."""

    @property
    def code(self) -> str:
        """The machine-readable name of the error as it was raised in the step."""
        return str(self.facts.get("code") or super().code)


class ChildFailedError(StepFailedError):
    """The child process of a step failed."""


class ChildRunningError(ConflictError):
    """Another process works in {folder} already."""

    hint = "Wait until it has ended."


class BadSpecError(IntegrityError):
    """The spec {path} cannot be read: {why}."""

    hint = "A child is started with a folder that holds a spec.json."


class NoResultError(VolanoError):
    """The child ended without saying that it is done."""

    hint = "Its module must call `job.done(outputs)`."


class LifelineLostError(UnavailableError):
    """The lifeline (file descriptor {fd}) was not handed on to this process."""

    hint = "Start the process with `volano.jobs.lifeline.handed_on()`."


class RunCancelled(BaseException):  # a signal; job code must not catch it
    """The run was cancelled: leave, without a result."""


class HostStopping(BaseException):  # a signal; job code must not catch it
    """This process stops: leave the run as it is, the next launch carries on."""


class RunFailedError(VolanoError):
    """The Run {run} is {state}."""

    hint = "See `volano run log {run}`; try it once more with `volano run retry {run}`."


class RunRefusedError(RunFailedError, GateError):
    """The Run {run} is {state}: a gate said no."""

"""What can go wrong with records, one sentence each."""

from volano.core.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)


class SpoolFullError(UnavailableError):
    """The spool `{folder}` cannot take another record: {why}."""

    hint = (
        "Free space on that disk and see with `volano status` whether the recorder runs; "
        "calls are accepted again by themselves."
    )


class SpoolBrokenError(UnavailableError):
    """The disk did not confirm a record in the spool `{folder}`: {why}."""

    hint = "Look at the kernel log (`dmesg`) for disk errors, then say it again."


class SpoolClosedError(UnavailableError):
    """The spool `{folder}` was closed; nothing more can be recorded through it."""

    hint = "Start the process again with `volano up`."


class FrameTooLargeError(TooLargeError):
    """A record of {size} bytes is larger than the {limit} bytes that a frame may have."""

    hint = "Lower `max_body_bytes` of the gateway."


class RecorderBusyError(ConflictError):
    """Another recorder already writes `{path}`."""

    hint = "See who with `volano status`; only one recorder may write these records."


class RecordsTooNewError(ConflictError):
    """The records in `{path}` were written by a newer volano (format {found}, known: {known})."""

    hint = "Install the newer version again, or start with a fresh folder."


class RecordsBrokenError(IntegrityError):
    """The records in `{path}` cannot be read: {why}."""

    hint = "Stop volano, keep a copy of the file, and look with `volano doctor`."


class RecordsUnavailableError(UnavailableError):
    """The records in `{path}` cannot be used now: {why}."""

    hint = "Free space on that disk and look with `volano doctor`, then try again."


class UnknownTraceError(NotFoundError):
    """There is no trace `{trace}`."""

    hint = "See the newest with `volano trace list`; a call is listed a moment after its end."


class UnknownSpanError(NotFoundError):
    """There is no span `{span}` in the trace `{trace}`."""

    hint = "See the newest with `volano span list`, and all of a trace with `volano trace show`."


class UnknownSessionError(NotFoundError):
    """There is no session `{session}`."""

    hint = "See the newest with `volano session list`."

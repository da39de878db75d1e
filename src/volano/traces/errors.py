"""What can go wrong with records, one sentence each."""

from volano.core.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
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


class BadQuestionError(InvalidError):
    """This cannot be asked of the records: {why}."""

    hint = "A WHERE names columns of the table; see what a trace has with `volano trace last`."


class BadRetentionError(InvalidError):
    """This is no rule of retention: {why}."""

    hint = "Such as `volano retention set --days 90 --body-days 30 --channel support`."


class NoRetentionError(NotFoundError):
    """There is no rule of retention `{rule}`."""

    hint = "See them with `volano retention list`."


class BadHoldError(InvalidError):
    """This is nothing to hold: {why}."""

    hint = "Such as `volano hold add --session s-17 --reason 'case 4711'`."


class NoHoldError(NotFoundError):
    """There is no hold `{hold}`."""

    hint = "See them with `volano hold list`."


class BadExportError(InvalidError):
    """Traces cannot be exported to `{place}`: {why}."""

    hint = "Name a file that ends in .parquet or .jsonl, or a folder."


class FilterError(InvalidError):
    """The filter cannot be read at character {at}: {why}."""

    hint = 'Such as: channel = support and latency > 2s and text ~ "refund".'


class FilterTooLongError(InvalidError):
    """The filter is longer than {most} characters."""

    hint = "Say it in fewer words, or ask twice."


class UnknownViewError(NotFoundError):
    """There is no saved view `{view}`."""

    hint = "See them with `volano view list`."


class BadViewNameError(InvalidError):
    """A view cannot be named `{name}`."""

    hint = "A name is 1 to {most} visible characters."


class EmptyViewError(InvalidError):
    """A view that chooses everything is none."""

    hint = "Say what it shows: `volano view save slow --where 'latency > 2s'`."


class NoRequestError(NotFoundError):
    """The request of trace `{trace}` was not kept, so that it cannot be said again."""

    hint = "Bodies are kept for calls of the gateway; see them with `volano trace list --where 'kind = call'`."


class IndexBrokenError(IntegrityError):
    """The index of texts `{path}` cannot be read: {why}."""

    hint = "Build it anew with `volano trace reindex`."


class BadMaskError(InvalidError):
    """This is no rule of masking: {why}."""

    hint = "Such as `volano trace mask add order --regex 'ORD-[0-9]+'`, or `volano trace mask add email`."


class NoMaskError(NotFoundError):
    """There is no rule of masking `{mask}`."""

    hint = "See them with `volano trace mask list`."


class MaskExistsError(ConflictError):
    """There is a rule of masking `{mask}` already."""

    hint = "Take it away with `volano trace mask remove {mask}`, or choose another name."


class WithheldError(UnavailableError):
    """What was said is withheld: {why}."""

    hint = (
        "See the rules with `volano trace mask list`; numbers and times are recorded all the same."
    )


class TooMuchReportedError(InvalidError):
    """More than {most} spans of models are in this window; they are not summed at once."""

    hint = "Ask for a shorter one, such as `volano cost reported --since 1h`, also with `--until`."


class UnknownSessionError(NotFoundError):
    """There is no session `{session}`."""

    hint = "See the newest with `volano session list`."

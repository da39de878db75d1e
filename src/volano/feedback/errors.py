"""What can be wrong with feedback, one sentence each."""

from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)


class BadTraceIdError(InvalidError):
    """`{trace}` is no trace id: it must be 32 hexadecimal digits (0-9, a-f), not all zero."""

    hint = "Take it from the response header `x-volano-trace`, or from `volano trace list`."


class BadFeedbackIdError(InvalidError):
    """`{id}` is no feedback id: it must be a UUID."""

    hint = "Leave it out, and one is made."


class BadNameError(InvalidError):
    """`{name}` cannot name a feedback: at most 64 of a-z, 0-9, `_`, `.`, `-`, a letter first."""

    hint = "Call it for example `correct` or `helpful`."


class BadValueError(InvalidError):
    """The value of a feedback must be a number from 0 (bad) to 1 (good), not {value}."""

    hint = "Give 1 for right and 0 for wrong, or scale your stars into this range."


class EmptyFeedbackError(InvalidError):
    """A feedback needs a value, a comment or a correction; this one has none."""

    hint = "Add for example `--value 1`, or the right answer as `--correction`."


class BadTextError(InvalidError):
    """The {what} holds characters that are no valid Unicode text."""

    hint = "Send it as UTF-8."


class TextTooLongError(TooLargeError):
    """The {what} has {size} bytes; at most {limit} are taken."""

    hint = "Shorten it, or store it elsewhere and give a link."


class NoSpoolError(UnavailableError):
    """No feedback can be taken here: this part of volano only reads."""

    hint = "Start volano with `volano up`, then say it again."


class BadSubjectError(InvalidError):
    """`{subject}` names nothing that feedback can be given on."""

    hint = (
        "Write trace:ID, span:TRACE/SPAN, session:ID, user:ID, or an own key that traces carry as "
        "a tag, such as order:4711."
    )


class BadSourceError(InvalidError):
    """A source is person, program or judge with a name of at most 120 characters, not {source}."""


class BadProbabilityError(InvalidError):
    """A probability of being drawn is above 0 and at most 1, not {value}."""

    hint = "Leave it out where every call is judged."


class BadConfidenceError(InvalidError):
    """A confidence is a number from 0 to 1, not {value}."""


class BadMomentOfFeedbackError(InvalidError):
    """`{text}` is no moment in the past."""

    hint = "Write it as 2026-11-21T09:30:00Z or 2026-11-21 (UTC); leave it out for now."


class UnknownFeedbackError(NotFoundError):
    """There is no feedback `{id}`."""

    hint = "What was said a moment ago is listed within a second: `volano feedback list`."


class NotYoursError(ForbiddenError):
    """Feedback `{id}` was given by {author}: only they or the owner may change it."""


class WithdrawnError(ConflictError):
    """Feedback `{id}` was withdrawn."""

    hint = "Give a new one with `volano feedback give`."


class BadMetricError(InvalidError):
    """The metric `{name}` cannot be so: {why}."""

    hint = "See `volano feedback metric define --help`."


class UnknownMetricError(NotFoundError):
    """There is no metric `{name}`."""

    hint = "See them with `volano feedback metric list`."


class RetiredMetricError(InvalidError):
    """The metric `{name}` is retired: nothing is counted by it any more."""

    hint = "Define its next version with `volano feedback metric define`, or use another."


class NotAllowedError(InvalidError):
    """`{value}` is not what {metric} takes: {allowed}."""

    hint = "See what it means with `volano feedback metric show {metric}`."


class NoOutcomeError(InvalidError):
    """`{name}` is no outcome: outcomes are metrics that say what the business got."""

    hint = "Define it with `volano feedback metric define {name} --type boolean --outcome`."


class BadBatchError(InvalidError):
    """A batch is a list of 1 to {most} objects, each what `volano feedback give` takes."""


class BadFileError(InvalidError):
    """`{name}` cannot be read as feedback: {why}."""

    hint = "Give .csv with a header line, or .jsonl; see docs/howto/collect-feedback.md."


class BadQueueError(InvalidError):
    """The queue `{name}` cannot be so: {why}."""

    hint = "See `volano review queue create --help`."


class UnknownQueueError(NotFoundError):
    """There is no review queue `{name}`."""

    hint = "See them with `volano review queue list`."


class QueueThereError(ConflictError):
    """There is a review queue `{name}` already."""

    hint = "See it with `volano review queue show {name}`."


class NothingToReviewError(InvalidError):
    """No trace fits, so the queue would be empty."""

    hint = "Look at what there is with `volano trace list`."


class BadReviewerError(InvalidError):
    """`{name}` cannot name a reviewer: 1 to 60 characters without control codes."""


class LeaseLostError(ConflictError):
    """The item {item} of `{queue}` is not yours now: it was given on, or you have answered it."""

    hint = "Take the next one: `volano review next {queue}`."


class NothingToUndoError(ConflictError):
    """There is nothing of `{reviewer}` to undo in `{queue}`."""


class UnknownItemError(NotFoundError):
    """The queue `{queue}` has no item {item}."""

    hint = "See `volano review queue show {queue}`."

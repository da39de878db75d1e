"""What can be wrong with feedback, one sentence each."""

from volano.core.errors import InvalidError, TooLargeError, UnavailableError


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

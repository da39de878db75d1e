"""What drift says no to, and why."""

from volano.core.errors import ConflictError, InvalidError, NotFoundError


class NothingToPinError(ConflictError):
    """In this window {n} calls were recorded that fit; a reference needs {least}."""

    hint = "See what there is with `volano trace list`, and pin a longer window."


class UnknownReferenceError(NotFoundError):
    """There is no reference `{reference}`."""

    hint = "See the references with `volano drift list`, or pin one with `volano drift pin NAME`."


class UnknownLookError(NotFoundError):
    """There is no look `{id}`, and no reference of that name."""

    hint = "Look now with `volano drift check NAME`; see the references with `volano drift list`."


class BadStretchError(InvalidError):
    """`{stretch}` is no length of time."""

    hint = "Write a number and m, h or d: 30m, 6h, 7d."


class BadMomentError(InvalidError):
    """`{moment}` is no moment."""

    hint = "Write a date or a time of ISO 8601, in UTC unless it says otherwise: 2026-11-01."


class NoMovedCallsError(ConflictError):
    """None of the calls of {look} that {which} can become rows."""

    hint = "See what moved with `volano drift show {look}`."

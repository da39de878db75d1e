"""This room's error."""

from volano.core.errors import IntegrityError, InvalidError


class StatsInputError(InvalidError):
    """The statistic cannot be computed from this: {what}."""

    hint = "Give counts and numbers inside the stated ranges."


def need(condition: bool, what: str) -> None:
    """Raise unless the condition holds.

    Raises:
        StatsInputError: it does not hold; `what` says what was expected.
    """
    if not condition:
        raise StatsInputError(what=what)


class BadSketchError(IntegrityError):
    """These bytes are no sketch of quantiles."""

    hint = "They were written by a newer volano, or are damaged: see `volano doctor`."

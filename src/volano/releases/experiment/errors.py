"""What can be wrong with an experiment before it begins, or at its end."""

from volano.core.errors import ConflictError, InvalidError


class BadMeasureError(InvalidError):
    """`{said}` cannot be measured: {why}."""

    hint = (
        "Say errors, refusals, latency:2s, ttft:1s, cost:0.05, or a name of feedback "
        "(`volano feedback metric list`); money takes a cap: revenue:100."
    )


class BadDesignError(InvalidError):
    """The experiment cannot be so: {why}."""

    hint = (
        "Say `volano release compare support@1 support@2 --channel support --goal sale "
        "--shares 50,50`: first what the channel serves."
    )


class NotAnExperimentError(ConflictError):
    """The channel `{channel}` runs no experiment."""

    hint = "Begin one with `volano release compare`; see what moves with `volano release status {channel}`."


class NoWinnerError(ConflictError):
    """The experiment on `{channel}` has no winner yet: {verdict}."""

    hint = (
        "Wait, name one yourself with `volano release conclude {channel} --winner RELEASE`, or "
        "end it with `volano release abort {channel}`."
    )


class UnknownArmOfExperimentError(InvalidError):
    """`{release}` is no arm of the experiment on `{channel}`: {arms}."""

    hint = "Name one of its arms."

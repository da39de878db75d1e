"""What monitor says no to, and why."""

from volano.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError


class UnknownMeasureError(NotFoundError):
    """There is no measure `{name}`{guess}."""

    hint = "See what can be measured with `volano kpi list`."


class UnknownDimensionError(InvalidError):
    """Nothing is measured by `{name}`{guess}."""

    hint = "It is one of {known}."


class WholeHostError(InvalidError):
    """`{measure}` is of the whole host: it cannot be asked by `{name}`."""

    hint = "Ask for it as it is: `volano kpi show {measure}`."


class NotSettableError(InvalidError):
    """What `{name}` is measured by is not for the owner to say{guess}."""

    hint = "It can be said of satisfaction, task_completion and revenue: `volano kpi set satisfaction --metrics thumbs`"


class UnfitMetricError(InvalidError):
    """`{metric}` cannot say anything of {name}: {why}."""

    hint = "See the metrics with `volano feedback metric list`."


class BadPeriodError(InvalidError):
    """There is no period from `{since}` to `{until}`."""

    hint = "Write them as 2026-05-01, or as so long ago: 7d, 12h."


class BadWindowError(InvalidError):
    """A window of {window} cannot be asked: {why}."""

    hint = "Windows are such as 5m, 1h, 7d: from 10 seconds to 400 days."


class BadSLOError(InvalidError):
    """This cannot be an SLO: {why}."""

    hint = "For example: `volano slo set fast --measure latency --within 2s --target 95%`"


class NoSLOError(NotFoundError):
    """There is no SLO `{name}`."""

    hint = "See the SLOs with `volano slo list`."


class SLOInUseError(ConflictError):
    """The SLO `{name}` is watched by the rule `{rule}`."""

    hint = "Take the rule out of its file and say `volano alert apply FOLDER`."


class BadRulesError(InvalidError):
    """{problems}"""

    hint = "Correct the lines and say `volano alert check` again; nothing was changed."


class NoRulesError(InvalidError):
    """There is no file of rules in `{path}`."""

    hint = "`volano alert init` writes one to begin with: alerts/gateway.yaml"


class RulesThereError(ConflictError):
    """`{path}` is there already."""

    hint = "Change it as you like, then say `volano alert apply alerts`."


class NoAlertError(NotFoundError):
    """There is no alert `{id}`."""

    hint = "See what burns with `volano alert list`."


class NotBurningError(ConflictError):
    """The alert {id} is {state}: only what burns can be acknowledged."""

    hint = "See what burns with `volano alert list`."


class NoSilenceError(NotFoundError):
    """There is no silence `{id}` that goes on."""

    hint = "See the silences with `volano alert silences`."


class NothingToSilenceError(InvalidError):
    """A silence names a rule, or values such as channel=support, or both."""

    hint = "To silence everything, say `volano alert silence --rule '*' --until 1h`."


class NoReceiverError(NotFoundError):
    """There is no receiver `{name}`{guess}."""

    hint = "Receivers stand in the files of rules, under `receivers:`."


class NotToldError(UnavailableError):
    """The receiver `{name}` could not be told: {why}."""

    hint = "Correct it in its file, `volano alert apply` it, and try `volano alert test {name}`."

"""What can be wrong with a template, or with the values it is filled with."""

from volano.core.errors import InvalidError


class BadTemplateError(InvalidError):
    """The template cannot be used: {why}."""

    hint = (
        "A template may use {{ variable }}, if, for, a few filters and tests; "
        "no calls, imports, macros or assignments."
    )


class FillError(InvalidError):
    """The template cannot be filled: {why}."""

    hint = "Check the values given, or the template with `volano prompt show`."


class MissingValueError(InvalidError):
    """The variable `{name}` is required, and was not given."""

    hint = "The variables are: {known}."


class UnknownVariableError(InvalidError):
    """There is no variable `{name}`."""

    hint = "The variables are: {known}."


class UnfitValueError(InvalidError):
    """The variable `{name}` must be {what}, not {value}."""


class BadVariableError(InvalidError):
    """The variable `{name}` cannot be declared so: {why}."""

    hint = "A variable has a type (text, number, integer, boolean, list, object, choice), default, required, description."

"""What can be wrong with a flow."""

from volano.core.errors import InvalidError


class BadFlowError(InvalidError):
    """This flow cannot be read: {why}."""

    hint = "It says a `model` and, if it has one, a `prompt`: names of the registry or of files."

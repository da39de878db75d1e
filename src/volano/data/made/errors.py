"""What can be wrong with asking a model for rows."""

from volano.core.errors import ConflictError, InvalidError, UnavailableError


class NoKeyError(InvalidError):
    """There is no key to ask the gateway with: {why}."""

    hint = "Make one with `volano key create`, and set the variable where volano runs, or name a `key_file`."


class GatewayRefusedError(UnavailableError):
    """The gateway at {address} does not let this key ask `{channel}`: {why}."""

    hint = "See what the key may do with `volano key list`, and the channels with `volano channel list`."


class AnswersBusyError(ConflictError):
    """Another Run asks `{channel}` the same now."""

    hint = (
        "Wait until it is over (`volano run list`): then its answers are there, and cost nothing."
    )

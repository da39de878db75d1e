"""What can go wrong between us and whatever answers."""

from volano.core.errors import InvalidError, NotFoundError, UnavailableError


class BadAddressError(InvalidError):
    """`{address}` is not an address that volano can talk to: {reason}."""

    hint = "Use `unix:/path/to/engine.sock`, `http://host:port` or `https://host`."


class UnknownEngineError(NotFoundError):
    """There is no engine `{kind}` that volano can start."""

    hint = "It starts {known}."


class EngineFailedError(UnavailableError):
    """The engine for `{name}` did not start: {reason}."""

    hint = "Look at the model file with `volano model show {name}`."


class ChatUnavailableError(UnavailableError):
    """`{address}` does not answer: {reason}."""

    hint = "See whether it runs: `volano status` tells of what runs here, `volano target check NAME` asks a target."


class ChatRefusedError(InvalidError):
    """`{address}` refused the request with status {status}: {reason}."""

    hint = "Check the model's name, the key and the length of the text."


class BadAnswerError(UnavailableError):
    """`{address}` answered something that is not a chat completion: {reason}."""

    hint = "Is there an OpenAI-compatible server behind this address?"

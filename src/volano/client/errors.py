"""What a client may hear back; the message and the hint are the server's where it gave them."""

from volano.core.errors import InvalidError, UnavailableError


class BadAddressError(InvalidError):
    """`{url}` is no address of a volano server."""

    hint = "Give it like `http://127.0.0.1:7070`."


class BadKeyError(InvalidError):
    """The key holds characters that no key has."""

    hint = "Give it as it was shown once by `volano key create`, without quotes or line ends."


class UnreachableError(UnavailableError):
    """The server at {url} does not answer: {why}."""

    hint = "Start it with `volano up`, or look with `volano status`."


class UnexpectedAnswerError(UnavailableError):
    """The server at {url} gave an answer that no volano gives ({what})."""

    hint = "See that the address is that of volano itself and that no proxy stands in the way."


class NoTraceError(InvalidError):
    """It is not said which trace is meant, and none runs here."""

    hint = "Give `trace=`: the header `x-volano-trace` of an answer, or `span.trace_id`."


class MissingVariableError(InvalidError):
    """The prompt `{ref}` needs `{name}`."""

    hint = "Give it to `render`; the prompt's variables are: {known}."


class BadPinError(InvalidError):
    """A prompt is read by a label or by a version, not by both."""

    hint = 'Write for example `client.prompt("support", label="production")`.'

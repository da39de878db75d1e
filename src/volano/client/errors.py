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

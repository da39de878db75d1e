"""What can be wrong with files."""

from volano.core.errors import InvalidError


class UnknownKindError(InvalidError):
    """{place}: there is no kind `{kind}`."""

    hint = "Known: {known}. A document begins with `kind:` and `name:`."


class TwiceError(InvalidError):
    """{kind} `{name}` stands at {place} and at {other}."""

    hint = "Say each thing once."


class WrongDocumentError(InvalidError):
    """{place}: {why}"""


class NoFilesError(InvalidError):
    """There is no document in what was given."""

    hint = "Give a YAML file, or a folder of them, with `-f`."

"""What can be wrong with a prompt."""

from volano.core.errors import InvalidError


class BadPromptError(InvalidError):
    """This prompt cannot be used: {why}."""

    hint = (
        "A prompt is messages with variables, or fixed messages and then one user message with "
        "`{{input}}` in it once."
    )


class BadPickError(InvalidError):
    """The examples cannot be taken: {why}."""

    hint = "Say `from` (a dataset), `rule` (first, random, balanced, similar) and `n`."


class NoRowsToShowError(InvalidError):
    """The split `{split}` of `{ref}` has no row with the columns {columns}."""

    hint = "See its rows with `volano data rows {ref}`; name others in `columns`."

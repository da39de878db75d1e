"""What a profile cannot be asked."""

from volano.core.errors import InvalidError, NotFoundError


class UnknownColumnError(NotFoundError):
    """Of the rows that were looked at none has a column of {what} `{column}`."""

    hint = "There are: {columns}."


class NoClassesError(InvalidError):
    """The column `{column}` names no classes: {values} values differ in it."""

    hint = "Classes are at least two values and at most {most}, each of at most 200 characters."

"""What can be wrong with folders that become file sets, and back."""

from volano.core.errors import ConflictError, IntegrityError, InvalidError, NotFoundError


class NoFolderError(NotFoundError):
    """There is no folder `{path}`."""

    hint = "Give the folder that holds the files."


class BadFileNameError(InvalidError):
    """The name {name} in `{folder}` is not UTF-8."""

    hint = "Rename it: names that are no text cannot be written back on every machine."


class SpecialFileError(InvalidError):
    """`{path}` is neither a file, a folder nor a link: {what}."""

    hint = "Move it out of the folder; its content cannot be kept."


class UnreadableFileError(InvalidError):
    """`{path}` cannot be read: {why}."""

    hint = "Make it readable, or move it out of the folder; nothing was kept."


class UnsteadyFileError(ConflictError):
    """`{path}` changed while it was read."""

    hint = "Track the folder again when nothing writes to it; nothing was kept."


class EmptyFolderError(InvalidError):
    """`{path}` has no files."""

    hint = "Give a folder that has some."


class BadTreeError(IntegrityError):
    """The list of files of `{ref}` cannot be used: {why}."""

    hint = "It may come from a newer volano; `volano audit verify` checks the store."


class NotTrackedError(NotFoundError):
    """`{path}` is not tracked here."""

    hint = "Keep it with `volano data track {path}`, or write a version there with `volano data checkout`."


class WouldOverwriteError(ConflictError):
    """`{path}` holds what no version has: {what}."""

    hint = "Keep it with `volano data track`, or overwrite it with `--force`."


class UnwritableError(InvalidError):
    """`{path}` cannot be written: {why}."""

    hint = "Choose another folder, or make room for it."

"""What can be wrong with data that comes from elsewhere, or goes there."""

from volano.core.errors import ConflictError, IntegrityError, InvalidError, NotFoundError


class NothingHereError(NotFoundError):
    """There is nothing at `{path}`."""

    hint = "Check the path; a relative one counts from where the command runs."


class UnknownFormError(InvalidError):
    """What `{path}` is cannot be told: {why}."""

    hint = "Say it with `--form`: {forms}."


class UnfitFormError(InvalidError):
    """`{ref}` is a {kind}; it cannot be written as {form}."""

    hint = "Write it as {forms}."


class NotWrittenSoError(InvalidError):
    """No export writes a file that ends in `{suffix}`: `{path}`."""

    hint = (
        "A path that ends in .jsonl or .parquet is one file with all splits; any other is a folder. "
        "If this one is, say so with `--form`: {forms}."
    )


class InTheWayError(ConflictError):
    """`{path}` is there already and was not written by an export."""

    hint = "Choose another place, or say `--force`: then files of the same names are replaced."


class UnwritablePlaceError(InvalidError):
    """`{path}` cannot be written: {why}."""

    hint = "Choose another place, or make room."


class BadParquetError(InvalidError):
    """`{path}` cannot be read as Parquet: {why}."""

    hint = "Write it again with the tool that made it."


class BadFrontMatterError(InvalidError):
    """The lines between `---` at the top of `{path}` are not YAML that can be used: {why}."""

    hint = "Correct them. Of a folder of data, `configs` names the files of each split."


class LinkOutError(InvalidError):
    """`{path}` is a link that leads out of `{folder}`."""

    hint = "Put the file itself there: what others made may point to anything on this machine."


class NoDataFilesError(NotFoundError):
    """`{path}` has no files of rows."""

    hint = "It needs Parquet or JSONL files, whose names or README.md say the split."


class BadTrackerFileError(InvalidError):
    """`{path}` is not a file of {tool} that can be understood: {why}."""

    hint = "Check it with {tool} itself."


class NoOutputsError(NotFoundError):
    """`{path}` has no file or folder that DVC tracks."""

    hint = "Give the folder with the `.dvc` files or `dvc.lock`."


class MissingObjectsError(NotFoundError):
    """{n} objects of {tool} are not on this machine: {some}."""

    hint = "Fetch them with `{fetch}` in that folder, then import again; nothing was kept."


class DamagedObjectError(IntegrityError):
    """The object of `{path}` is damaged: {why}."""

    hint = "Delete `{object}` and fetch it again with `{fetch}`; nothing was kept."


class LinkNotExportedError(InvalidError):
    """`{path}` is a symbolic link, which {tool} does not keep."""

    hint = (
        "Write the version with `volano data checkout` instead, or track the folder without links."
    )

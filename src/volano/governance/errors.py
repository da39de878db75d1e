"""What cannot be found in the lineage."""

from volano.core.errors import NotFoundError


class UnknownRowError(NotFoundError):
    """No version of `{dataset}` holds a row `{row}`."""

    hint = "See the ids of rows with `volano data rows {dataset}`."


class UnknownSourceError(NotFoundError):
    """No dataset was made of a source `{name}`."""

    hint = "See what a dataset was made of with `volano lineage show NAME`."

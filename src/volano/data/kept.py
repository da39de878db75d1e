"""Kept: datasets of a workspace as a source reads them."""

from collections.abc import Iterator

from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.data.step import Record


class Kept:
    """Rows of versions as records, as `by` may see them; without `by` as they are."""

    def __init__(self, datasets: Datasets, by: Principal | None = None, run: str | None = None):
        self._datasets = datasets
        self._by = by
        self._run = run

    def seen_by(self, by: Principal) -> "Kept":
        """Return the same datasets as this principal may see them."""
        return Kept(self._datasets, by)

    def digest(self, ref: str) -> tuple[str, str]:
        """Return a dataset's ref with its number, and its digest.

        Raises:
            UnknownArtifactError: there is no such dataset.
        """
        found = self._datasets.get(ref)
        return found.ref, str(found.digest)

    def rows(self, ref: str, split: str | None) -> Iterator[Record]:
        """Yield the rows of a split, or of all, each with its `id` and `split`.

        Raises:
            UnknownArtifactError, UnknownSplitError: there is no such dataset or split.
            ForbiddenError: this principal may not.
        """
        return self._datasets.stream(ref, split, by=self._by, run=self._run)

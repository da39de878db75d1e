"""Datasets of this workspace: {dataset: faq@3, split: train}."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from volano.data.sources.limits import Limits
from volano.data.sources.pieces import Columns, columns_of, finished
from volano.data.sources.source import SOURCES, Around, Reject, Source, Versions, with_origin
from volano.data.sources.spec import bad, check_keys, text
from volano.data.step import Record


@dataclass(slots=True)
class Dataset:
    """The rows of a version, which never changes."""

    ref: str
    split: str | None
    columns: Columns
    versions: Versions

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows; each says of which version it is, and where it came from before.

        Raises:
            UnknownArtifactError, UnknownSplitError: there is no such dataset or split.
        """
        return finished(self._rows(), self.columns, Limits().depth, reject)

    def fingerprint(self) -> str:
        """Return the version's digest."""
        return f"{self.versions.digest(self.ref)[1]} {self.split or ''}"

    def state(self) -> Mapping[str, Any]:
        """Return nothing: a version is read as a whole."""
        return {}

    def _rows(self) -> Iterator[Record]:
        ref, _ = self.versions.digest(self.ref)
        for row in self.versions.rows(ref, self.split):
            before = {"row": row["id"]} if "id" in row else {}
            yield with_origin(
                {name: value for name, value in row.items() if name != "id"},
                {"source": ref, **before},
            )


@SOURCES.register("dataset")
def by_ref(spec: Mapping[str, Any], around: Around) -> Source:
    """Open a version of a dataset."""
    check_keys(spec, ("dataset", "split", "columns"), "a dataset")
    if around.versions is None:
        raise bad("datasets can be read only within a workspace")
    split = text(spec["split"], "split") if "split" in spec else None
    return Dataset(
        text(spec["dataset"], "dataset"), split, columns_of(spec.get("columns", {})),
        around.versions,
    )  # fmt: skip

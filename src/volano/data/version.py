"""A Version: the splits of one dataset as they lie in the store, in either of two forms.

Since trees (`train.rows`) came, versions are trees. Older ones hold each split
as one file of lines (`train.jsonl`), and are read all the same.
"""

import json
from collections.abc import Iterator
from itertools import islice

from volano.data.errors import BadRowsFileError, UnknownSplitError
from volano.data.line import line_of, record_of
from volano.data.step import Record
from volano.data.tree import Tree
from volano.data.writer import REJECTED, ROWS
from volano.store import Artifact, Catalog
from volano.store.artifact import DROPPED
from volano.store.errors import DroppedError

ALWAYS = ("train", "test")
"""Splits that may be asked for where a version has no row in them."""
LINES, OLD_REJECTED = ".jsonl", "dropped.jsonl"


class Version:
    """Reads one version of a dataset."""

    def __init__(self, catalog: Catalog, artifact: Artifact):
        """Look at an artifact of kind dataset.

        Raises:
            DroppedError: its rows were dropped.
        """
        if artifact.state == DROPPED:
            raise DroppedError(ref=artifact.ref, subject=artifact)
        self._catalog, self.artifact = catalog, artifact

    @property
    def splits(self) -> list[str]:
        """The names of its splits: train and test first."""
        found = {
            path.removesuffix(end)
            for path in self.artifact.manifest.files
            for end in (ROWS, LINES)
            if path.endswith(end) and path not in (REJECTED + ROWS, OLD_REJECTED)
        }
        return [name for name in ALWAYS if name in found] + sorted(found.difference(ALWAYS))

    def tree(self, split: str) -> Tree | None:
        """Return the tree of a split; None where it is an older file of lines, or has no row.

        Raises:
            UnknownSplitError: the version has no such split.
        """
        file = self.artifact.manifest.files.get(split + ROWS)
        if file is not None:
            return Tree(self._catalog.blobs, file.digest)
        if split not in self.splits and split not in (*ALWAYS, REJECTED):
            known = ", ".join(self.splits) or "no rows"
            raise UnknownSplitError(ref=self.artifact.ref, split=split, known=known)
        return None

    def rows(self, split: str) -> int:
        """Return how many rows a split has."""
        tree = self.tree(split)
        return tree.rows if tree else sum(1 for _ in self.lines(split))

    def size(self, split: str) -> int:
        """Return the bytes of a split's rows, uncompressed."""
        files = self.artifact.manifest.files
        return sum(files[path].size for path in (split + ROWS, split + LINES) if path in files)

    def lines(self, split: str, start: int = 0) -> Iterator[bytes]:
        """Yield the lines of a split from row `start` on.

        Raises:
            UnknownSplitError: the version has no such split.
            BadRowsFileError: an older file holds something else than rows.
        """
        tree = self.tree(split)
        return tree.lines(start) if tree else islice(self._old(split), start, None)

    def records(self, split: str, start: int = 0, limit: int | None = None) -> Iterator[Record]:
        """Yield the rows of a split, each with `id`, columns, `origin` and `split`.

        Raises:
            UnknownSplitError, BadRowsFileError: as in `lines`.
        """
        lines = self.lines(split, start)
        stop = None if limit is None else max(limit, 0)
        for at, line in enumerate(islice(lines, stop), start + 1):
            try:
                yield record_of(line, split)
            except (ValueError, RecursionError) as error:
                raise self._no_row(at, split + ROWS) from error

    def rejected(self, start: int = 0, limit: int | None = None) -> Iterator[Record]:
        """Yield what was left out, and why: `row`, `step`, `reason`, `detail`, `of`."""
        if OLD_REJECTED in self.artifact.manifest.files:
            stop = None if limit is None else start + limit
            for raw in islice(self._raw(OLD_REJECTED), start, stop):
                row = {name: raw.get(name) for name in ("id", "text", "label", "origin")}
                why = {name: raw.get(name) for name in ("reason", "of", "detail")}
                yield {"row": row, "step": "dedup", **why}
            return
        for record in self.records(REJECTED, start, limit):
            yield {name: record.get(name) for name in ("row", "step", "reason", "detail", "of")}

    def _old(self, split: str) -> Iterator[bytes]:
        path = split + LINES
        if path not in self.artifact.manifest.files:
            return
        for at, raw in enumerate(self._raw(path), 1):
            if not {"id", "text", "label", "origin"} <= raw.keys():
                raise self._no_row(at, path)
            yield line_of(raw, at).data

    def _raw(self, path: str) -> Iterator[Record]:
        lines = self._catalog.read(self.artifact, path).decode().split("\n")
        for at, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                raw = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise self._no_row(at, path) from error
            if not isinstance(raw, dict):
                raise self._no_row(at, path)
            yield raw

    def _no_row(self, at: int, path: str) -> BadRowsFileError:
        return BadRowsFileError(line=at, file=path, ref=self.artifact.ref)

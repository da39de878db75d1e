"""Where prepared rows go: the port, and a plain one that keeps a file for each split.

`FileWriter` stands in for the datasets' own `write`, which keeps rows in
chunks: `app.py` hands in one of the two, and nothing else knows which.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol

from volano.core.canon import NotCanonicalError, canonical
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.recipe.shard import line_of, row_of
from volano.data.recipe.task import rejected_line
from volano.data.step import Record, Rejected
from volano.store import Artifact, Catalog

KIND = "dataset"
REJECTED = "rejected.jsonl"
SPLITS = ("train", "test")
"""Splits that every dataset has, be they empty."""
_UNNAMED = ("id", "origin", "split")
"""Columns that say where a row is from and where it goes, not what it is."""


class Writer(Protocol):
    """Keeps rows as the next version of a dataset, and gives them back."""

    def write(
        self, name: str, rows: Iterable[tuple[str, Record]], *, rejected: Iterable[Rejected] = (),
        meta: Mapping[str, Any], parents: Sequence[Parent] = (), by: Principal,
        made_by: str | None = None,
    ) -> Artifact:  # fmt: skip
        """Keep pairs of a split and a row; memory stays flat."""
        ...

    def stream(
        self, ref: str | Ref, split: str | None = None, *, start: int = 0, limit: int | None = None
    ) -> Iterator[Record]:
        """Yield rows of a dataset, with `id`, `origin` and `split`."""
        ...

    def rejected(self, ref: str | Ref) -> Iterator[Record]:
        """Yield what was left out: `row`, `step`, `reason`, `detail`, `of`."""
        ...


class FileWriter:
    """Keeps `train.jsonl`, `test.jsonl`, … and `rejected.jsonl`."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog

    def write(
        self,
        name: str,
        rows: Iterable[tuple[str, Record]],
        *,
        rejected: Iterable[Rejected] = (),
        meta: Mapping[str, Any],
        parents: Sequence[Parent] = (),
        by: Principal,
        made_by: str | None = None,
    ) -> Artifact:
        """Keep the rows, a file for each split; counts by split are added to `meta`.

        Raises:
            BadRefError: the name, or a split's, cannot be one.
            DiskFullError: no room; nothing was kept.
        """
        with TemporaryDirectory(prefix="volano-") as temporary, ExitStack() as stack:
            folder = Path(temporary)
            files: dict[str, BinaryIO] = {}
            counts = dict.fromkeys(SPLITS, 0)
            for split in SPLITS:
                files[split] = stack.enter_context((folder / f"{split}.jsonl").open("wb"))
            for split, row in rows:
                if split not in files:
                    path = folder / f"{check_name(split)}.jsonl"
                    files[split] = stack.enter_context(path.open("wb"))
                files[split].write(line_of({"id": row_id(row), **row}))
                counts[split] = counts.get(split, 0) + 1
            files["rejected"] = stack.enter_context((folder / REJECTED).open("wb"))
            for one in rejected:
                files["rejected"].write(rejected_line(one))
            stack.close()
            paths: dict[str, bytes | Path] = {path.name: path for path in sorted(folder.iterdir())}
            facts = {**meta, "counts": {**meta.get("counts", {}), **dict(sorted(counts.items()))}}
            return self._catalog.record(
                KIND, name, files=paths, meta=facts, parents=parents, by=by, made_by=made_by
            )

    def stream(
        self, ref: str | Ref, split: str | None = None, *, start: int = 0, limit: int | None = None
    ) -> Iterator[Record]:
        """Yield rows split by split, those of a dataset made otherwise too.

        Raises:
            UnknownArtifactError: there is no such dataset.
        """
        artifact = self._catalog.get(KIND, ref)
        left = -1 if limit is None else limit
        for path in artifact.manifest.files:
            of = path.removesuffix(".jsonl")
            if path in (REJECTED, "dropped.jsonl") or split not in (None, of):
                continue
            for row in self._lines(artifact, path):
                if start > 0:
                    start -= 1
                elif left != 0:
                    left -= 1
                    yield {**row, "split": of}
                else:
                    return

    def rejected(self, ref: str | Ref) -> Iterator[Record]:
        """Yield what was left out, in the order of the steps.

        Raises:
            UnknownArtifactError: there is no such dataset.
        """
        artifact = self._catalog.get(KIND, ref)
        if REJECTED in artifact.manifest.files:
            yield from self._lines(artifact, REJECTED)

    def _lines(self, artifact: Artifact, path: str) -> Iterator[Record]:
        rest = b""
        for piece in self._catalog.blobs.stream(artifact.manifest.files[path].digest):
            *lines, rest = (rest + piece).split(b"\n")
            yield from map(row_of, lines)


def row_id(row: Record) -> str:
    """Return 16 hexadecimal digits that name what a row says."""
    said = {name: value for name, value in row.items() if name not in _UNNAMED}
    try:
        data = canonical(said)
    except (NotCanonicalError, RecursionError):
        data = json.dumps(said, ensure_ascii=True, sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()[:16]

"""INTERIM, for the merger: `stream` and `write` over today's datasets.

`Exchange`, `Cards` and `Contracts` need nothing of datasets but the two methods of `Rows`, in
the signatures agreed for `Datasets`. Where `Datasets` has them itself, `app.py` passes it, and
all of this file but `Rows` goes.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TextIO

from volano.core.canon import canonical
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.step import Guard, Record, Rejected
from volano.store import Artifact, Catalog

KIND = "dataset"
_SPLITS = ("train", "test")
_RESERVED = ("id", "origin", "split")


class Rows(Protocol):
    """Where rows of datasets come from and go to."""

    def get(self, ref: str | Ref) -> Artifact: ...

    def stream(
        self, ref: str | Ref, split: str | None = None, *, start: int = 0, limit: int | None = None
    ) -> Iterator[Record]: ...

    def write(
        self, name: str, rows: Iterable[tuple[str, Record]], *, rejected: Iterable[Rejected] = (),
        meta: Mapping[str, Any], parents: Sequence[Parent] = (), by: Principal,
        made_by: str | None = None,
    ) -> Artifact: ...  # fmt: skip


class InterimRows:
    """`Rows` over `<split>.jsonl` files of artifacts."""

    def __init__(self, catalog: Catalog, guard: Guard | None = None):
        self._catalog = catalog
        self._guard = guard

    def get(self, ref: str | Ref) -> Artifact:
        return self._catalog.get(KIND, ref)

    def stream(
        self, ref: str | Ref, split: str | None = None, *, start: int = 0, limit: int | None = None
    ) -> Iterator[Record]:
        artifact = self.get(ref)
        stop = None if limit is None else start + limit
        return islice(self._all(artifact, split), start, stop)

    def write(
        self, name: str, rows: Iterable[tuple[str, Record]], *, rejected: Iterable[Rejected] = (),
        meta: Mapping[str, Any], parents: Sequence[Parent] = (), by: Principal,
        made_by: str | None = None,
    ) -> Artifact:  # fmt: skip
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            files: dict[str, TextIO] = {}
            counts: dict[str, int] = dict.fromkeys(_SPLITS, 0)
            for part in (*_SPLITS, "dropped"):
                files[part] = stack.enter_context((Path(folder) / part).open("w", encoding="utf-8"))
            for part, row in rows if self._guard is None else self._guard(name, rows):
                if part not in files:
                    files[part] = stack.enter_context(
                        (Path(folder) / part).open("w", encoding="utf-8")
                    )
                counts[part] = counts.get(part, 0) + 1
                _line(
                    files[part],
                    {
                        "id": row_id(row),
                        **{k: v for k, v in row.items() if k not in ("id", "split")},
                    },
                )
            for one in rejected:
                _line(files["dropped"], one.to_dict())
            for file in files.values():
                file.close()
            kept: dict[str, Any] = {f"{part}.jsonl": Path(folder) / part for part in files}
            return self._catalog.record(
                KIND, name, files=kept, meta={**meta, "counts": {"read": sum(counts.values()), **counts}},
                parents=parents, by=by, made_by=made_by,
            )  # fmt: skip

    def _all(self, artifact: Artifact, split: str | None) -> Iterator[Record]:
        paths = [path for path in artifact.manifest.files if path.endswith(".jsonl")]
        parts = [path.removesuffix(".jsonl") for path in paths if path != "dropped.jsonl"]
        for part in sorted(parts, key=lambda name: (name != "train", name)):
            if split in (None, part):
                for line in self._catalog.read(artifact, f"{part}.jsonl").decode().split("\n"):
                    if line:
                        yield {**json.loads(line), "split": part}


def row_id(row: Record) -> str:
    """Return the id of a row: the beginning of the sha256 of its own columns."""
    content = canonical({name: value for name, value in row.items() if name not in _RESERVED})
    return hashlib.sha256(content).hexdigest()[:16]


def _line(file: TextIO, value: Mapping[str, Any]) -> None:
    file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")

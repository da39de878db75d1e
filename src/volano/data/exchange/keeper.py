"""Exchange: the verbs. A version goes out in a format that others read, and theirs come in."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from volano.core.noted import Noted
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.data.exchange import content, dvc, lfs
from volano.data.exchange.cards import Cards
from volano.data.exchange.content import Content
from volano.data.exchange.errors import NoDataFilesError, NotWrittenSoError, UnfitFormError
from volano.data.exchange.form import FORMS, ROWS, TRACKED, form_of
from volano.data.exchange.hub import README, front_matter, read_hub, split_of, within, write_hub
from volano.data.exchange.place import new_file, new_folder
from volano.data.exchange.plainly import Plainly
from volano.data.exchange.rowfiles import (
    Stream,
    read_jsonl,
    read_parquet,
    write_jsonl,
    write_jsonl_file,
    write_parquet,
    write_parquet_file,
)
from volano.data.filesets import Filesets
from volano.data.keeper import Datasets
from volano.data.line import line_of
from volano.data.step import Record
from volano.store import Artifact, Catalog
from volano.store.errors import UnknownArtifactError

_SPLIT = re.compile(r"\w[\w.\-]{0,63}")
_SUFFIXES = {"jsonl": (".jsonl", ".ndjson"), "parquet": (".parquet",)}
_WRITE_FILE = {"jsonl": write_jsonl_file, "parquet": write_parquet_file}
_OTHERS = frozenset((
    ".csv", ".tsv", ".json", ".txt", ".md", ".html", ".xlsx", ".arrow", ".feather", ".gz", ".zst", ".zip",
))  # fmt: skip
"""Whoever asks for such a file would find a folder of that name."""
_KINDS = ("dataset", "fileset")


@dataclass(frozen=True, slots=True)
class Exported:
    """What lies where now."""

    ref: str
    to: str
    form: str
    rows: int
    files: int


class Exchange:
    """Imports and exports of one workspace."""

    def __init__(self, catalog: Catalog, rows: Datasets, filesets: Filesets, cards: Cards):
        self._catalog = catalog
        self._rows = rows
        self._filesets = filesets
        self._cards = cards

    def write(
        self, ref: str, to: Path | str, *, form: str = "", force: bool = False, by: Principal
    ) -> Exported:
        """Write a version of a dataset or a file set as others read it.

        A path that ends in .jsonl or .parquet is one file with all splits, any
        other a folder. It appears complete or not at all.

        Raises:
            UnknownArtifactError: there is no such dataset or file set.
            UnfitFormError: what it is cannot be written so.
            NotWrittenSoError: the path ends as a file of a format that no export writes.
            InTheWayError: something is there that no export wrote.
            UnwritablePlaceError: it cannot be written.
            ForbiddenError: not all of it is for this principal.
        """
        to, artifact = Path(to).absolute(), self._find(ref)
        if not form and to.suffix.lower() in _OTHERS:
            raise NotWrittenSoError(suffix=to.suffix, path=to.name, forms=", ".join(FORMS))
        form = form or _form_for(to, artifact)
        fits = (*ROWS, *TRACKED) if artifact.kind == "dataset" else TRACKED
        if form not in fits:
            raise UnfitFormError(
                ref=artifact.ref, kind=artifact.kind, form=form, forms=", ".join(fits)
            )
        if form in TRACKED:
            done = self._write_tracked(artifact, to, form, force=force, by=by)
        else:
            done = self._write_rows(artifact, to, form, force=force, by=by)
        said = {"to": str(to), "form": form}
        self._catalog.ledger.append("export", str(artifact), [artifact.digest], said, by=by)
        return done

    def read(
        self, name: str, path: Path | str, *, form: str = "auto", config: str = "", by: Principal
    ) -> Noted:
        """Keep what others wrote as the next version: rows as a dataset, tracked files as a file set.

        Raises:
            NothingHereError, UnknownFormError: what lies there.
            MissingObjectsError, DamagedObjectError: files that DVC or Git LFS lack.
            BadJsonError, BadParquetError, BadFrontMatterError, BadTrackerFileError: what is in it.
            NoDataFilesError: there are no rows.
        """
        check_name(name)
        path = Path(path).absolute()
        form = form_of(path) if form in ("", "auto") else form
        if form in TRACKED:
            given = dvc.read_dvc(path) if form == "dvc" else lfs.read_lfs(path)
            source = {"folder": path.name, "form": form}
            return Noted(self._filesets.keep(name, given, source=source, by=by))
        return self._read_rows(name, path, form, config, by)

    def _read_rows(self, name: str, path: Path, form: str, config: str, by: Principal) -> Noted:
        files = _row_files(path, form, config)
        reading = _Reading(path if path.is_dir() else path.parent, bool(path.is_file()))
        meta: dict[str, Any] = {
            "source": {"file" if path.is_file() else "folder": path.name, "form": form}
        }
        told = front_matter(path / README) if path.is_dir() else {}
        for key in ("license", "language"):
            if isinstance(told.get(key), str | list):
                meta["source"][key] = told[key]
        made = self._rows.write(name, reading.rows(files), meta=meta, by=by)
        return Noted(made, reading.notes())

    def _write_rows(
        self, artifact: Artifact, to: Path, form: str, *, force: bool, by: Principal
    ) -> Exported:
        rows: Stream = partial(self._rows.stream, artifact.ref, by=by, whole=True)
        if to.suffix in _SUFFIXES.get(form, ()):
            with new_file(to, force=force) as new:
                done = _WRITE_FILE[form](rows, new)
            return Exported(artifact.ref, str(to), form, sum(done.counts.values()), 1)
        with new_folder(to, force=force) as folder:
            front: dict[str, Any] = {}
            if form == "hf":
                done, front = write_hub(rows, folder)
            else:
                done = (write_jsonl if form == "jsonl" else write_parquet)(rows, folder)
            if form == "hf":
                text = self._cards.text(artifact, front, by=by)
                (folder / README).write_text(text, encoding="utf-8")
        files = sum(map(len, done.files.values()))
        return Exported(artifact.ref, str(to), form, sum(done.counts.values()), files)

    def _write_tracked(
        self, artifact: Artifact, to: Path, form: str, *, force: bool, by: Principal
    ) -> Exported:
        with tempfile.TemporaryDirectory() as scratch, new_folder(to, force=force) as folder:
            given, rows = self._contents(artifact, Path(scratch), by)
            if form == "dvc":
                files = dvc.write_dvc(given, folder, artifact.name.replace("/", "-"))
            else:
                files = lfs.write_lfs(given, folder)
        return Exported(artifact.ref, str(to), form, rows, files)

    def _contents(
        self, artifact: Artifact, scratch: Path, by: Principal
    ) -> tuple[Iterator[Content], int]:
        if artifact.kind == "fileset":
            tree = self._filesets.opened(artifact, by=by)
            return content.of_tree(tree, self._filesets.reader(tree)), 0
        done = write_jsonl(partial(self._rows.stream, artifact.ref, by=by, whole=True), scratch)
        (scratch / README).write_text(self._cards.text(artifact, by=by), encoding="utf-8")
        return content.of_folder(scratch), sum(done.counts.values())

    def _find(self, ref: str) -> Artifact:
        """Return the dataset of this name, else the file set; `fileset/name` says which."""
        kind, slash, rest = ref.partition("/")
        if slash and kind in _KINDS:
            return self._catalog.get(kind, rest)
        try:
            return self._catalog.get("dataset", ref)
        except UnknownArtifactError as error:
            try:
                return self._catalog.get("fileset", ref)
            except UnknownArtifactError:
                raise error from None


class _Reading:
    """Rows of files, as a dataset takes them, and what reading them changed."""

    def __init__(self, folder: Path, one_file: bool):
        self._folder = folder
        self._one_file = one_file
        self._plainly = Plainly()
        self._renamed: dict[str, str] = {}

    def rows(self, files: list[tuple[str, Path]]) -> Iterator[tuple[str, Record]]:
        for split, path in files:
            read = read_parquet if path.suffix == ".parquet" else read_jsonl
            name = path.relative_to(self._folder).as_posix()
            for number, row in enumerate(read(path, self._plainly), 1):
                yield self._row(row, split, name, number)

    def notes(self) -> tuple[str, ...]:
        renamed = (
            f"The column `{old}` is `{new}` now." for old, new in sorted(self._renamed.items())
        )
        return (*renamed, *self._plainly.notes())

    def _row(self, row: Record, split: str, file: str, number: int) -> tuple[str, Record]:
        """Part a row from its split; what the source calls `id`, `origin`, `split` is its own."""
        said = row.pop("split", None)
        if isinstance(said, str) and _SPLIT.fullmatch(said):
            split = said
        elif said is not None:
            self._rename(row, "split", said)
        ours = "origin" in row and isinstance(row["origin"], dict | None)
        origin = row.pop("origin", None)
        own = row.pop("id", None)
        if own is not None and not (_is_id(own) and (ours or own == line_of(row).id)):
            self._rename(row, "id", own)
        if origin is not None and not ours:
            self._rename(row, "origin", origin)
        row["origin"] = origin if ours else {"file": file, "row": number}
        return split, row

    def _rename(self, row: Record, name: str, value: Any) -> None:
        new = f"source_{name}"
        while new in row:
            new += "_"
        row[new] = value
        self._renamed[name] = new


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{16}", value) is not None


def _row_files(path: Path, form: str, config: str) -> list[tuple[str, Path]]:
    if path.is_file():
        return [("train", path)]
    if form == "hf":
        return list(read_hub(path, config))
    found = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES[form] and p.is_file())
    if not found:
        raise NoDataFilesError(path=path)
    return [(split_of(file, path), within(file, path)) for file in found]


def _form_for(to: Path, artifact: Artifact) -> str:
    for form, suffixes in _SUFFIXES.items():
        if to.suffix in suffixes:
            return form
    if artifact.kind == "dataset":
        return "hf"
    raise UnfitFormError(ref=artifact.ref, kind="fileset", form="rows", forms=", ".join(TRACKED))

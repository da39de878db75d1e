"""Local folders of Hugging Face datasets: as `save_to_disk` writes them, or as the hub holds them.

    {hf: data/banking77, split: train, config: default}

Splits are told by `dataset_dict.json`, by the `configs` in the README's front
matter, or by the names of files and folders (`train-00000-of-00002.parquet`).
"""

import fnmatch
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from volano.data.errors import NoFilesError, SourceNotFoundError
from volano.data.sources.front import front_matter
from volano.data.sources.piece import Piece
from volano.data.sources.pieces import CHEAP_BYTES, Columns, columns_of, digest, read_pieces, stamp
from volano.data.sources.reading import READING_KEYS, Reading, format_of, reading_of
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside
from volano.data.sources.spec import bad, check_keys, text
from volano.data.sources.walk import Found, compiled, walk
from volano.data.step import Record

_FORMATS = ("parquet", "arrow", "jsonl", "json", "csv", "tsv")
_WORDS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test",
    "evaluation": "test", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation",
}  # fmt: skip
"""What splits are called in names, as `datasets` reads them."""
_LONGEST = 4 << 20


@dataclass(slots=True)
class Hf:
    """The files of a dataset's folder, each with its split."""

    root: Path
    folder: str
    split: str | None
    config: str | None
    reading: Reading
    columns: Columns

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows of one split after the other, with their `split`.

        Raises:
            SourceNotFoundError, NoFilesError: no such folder; it holds no such data.
            BadSourceError: there is no such split or config.
        """
        for split, found in self._files():
            pieces = self._piece(found, reject)
            for row in read_pieces(pieces, self.reading, self.columns, reject):
                yield {**row, "split": split}

    def fingerprint(self) -> str:
        """Return a digest of the names and contents of all files."""
        told = hashlib.sha256()
        for split, found in self._files():
            content = found.reason or digest(found.path)
            told.update(f"{split}\0{found.name}\0{content}\n".encode(errors="replace"))
        return told.hexdigest()

    def state(self) -> Mapping[str, Any]:
        """Return nothing: such a folder is read as a whole."""
        return {}

    def _piece(self, found: Found, reject: Reject) -> Iterator[Piece]:
        name = PurePosixPath(self.folder, found.name).as_posix()
        origin: dict[str, Any] = {"source": name}
        if Path(self.folder).is_absolute() or ".." in Path(self.folder).parts:
            origin["source"] = f"{Path(self.folder).name}/{found.name}"
        if found.reason:
            set_aside(reject, origin, found.reason, found.detail or None)
            return
        if stamp(found.path)[0] <= CHEAP_BYTES:
            origin["sha256"] = digest(found.path)
        yield Piece(found.path, found.name, origin)

    def _files(self) -> list[tuple[str, Found]]:
        folder = self.root / self.folder
        if not folder.is_dir():
            raise SourceNotFoundError(path=self.folder)
        every = [one for one in walk(folder, "**") if format_of(one.name) in _FORMATS]
        data = [one for one in every if not _about(one.name)]
        found = self._declared(folder, data)
        if found is None:
            if self.config is not None:
                raise bad(f"the README of `{self.folder}` names no config `{self.config}`")
            found = [(_split_of(one.name, folder), one) for one in data]
        if not found:
            raise NoFilesError(pattern=f"{self.folder}/**")
        if self.split is None:
            return found
        chosen = [(split, one) for split, one in found if split == self.split]
        if not chosen:
            known = ", ".join(sorted({split for split, _ in found}))
            raise bad(f"there is no split `{self.split}`; it has {known}")
        return chosen

    def _declared(self, folder: Path, data: list[Found]) -> list[tuple[str, Found]] | None:
        """Return the files that the README names for a config, with their splits."""
        readme = folder / "README.md"
        if not readme.is_file():
            return None
        with readme.open("rb") as file:
            matter, _, _ = front_matter(file.read(_LONGEST).decode(errors="replace"))
        configs = [one for one in matter.get("configs") or () if isinstance(one, dict)]
        if not configs:
            return None
        names = [str(one.get("config_name", "default")) for one in configs]
        wanted = self.config or ("default" if "default" in names else names[0])
        if wanted not in names:
            raise bad(f"there is no config `{wanted}`; it has {', '.join(names)}")
        files = configs[names.index(wanted)].get("data_files")
        found = []
        for split, pattern in _patterns(files):
            rule = compiled(pattern.removeprefix("./"))
            found += [(split, one) for one in data if rule.fullmatch(one.name)]
        return found or None


def _patterns(files: Any) -> Iterator[tuple[str, str]]:
    """Yield split and pattern of `data_files`, in any of the ways that a README may write it."""
    if isinstance(files, str):
        yield "train", files
    elif isinstance(files, dict):
        for split, paths in files.items():
            for path in paths if isinstance(paths, list) else [paths]:
                yield str(split), str(path)
    elif isinstance(files, list):
        for one in files:
            if isinstance(one, dict):
                paths = one.get("path")
                for path in paths if isinstance(paths, list) else [paths]:
                    yield str(one.get("split", "train")), str(path)
            else:
                yield "train", str(one)


def _split_of(name: str, folder: Path) -> str:
    """Return the split that a file's folder or name tells; `train` when neither does."""
    parts = PurePosixPath(name).parts
    if (folder / "dataset_dict.json").is_file() and len(parts) > 1:
        return parts[0]
    for part in (*parts[:-1], parts[-1]):
        sharded = re.fullmatch(r"(.+)-\d{5}-of-\d{5}\..*", part)
        if sharded and sharded[1] != "data":
            return _WORDS.get(sharded[1], sharded[1])
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _WORDS:
                return _WORDS[word]
    return "train"


def _about(name: str) -> bool:
    """Whether a file tells of the data and is none of it."""
    last = PurePosixPath(name).name
    known = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
    return last in known or fnmatch.fnmatch(last, "cache-*.arrow")


@SOURCES.register("hf")
def by_folder(spec: Mapping[str, Any], around: Around) -> Source:
    """Open a dataset's folder."""
    check_keys(spec, ("hf", "split", "config", "columns", *READING_KEYS), "a Hugging Face dataset")
    chosen = {
        name: text(spec[name], name) if name in spec else None for name in ("split", "config")
    }
    return Hf(
        around.root, text(spec["hf"], "hf"), chosen["split"], chosen["config"],
        reading_of(spec), columns_of(spec.get("columns", {})),
    )  # fmt: skip

"""A Hugging Face folder: Parquet files of each split, and a README.md that says which is which.

`datasets.load_dataset(folder)` reads what is written here. Read is what the Hub documents:
`configs` with `data_files` in the front matter of README.md, else files whose names say the split.

Source: huggingface.co/docs/hub/datasets-manual-configuration, …/datasets-file-names-and-splits.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from volano.data.exchange.columns import features
from volano.data.exchange.errors import BadFrontMatterError, LinkOutError, NoDataFilesError
from volano.data.exchange.rowfiles import Stream, Written, write_parquet
from volano.data.sources.front import plain_yaml

README = "README.md"
_SUFFIXES = (".parquet", ".jsonl", ".ndjson")
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SHARD = re.compile(r"(?P<split>.+?)-\d{5}-of-\d{5}")


def write_hub(rows: Stream, folder: Path) -> tuple[Written, dict[str, Any]]:
    """Write `data/<split>-*.parquet`; return what lies there, and the front matter for README.md."""
    data = folder / "data"
    data.mkdir()
    done = write_parquet(rows, data)
    splits: list[dict[str, Any]] = [
        {
            "name": split,
            "num_bytes": sum(path.stat().st_size for path in done.files[split]),
            "num_examples": count,
        }
        for split, count in done.counts.items()
    ]
    size = sum(path.stat().st_size for paths in done.files.values() for path in paths)
    files = [{"split": split, "path": f"data/{split}-*"} for split in done.counts]
    info: dict[str, Any] = {"splits": splits, "download_size": size, "dataset_size": size}
    if done.columns is not None:
        info = {"features": features(done.columns.schema), **info}
    return done, {
        "dataset_info": info,
        "configs": [{"config_name": "default", "data_files": files}],
    }


def read_hub(folder: Path, config: str = "") -> Iterator[tuple[str, Path]]:
    """Yield (split, file) of a folder, in order.

    Raises:
        BadFrontMatterError: README.md cannot be understood.
        NoDataFilesError: there are no files of rows.
    """
    told = front_matter(folder / README)
    found = list(_configured(folder, told, config)) or list(_guessed(folder))
    if not found:
        raise NoDataFilesError(path=folder)
    yield from found


def front_matter(path: Path) -> dict[str, Any]:
    """Return what stands between the `---` lines at the top of a Markdown file; nothing is {}.

    Raises:
        BadFrontMatterError: it is not YAML, or no mapping.
    """
    try:
        text = within(path, path.parent).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadFrontMatterError(path=path.name, why=str(error)) from error
    return parted(text, path.name)[0]


def parted(text: str, name: str = README) -> tuple[dict[str, Any], str]:
    """Part a Markdown text into its front matter and the rest.

    Raises:
        BadFrontMatterError: what stands between the lines is no mapping in YAML.
    """
    match = re.match(r"---[ \t]*\r?\n(.*?)(?:^|\n)---[ \t]*(?:\r?\n|$)", text, re.DOTALL)
    if match is None:
        return {}, text
    try:
        found = plain_yaml(match[1])
    except ValueError as error:
        raise BadFrontMatterError(path=name, why=str(error)) from error
    if not isinstance(found, dict | None):
        raise BadFrontMatterError(path=name, why="it is no mapping")
    return found or {}, text[match.end() :]


def _configured(folder: Path, told: Mapping[str, Any], wanted: str) -> Iterator[tuple[str, Path]]:
    configs = told.get("configs") or []
    if not isinstance(configs, list) or not all(isinstance(one, dict) for one in configs):
        raise BadFrontMatterError(path=README, why="`configs` is no list of mappings")
    names = [str(one.get("config_name", "default")) for one in configs]
    if wanted and wanted not in names:
        why = f"it has no configuration `{wanted}`; it has {', '.join(names) or 'none'}"
        raise BadFrontMatterError(path=README, why=why)
    pick = wanted or ("default" if "default" in names else "")
    for one in configs:
        if pick and str(one.get("config_name", "default")) != pick:
            continue
        for split, pattern in _patterns(one.get("data_files")):
            for path in _matching(folder, pattern):
                yield split, path
        if one.get("data_files"):
            return


def _patterns(given: Any) -> Iterator[tuple[str, str]]:
    """Yield (split, pattern) of `data_files`: a text, a list of texts, or mappings of a split."""
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, str):
            yield "train", one
        elif isinstance(one, dict):
            paths = one.get("path")
            for path in paths if isinstance(paths, list) else [paths]:
                if not isinstance(path, str):
                    raise BadFrontMatterError(
                        path=README, why="a `path` of `data_files` is no text"
                    )
                yield str(one.get("split", "train")), path
        elif one is not None:
            raise BadFrontMatterError(
                path=README, why="`data_files` is neither text, list nor mapping"
            )


def _matching(folder: Path, pattern: str) -> list[Path]:
    if pattern.startswith("/") or ".." in pattern.split("/") or "://" in pattern:
        raise BadFrontMatterError(path=README, why=f"`{pattern}` leads out of the folder")
    try:
        found = sorted(p for p in folder.glob(pattern) if p.suffix in _SUFFIXES and p.is_file())
    except (ValueError, NotImplementedError) as error:
        why = f"`{pattern}` is no pattern: {error}"
        raise BadFrontMatterError(path=README, why=why) from error
    return [within(path, folder) for path in found]


def _guessed(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        if (
            path.suffix in _SUFFIXES
            and path.is_file()
            and not any(p.startswith(".") for p in inner)
        ):
            yield split_of(path, folder), within(path, folder)


def within(path: Path, folder: Path) -> Path:
    """Return the path, unless it leads out of the folder by links.

    In the cache of Hugging Face's own tools links lead to `blobs` beside `snapshots`.

    Raises:
        LinkOutError: it does.
    """
    place, root = path.resolve(), folder.resolve()
    cached = root.parent.name == "snapshots" and place.is_relative_to(root.parents[1] / "blobs")
    if not cached and not place.is_relative_to(root):
        raise LinkOutError(path=path, folder=folder)
    return path


def split_of(path: Path, folder: Path) -> str:
    """Return the split that a file's name, or its folder's, says; `train` where none does."""
    shard = _SHARD.fullmatch(path.stem)
    if shard and shard["split"] not in ("data", "part"):
        return shard["split"]
    for part in reversed(path.relative_to(folder).with_suffix("").parts):
        for word in re.split(r"[^a-z]+", part.lower()):
            for split, names in _SPLITS.items():
                if word in names:
                    return split
    return "train"

"""Form: which of the formats a path is, by what lies there."""

from pathlib import Path

from volano.data.exchange.errors import NothingHereError, UnknownFormError
from volano.data.exchange.hub import front_matter

ROWS = ("jsonl", "parquet", "hf")
TRACKED = ("dvc", "lfs")
FORMS = (*ROWS, *TRACKED)
_ELSEWHERE = (
    "CSV is read by `volano data add`; packed files, HTML, PDF and more by a recipe: see "
    "docs/howto/collect-data.md. If it is one of {forms}, say so with `--form`."
)
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def form_of(path: Path) -> str:
    """Return the format of a file or folder.

    Raises:
        NothingHereError: there is neither.
        UnknownFormError: it may be none of them, or several.
    """
    if path.is_file():
        if path.suffix.lower() in _SUFFIXES:
            return _SUFFIXES[path.suffix.lower()]
        raise UnknownFormError(
            path=path,
            why="its name ends in none of .jsonl, .ndjson, .parquet",
            hint=_ELSEWHERE.format(forms=", ".join(ROWS[:2])),
        )
    if not path.is_dir():
        raise NothingHereError(path=path)
    if _has(path, "*.dvc") or _has(path, "dvc.lock"):
        return "dvc"
    if (path / ".git" / "lfs").is_dir() or _tracks_lfs(path):
        return "lfs"
    if _has(path, "*.parquet") and (_has(path, "*-of-*.parquet") or _configs(path)):
        return "hf"
    if _configs(path):
        return "hf"
    for suffix, form in ((".parquet", "parquet"), (".jsonl", "jsonl"), (".ndjson", "jsonl")):
        if _has(path, f"*{suffix}"):
            return form
    raise _unknown(path, "it has no files of rows, no `.dvc` files and no pointers of Git LFS")


def _has(folder: Path, pattern: str) -> bool:
    return any(found.is_file() for found in folder.rglob(pattern))


def _configs(folder: Path) -> bool:
    return bool(front_matter(folder / "README.md").get("configs"))


def _tracks_lfs(folder: Path) -> bool:
    for path in folder.rglob(".gitattributes"):
        if path.is_file() and "filter=lfs" in path.read_text(encoding="utf-8", errors="replace"):
            return True
    return False


def _unknown(path: Path, why: str) -> UnknownFormError:
    return UnknownFormError(path=path, why=why, forms=", ".join(FORMS))

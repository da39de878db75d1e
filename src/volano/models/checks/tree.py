"""The files of a folder from outside: by relative name, without ways out and without doubles."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from volano.core.text import nfc
from volano.models.errors import RefusedFileError

SKIPPED = (".git", ".cache", ".gitattributes", ".gitignore", ".DS_Store", "__pycache__")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken at most."""

    files: int = 2_000
    depth: int = 6
    bytes: int = 1 << 40


LIMITS = Limits()


def files_of(folder: Path, limits: Limits = LIMITS) -> dict[str, Path]:
    """Return all files below a folder by their names in it, which is checked first.

    Raises:
        RefusedFileError: a link leads out, a name is strange or there twice, or it is too much.
    """
    found: dict[str, Path] = {}
    folded: dict[str, str] = {}
    total = 0
    root = folder.resolve()
    for name, path in _walk(folder, "", limits.depth):
        if len(found) >= limits.files:
            _no(folder.name, f"it has more than {limits.files} files")
        plain = check_name(name)
        if (twin := folded.setdefault(plain.casefold(), plain)) != plain or plain in found:
            _no(name, f"another is called {ascii(twin)[:80]}, which is the same elsewhere")
        total += _size(path, name, root)
        if total > limits.bytes:
            _no(folder.name, f"it has more than {limits.bytes} bytes")
        found[plain] = path
    return found


def check_name(name: str) -> str:
    """Return a relative name as it is kept.

    Raises:
        RefusedFileError: it leads elsewhere, or cannot be a name everywhere.
    """
    steps = name.split("/")
    if {"", ".", ".."} & set(steps) or "\\" in name or not name.isprintable() or ":" in name:
        _no(name, "its name leads elsewhere, or cannot be one everywhere")
    return nfc(name)


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path]]:
    if depth < 0:
        _no(prefix, "its folders are nested too deeply")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        _no(prefix or folder.name, error.strerror or str(error))
    for entry in entries:
        if entry.name in SKIPPED:
            continue
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/", depth - 1)
        else:
            yield name, Path(entry.path)


def _size(path: Path, name: str, root: Path) -> int:
    """Return the size of a file that lies within `root`.

    In the cache of Hugging Face's own tools links lead to `blobs` beside `snapshots`.
    """
    try:
        place, facts = path.resolve(strict=True), path.stat()
    except (OSError, RuntimeError) as error:
        _no(name, getattr(error, "strerror", None) or str(error))
    cached = root.parent.name == "snapshots" and place.is_relative_to(root.parents[1] / "blobs")
    if not cached and not place.is_relative_to(root):
        _no(name, "it is a link that leads out of the folder")
    if not stat.S_ISREG(facts.st_mode):
        _no(name, "it is no file" if not path.is_symlink() else "it is a link to a folder")
    return facts.st_size


def _no(name: str, reason: str) -> NoReturn:
    way = "Put the files themselves there, under plain names, and nothing else."
    raise RefusedFileError(file=ascii(name)[1:-1][:120], reason=reason, way=way)

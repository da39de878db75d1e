"""A place that is written to: complete or not at all, and never over what is not ours.

A file appears under its name by a rename. A folder is written beside its place; where there is
none yet it is renamed, else its files replace those of the same names, and files of the
last export that are no more are taken away. `.volano-export.json` lists what is ours.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from volano.data.exchange.errors import InTheWayError, UnwritablePlaceError

MARK = ".volano-export.json"


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield the place to write a file to; it gets its name at the end.

    Raises:
        InTheWayError: there is something, and `force` was not said.
        UnwritablePlaceError: it cannot be written.
    """
    with _said(path):
        if path.is_dir() or (os.path.lexists(path) and not force):
            raise InTheWayError(path=path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
        os.close(fd)
        new = Path(name)
        try:
            yield new
            new.chmod(0o644)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield the place to write a folder to; it gets its name at the end.

    Raises:
        InTheWayError: there is something that no export wrote, and `force` was not said.
        UnwritablePlaceError: it cannot be written.
    """
    with _said(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise InTheWayError(path=path)
        old = _ours(path)
        if old is None and path.is_dir() and any(path.iterdir()) and not force:
            raise InTheWayError(path=path)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))
        try:
            yield new
            files = sorted(str(p.relative_to(new)) for p in new.rglob("*") if not p.is_dir())
            (new / MARK).write_text(json.dumps({"files": files}, ensure_ascii=False))
            new.chmod(0o755)
            _settle(new, path, old or [])
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _settle(new: Path, path: Path, old: list[str]) -> None:
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()
    if not path.exists():
        new.rename(path)
        return
    fresh = sorted(p for p in new.rglob("*") if not p.is_dir())
    for source in fresh:
        target = path / source.relative_to(new)
        if any(parent.is_symlink() for parent in target.parents if path in parent.parents):
            raise InTheWayError(path=target)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    names = {str(p.relative_to(new)) for p in fresh}
    for gone in set(old) - names:
        with suppress(OSError):
            (path / gone).unlink()


def _ours(path: Path) -> list[str] | None:
    """Return what the last export wrote here; None where none did."""
    try:
        files = json.loads((path / MARK).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return [name for name in files if isinstance(name, str) and _within(name)]


def _within(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnwritablePlaceError(
            path=error.filename or path, why=error.strerror or error
        ) from error

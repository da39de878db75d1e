"""Health of sealed files: is each there, and what it was when it was written?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from volano.traces.hot import reading
from volano.traces.sealed import manifest
from volano.traces.sealed.manifest import SealedFile


@dataclass(frozen=True, slots=True)
class Trouble:
    """A sealed file that is not what it should be, and how many rows are in it."""

    path: str
    why: str
    rows: int
    day: str


def trouble_with(folder: Path, file: SealedFile, *, whole: bool = True) -> str:
    """Return what is wrong with a file; empty, where nothing is. Not `whole`: only its size."""
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.bytes:
            return f"it has {size} bytes instead of {file.bytes}"
        if whole and _digest(path) != file.sha256:
            return "its bytes are not those that were written"
    except FileNotFoundError:
        return "it is not there"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return ""


def sealed(hot_path: Path) -> tuple[int, int]:
    """Return how many sealed files there are, and their rows.

    Raises:
        RecordsBrokenError, RecordsUnavailableError, RecordsTooNewError: as in `hot.reading`.
    """
    with reading(hot_path) as conn:
        files = () if conn is None else manifest.load(conn)
    return len(files), sum(file.rows for file in files)


def troubles(hot_path: Path, *, whole: bool = False) -> Iterator[Trouble]:
    """Look at all sealed files; `whole` reads every byte.

    Raises:
        RecordsBrokenError, RecordsUnavailableError, RecordsTooNewError: as in `hot.reading`.
    """
    folder = manifest.folder_of(hot_path)
    with reading(hot_path) as conn:
        files = () if conn is None else manifest.load(conn)
    for file in files:
        why = trouble_with(folder, file, whole=whole)
        if why:
            yield Trouble(str(folder / file.path), why, file.rows, file.day)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

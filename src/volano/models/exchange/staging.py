"""Staging: what comes in is copied into a folder of our own, and only that is checked and kept.

Between a check and a copy somebody could change a file. So the copy comes
first: in pieces, hashed on the way where a digest was promised.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from volano.models.checks.reading import AGAIN
from volano.models.checks.tree import check_name
from volano.models.errors import RefusedFileError

_PIECE = 4 << 20


@contextmanager
def staging(cache: Path) -> Iterator[Path]:
    """Yield an empty folder below `cache` that is gone afterwards."""
    home = cache / "imports"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        yield Path(folder)


def copied(files: Mapping[str, Path], to: Path) -> dict[str, Path]:
    """Copy files under their names into a folder; return where they are now.

    Raises:
        RefusedFileError: a name leads elsewhere, a file cannot be read, or there is no room.
    """
    wanted = sum(path.stat().st_size for path in files.values())
    if wanted > shutil.disk_usage(to).free:
        reason = f"its {wanted} bytes are more than the disk has left"
        raise RefusedFileError(file=next(iter(files)), reason=reason, way="Make room first.")
    return {name: copy(path, to / check_name(name), name) for name, path in files.items()}


def copy(path: Path, to: Path, name: str, digest: str = "") -> Path:
    """Copy one file in pieces; with a `digest` (hex of sha256), only if it is the file's.

    Raises:
        RefusedFileError: it cannot be read, or is not what was promised.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    try:
        # Not to wait for a pipe that took the place of the file.
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(source, "rb") as given, to.open("xb") as kept:
            while piece := given.read(_PIECE):
                hashed.update(piece)
                kept.write(piece)
    except OSError as error:
        raise RefusedFileError(file=name, reason=error.strerror or str(error), way=AGAIN) from error
    if digest and hashed.hexdigest() != digest:
        raise RefusedFileError(file=name, reason=f"its sha256 is not {digest}", way=AGAIN)
    return to

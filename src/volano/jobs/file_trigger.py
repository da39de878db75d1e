"""Files as a trigger: which of those that a pattern names are new or have changed."""

import glob
import hashlib
from pathlib import Path
from stat import S_ISREG
from typing import Any

from volano.core.ports.sensed import Sensed
from volano.jobs.schedule_errors import UnreadableFilesError

MOST_FILES = 10_000
_SHOWN = 20


def sense_files(what: str, mark: Any) -> Sensed:
    """Return how many files of the pattern are new or changed since the mark.

    A file is known by its path, size, time of change and inode, not by its
    content: a corpus is not read to see that it stayed. The mark has 16 hex
    digits for each file. What vanished is no news.

    Raises:
        UnreadableFilesError: the pattern is relative, or names too many files.
    """
    if not Path(what).is_absolute():
        raise UnreadableFilesError(glob=what[:120], why="it must be an absolute path")
    found: dict[str, str] = {}
    for path in glob.iglob(what, recursive=True):  # noqa: PTH207 - hidden files are not meant by *
        seen = _mark(path)
        if seen is not None:
            found[seen] = path
        if len(found) > MOST_FILES:
            why = f"it names more than {MOST_FILES} files"
            raise UnreadableFilesError(glob=what[:120], why=why)
    known = set(found if mark is None else mark)
    new = sorted(path for seen, path in found.items() if seen not in known)
    return Sensed(sorted(found), len(new), {"files": new[:_SHOWN], "count": len(new)})


def _mark(path: str) -> str | None:
    """Return what a regular file is known by; None where it is none, or has just gone."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    if not S_ISREG(found.st_mode):
        return None
    facts = f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ino}"
    return hashlib.sha256(facts.encode(errors="surrogateescape")).hexdigest()[:16]

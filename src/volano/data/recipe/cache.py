"""The cache: what each step made of each shard, so that only what changed is done again.

    shards/ab/ab12….jsonl.zst   rows, by the sha256 of their lines
    entries/cd/cd34….json       what a key led to: shards, counts, reasons
    made/ef/ef56…-1a2b/         files that a whole step wrote in survey and decide
    journals/….jsonl            how far a source was read
    answers/ab/ab12….json       what servers said, each beside its body (`sources.answers`)

A key is the digest of all that decides: the input's sha256, the step's name,
version, settings and package. An entry whose files are not there counts as
none. What no entry names is swept (`tidy`), when nobody uses the cache.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.data.recipe.errors import CacheBusyError
from volano.data.recipe.shard import Shard, Shards
from volano.store import pack

FORMAT = 1
"""Goes up when what lies in the cache means something else."""

_PARTS = ("entries", "shards", "made", "journals", "answers")
MAX_BYTES = 50 * 2**30
MAX_AGE_S = 30 * 24 * 3600.0


def key_of(*parts: Any) -> str:
    """Return the key of plain values."""
    return hashlib.sha256(canonical([FORMAT, *parts])).hexdigest()


class Cache:
    """One folder. Several processes may use it at once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.shards = Shards(folder / "shards")
        self.answers = folder / "answers"

    def get(self, key: str) -> dict[str, Any] | None:
        """Return an entry, and note that it was used; None when there is none that holds."""
        path = self._entry(key)
        try:
            entry = json.loads(path.read_bytes())
            whole = isinstance(entry, dict) and self._holds(entry)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        if not whole:
            return None
        with suppress(OSError):
            os.utime(path)
        return dict(entry)

    def put(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keep an entry: `shards` lists those that it names, `folder` and `files` what it made.

        Raises:
            DiskFullError: no room.
        """
        with pack.new_file(self._entry(key)) as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode())

    def new_folder(self, key: str) -> Path:
        """Make a folder for what a step writes; it counts once an entry names it."""
        path = self.folder / "made" / key[:2] / f"{key}-{os.urandom(4).hex()}"
        with pack.room_for(path):
            path.mkdir(parents=True)
        return path

    def made(self, entry: Mapping[str, Any]) -> Path:
        """Return the folder that an entry names."""
        return self.folder / str(entry["folder"])

    def keep_folder(self, path: Path) -> dict[str, Any]:
        """Return what an entry says of a folder: its name, and its files with their sha256."""
        found = [one for one in sorted(path.rglob("*")) if one.is_file()]
        files = {one.relative_to(path).as_posix(): sha256_of(one) for one in found}
        return {"folder": path.relative_to(self.folder).as_posix(), "files": files}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep others from tidying; sweep what the dead left half-written."""
        with self._locked(fcntl.LOCK_SH):
            for folder in (self.folder / "shards", self.folder / "entries", self.answers):
                for one in (folder, *folder.glob("*/")):
                    pack.sweep(one)
            yield

    def size(self) -> dict[str, int]:
        """Return how many shards and entries there are, and the bytes of everything."""
        files = [one for one in self.folder.rglob("*") if one.is_file()]
        return {
            "entries": sum(1 for one in files if one.suffix == ".json" and "entries" in one.parts),
            "shards": sum(1 for one in files if one.name.endswith(".jsonl.zst")),
            "bytes": sum(_size(one) for one in files),
        }

    def clear(self) -> dict[str, int]:
        """Throw everything away; return what it was.

        Raises:
            CacheBusyError: a recipe runs.
        """
        with self._locked(fcntl.LOCK_EX):
            was = self.size()
            for name in _PARTS:
                shutil.rmtree(self.folder / name, ignore_errors=True)
            return was

    def tidy(self, *, max_bytes: int = MAX_BYTES, max_age_s: float = MAX_AGE_S) -> int:
        """Throw out what was not used for long, then the least used until all fits.

        Returns the bytes that went; 0 also when a recipe runs, for then nothing is touched.
        """
        try:
            with self._locked(fcntl.LOCK_EX):
                before = self.size()["bytes"]
                self._evict(max_bytes, time.time() - max_age_s)
                return before - self.size()["bytes"]
        except CacheBusyError:
            return 0

    def _evict(self, max_bytes: int, oldest: float) -> None:
        """Keep entries from the newest on, as long as what they name fits; sweep the rest."""
        entries = [*self.folder.glob("entries/*/*.json"), *self.folder.glob("journals/*.jsonl"),
                   *self.folder.glob("answers/*/*.json")]  # fmt: skip
        entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        kept: set[Path] = set()
        room = max_bytes
        for path in entries:
            new = ({path} | self._names(path)) - kept
            room -= sum(map(_size, new))
            if room >= 0 and path.stat().st_mtime >= oldest:
                kept |= new
        self._sweep(kept)

    def _sweep(self, kept: set[Path]) -> None:
        """Delete all but these files: what was evicted, and what the killed left behind."""
        for part in _PARTS:
            for path in (self.folder / part).rglob("*"):
                if path.is_file() and path not in kept:
                    path.unlink()
        for folder in sorted(self.folder.glob("made/*/**/"), reverse=True):
            with suppress(OSError):
                folder.rmdir()  # those that are empty now

    def _names(self, path: Path) -> set[Path]:
        """Return the files that an entry, or the lines of a journal, stand on."""
        found: set[Path] = set()
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            for line in path.read_bytes().splitlines():
                entry = json.loads(line)
                if "body" in entry:
                    found.add(path.with_name(entry["body"]))
                    continue
                found |= {self.shards.path(Shard.from_list(raw).sha256) for raw in entry["shards"]}
                if "folder" in entry:
                    found |= {self.folder / entry["folder"] / name for name in entry["files"]}
        return found

    def _holds(self, entry: Mapping[str, Any]) -> bool:
        """Whether what an entry names is there; made files are read and compared."""
        if not all(self.shards.has(Shard.from_list(raw)) for raw in entry["shards"]):
            return False
        if "folder" not in entry:
            return True
        made = self.folder / entry["folder"]
        return made.is_dir() and all(
            sha256_of(made / name) == sha256 for name, sha256 in entry["files"].items()
        )

    def _entry(self, key: str) -> Path:
        return self.folder / "entries" / key[:2] / f"{key}.json"

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the cache, together with others (shared) or alone (exclusive)."""
        with pack.room_for(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _flock(fd, how)
            yield
        finally:
            os.close(fd)


def _flock(fd: int, how: int) -> None:
    """Wait for a shared lock: who holds the other is soon done. An exclusive one is had or not."""
    try:
        fcntl.flock(fd, how if how == fcntl.LOCK_SH else how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CacheBusyError from error


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

"""A Git repository, read with care: what it holds here, what it held at its base, what changed.

It may hold anything that somebody sent: no hook, filter of diffs or monitor of it is run, nothing
is read through a link, from `.git` or from what Git ignores (where secrets lie), and names of
commits are never taken for options.
"""

import os
import subprocess
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from volano.ci.errors import (
    BadLinkError,
    NoBaseError,
    NoGitError,
    NotARepositoryError,
    ShallowError,
    TooLargeFileError,
)
from volano.ci.repository import Base, Changed
from volano.core.text import nfc

MOST_BYTES, TIMEOUT_S = 64 << 20, 120
USUAL_BASES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=",
    "-c", "core.quotePath=false", "--literal-pathspecs", "--no-pager",
)  # fmt: skip
_FILES = ("100644", "100755")


class GitRepository:
    """One repository with its working tree.

    Raises:
        NotARepositoryError: there is none at this place.
    """

    def __init__(self, place: Path):
        self._at = place
        code, out, said = self._run("rev-parse", "--show-toplevel")
        if code:
            why = "its owner is another" if "dubious ownership" in said else "Git knows none there"
            raise NotARepositoryError(place=place, why=why)
        self.root = self._at = Path(os.fsdecode(out.removesuffix(b"\n"))).resolve()

    def base(self, name: str | None) -> Base:
        """Return where this change left its base: the best common ancestor of both.

        Raises:
            NoBaseError: there is no such commit, or nothing in common.
            ShallowError: the history that is here does not reach back so far.
        """
        found = next((one for one in ([name] if name else USUAL_BASES) if self._commit(one)), None)
        if found is None or not self._commit("HEAD"):
            if name and self._shallow:
                raise ShallowError(base=name)
            raise NoBaseError(base=name or ", ".join(USUAL_BASES))
        code, out, _ = self._run("merge-base", self._commit(found), "HEAD")
        if code:
            if self._shallow:
                raise ShallowError(base=found)
            raise NoBaseError(base=found, why="it has no commit in common with what is here")
        return Base(found, out.decode().strip())

    def changed(self, commit: str) -> list[Changed]:
        """Return the files that differ between a commit and what is here, committed or not."""
        out = self._out(
            "diff", "--name-status", "-z", "-M", "--no-ext-diff", "--no-textconv", commit, "--"
        )
        words = iter(out.split(b"\0"))
        found = []
        for status in words:
            if not status:
                continue
            old = _name(next(words))
            new = _name(next(words)) if status[:1] in b"RC" else old
            found.append(Changed(new, old, status[:1].decode()))
        return found + [Changed(path, path, "A") for path in self._others]

    def paths(self) -> list[str]:
        """Return the files here that Git knows or does not ignore, in order."""
        tracked = {_name(one) for one in self._out("ls-files", "-z").split(b"\0") if one}
        return sorted(tracked | set(self._others))

    def paths_at(self, commit: str) -> list[str]:
        """Return the files of a commit, in order."""
        return sorted(self._blobs(commit))

    def here(self, path: str) -> bytes | None:
        """Return what a file says here; None where there is none that may be read."""
        real = self._real.get(nfc(path))
        if real is None or not self._plain(real):
            return None
        with (self.root / real).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return _bounded(data, path)

    def at(self, commit: str, path: str) -> bytes | None:
        """Return what a file said at a commit; None where there was none."""
        blob = self._blobs(commit).get(nfc(path))
        if blob is None:
            return None
        if int(self._out("cat-file", "-s", blob)) > MOST_BYTES:
            raise TooLargeFileError(path=path, most=MOST_BYTES >> 20)
        return self._out("cat-file", "blob", blob)

    def put(self, path: str, data: bytes) -> None:
        """Write a file here, whole or not at all; never through a link."""
        place = self.root
        for part in Path(path).parts[:-1]:
            place /= part
            if place.is_symlink():
                raise BadLinkError(path=path)
            place.mkdir(exist_ok=True)
        draft = self.root / f"{path}.{os.getpid()}.tmp"
        draft.write_bytes(data)
        draft.replace(self.root / path)

    def tracks(self, path: str) -> bool:
        """Whether Git holds anything at this place."""
        return bool(self._out("ls-files", "-z", "--", path))

    @cached_property
    def _others(self) -> list[str]:
        out = self._out("ls-files", "-z", "--others", "--exclude-standard")
        return [_name(one) for one in out.split(b"\0") if one]

    @cached_property
    def _real(self) -> dict[str, str]:
        """Names as people write them (NFC), and as the disk has them."""
        return {nfc(path): path for path in self.paths()}

    @cached_property
    def _shallow(self) -> bool:
        return self._out("rev-parse", "--is-shallow-repository").strip() == b"true"

    def _plain(self, path: str) -> bool:
        place = self.root
        for part in Path(path).parts:
            place /= part
            if part in ("..", ".git") or place.is_symlink():
                return False
        return place.is_file()

    def _blobs(self, commit: str) -> dict[str, str]:
        if commit not in (known := self.__dict__.setdefault("_known", {})):
            known[commit] = dict(self._tree(commit))
        return dict(known[commit])

    def _tree(self, commit: str) -> Iterator[tuple[str, str]]:
        for line in self._out("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            about, _, name = line.partition(b"\t")
            if name and about.split()[0].decode() in _FILES:
                yield nfc(_name(name)), about.split()[2].decode()

    def _commit(self, name: str) -> str:
        code, out, _ = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        return "" if code else out.decode().strip()

    def _out(self, *words: str) -> bytes:
        code, out, said = self._run(*words)
        if code:
            raise NotARepositoryError(place=self._at, why=said.strip()[:200] or f"git said {code}")
        return out

    def _run(self, *words: str) -> tuple[int, bytes, str]:
        env = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        env |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0",
                "GIT_NO_LAZY_FETCH": "1"}  # fmt: skip
        try:
            done = subprocess.run(
                ["git", "-C", str(self._at), *_SAFE, *words],
                capture_output=True, env=env, timeout=TIMEOUT_S, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise NoGitError(why=str(error)[:200]) from error
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def _name(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _bounded(data: bytes, path: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise TooLargeFileError(path=path, most=MOST_BYTES >> 20)
    return data

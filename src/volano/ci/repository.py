"""A Repository, as checks need it: what is here, what was at the base, what changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Base:
    """What a change is compared with: what it was called, and the commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that differs. `status` is Git's letter; `old` its name at the base."""

    path: str
    old: str
    status: str


class Repository(Protocol):
    """Reads and writes files of one repository, and nothing outside of it."""

    root: Path

    def base(self, name: str | None) -> Base:
        """Return where this change left its base."""
        ...

    def changed(self, commit: str) -> list[Changed]:
        """Return the files that differ between a commit and what is here."""
        ...

    def paths(self) -> list[str]:
        """Return the files here, in order."""
        ...

    def paths_at(self, commit: str) -> list[str]:
        """Return the files of a commit, in order."""
        ...

    def here(self, path: str) -> bytes | None:
        """Return what a file says here; None where there is none that may be read."""
        ...

    def at(self, commit: str, path: str) -> bytes | None:
        """Return what a file said at a commit; None where there was none."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Write a file here, whole or not at all."""
        ...

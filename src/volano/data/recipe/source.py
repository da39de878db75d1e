"""Sources as a recipe's pass opens them: by a function that a child process finds by name."""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from volano.data.recipe.shard import line_of, row_of
from volano.data.sources.source import Source
from volano.data.step import Record, Rejected
from volano.store import pack

Opener = Callable[..., Source]
"""Takes a spec, and the folder `root` that its relative paths count from."""


def opener_of(dotted: str) -> Opener:
    """Return the function that `module:name` says: how a child process is told to open sources."""
    module, _, name = dotted.partition(":")
    found: Opener = getattr(importlib.import_module(module), name)
    return found


def gather(source: Source, path: Path) -> None:
    """Write what a source gives, and what it sets aside, where `Gathered` finds it.

    Raises:
        DiskFullError: no room; nothing was written.
    """
    aside: list[bytes] = []
    with pack.new_file(path) as file:
        for row in source.rows(lambda one: aside.append(json.dumps(one.to_dict()).encode())):
            file.write(line_of(row))
    with pack.new_file(_beside(path)) as file:
        file.writelines(line + b"\n" for line in aside)


class Gathered:
    """Rows that a Run has written out for its child; they keep the origin they were given."""

    def __init__(self, path: Path, digest: str):
        self._path = path
        self._digest = digest

    def rows(self, reject: Callable[[Rejected], None]) -> Iterator[Record]:
        """Yield the rows; what was set aside is so again."""
        with self._path.open("rb") as file:
            yield from map(row_of, file)
        with _beside(self._path).open("rb") as file:
            for line in file:
                reject(Rejected(**json.loads(line)))

    def fingerprint(self) -> str:
        """Return what the source's was."""
        return self._digest

    def state(self) -> Mapping[str, Any]:
        """Nothing: it was read as a whole."""
        return {}


def _beside(path: Path) -> Path:
    return path.with_suffix(".aside")

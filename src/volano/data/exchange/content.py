"""Content: one file that is to be written somewhere, whatever it comes from."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from volano.data.filesets.tree import Tree
from volano.data.filesets.walk import walk
from volano.data.filesets.writing import Reader

_PART = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Content:
    """A path, its mode (see `walk`), a link's target; `parts` yields the bytes each time anew."""

    path: str
    mode: str
    parts: Callable[[], Iterator[bytes]]
    target: str = ""


def of_tree(tree: Tree, reader: Reader) -> Iterator[Content]:
    """Yield the files of a version, in the order in which their bytes lie."""
    for entry in reader.ordered(tree.entries):
        yield Content(entry.path, entry.mode, lambda entry=entry: reader.parts(entry), entry.target)  # type: ignore[misc]


def of_folder(folder: Path) -> Iterator[Content]:
    """Yield the files of a folder."""
    for found in walk(folder):
        place = folder / found.path
        target = os.readlink(place) if place.is_symlink() else ""  # noqa: PTH115 - as it is
        yield Content(found.path, found.mode, lambda place=place: _parts(place), target)  # type: ignore[misc]


def _parts(place: Path) -> Iterator[bytes]:
    with place.open("rb") as file:
        while part := file.read(_PART):
            yield part

"""Groups of rows, in bounded memory: rows of one group come together, a part of all groups at a time.

On disk lies one record for each row. Rows of one group fall into one part by the remainder of the
group's name, so that each part is sorted on its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.clusters import begins
from volano.data.shares import Groups
from volano.data.shingles import Places, scrambled
from volano.data.spill import MOST_PARTS, scatter

PART = 1 << 18
"""Rows that are sorted together in memory: 8 MB of them."""
MEMBER = np.dtype([("group", "<u8"), ("row", "<u8"), ("mark", "<u8"), ("stratum", "<u8")])
"""The group's name, the row's number, the hash that its place follows from, its stratum's hash."""

Members = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Grouped:
    """Some groups, and their rows: those of the first group, then those of the second, and so on."""

    groups: Groups
    rows: Places


class Grouping:
    """Rows by their groups. A group's least member by `mark` gives it its place and its stratum."""

    def __init__(self, chunks: Iterable[Members], total: int, folder: Path):
        """Write the members down; rows must ascend, `total` says how many there are."""
        parts = max(1, min(-(-total // PART), MOST_PARTS))
        self._paths = [folder / f"members-{number}" for number in range(parts)]
        scatter(chunks, "group", self._paths)

    def __iter__(self) -> Iterator[Grouped]:
        for path in self._paths:
            if (members := np.fromfile(path, MEMBER)).size:
                yield _grouped(members)

    def groups(self) -> Iterator[Groups]:
        """Yield the groups alone."""
        for one in self:
            yield one.groups

    def clear(self) -> None:
        """Remove what was written down."""
        for path in self._paths:
            path.unlink(missing_ok=True)


def _grouped(members: Members) -> Grouped:
    order: npt.NDArray[Any] = np.lexsort((members["mark"], members["group"]))
    members = members[order]
    heads = np.flatnonzero(begins(members["group"]))
    first = members[heads]
    groups = Groups(
        first["group"],
        (scrambled(first["mark"]) >> np.uint64(11)) / 2**53,
        np.diff(np.append(heads, members.size)),
        first["stratum"],
    )
    return Grouped(groups, members["row"].astype(np.int64))

"""Draw: how often each row goes on, so that exactly as many rows do as were asked for.

A row's place is the hash of its content and the seed; the smallest places of a
stratum are drawn. So a draw depends on the rows alone: not on how they are cut
into shards, nor on their order (but for rows that are equal, where the first
ones count). What is written down of a row takes 12 bytes.
"""

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from volano.core.errors import InvalidError
from volano.data.step import Record

ASIDE = ("id", "origin", "split")
"""Columns that say where a row is from and where it goes, and are no part of its content."""
MOST_STRATA = 10_000
PLACES, STRATA, NAMES = "places.u64", "strata.u32", "strata.json"

Places = NDArray[np.uint64]


class TooManyStrataError(InvalidError):
    """The column `{column}` has more than {most} different values."""

    hint = "Draw by a column of few values, such as a label, a language or a source."


def place_of(row: Record, seed: int) -> int:
    """Return a number below 2^64 that follows from the row's content and the seed."""
    content = {name: value for name, value in row.items() if name not in ASIDE}
    said = json.dumps(content, sort_keys=True, ensure_ascii=True, default=str)
    return int.from_bytes(
        hashlib.blake2b(f"{seed}\0{said}".encode(), digest_size=8).digest(), "big"
    )


def stratum_of(row: Record, column: str) -> str:
    """Return the text that stands for a row's value in a column; rows without one are a stratum too."""
    value = row.get(column) if column else None
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)


def survey(rows: Iterable[Record], folder: Path, *, column: str, seed: int) -> None:
    """Write the places and strata of one shard's rows.

    Raises:
        TooManyStrataError: the column has too many values.
    """
    names: dict[str, int] = {}
    with (folder / PLACES).open("wb") as places, (folder / STRATA).open("wb") as strata:
        for row in rows:
            number = names.setdefault(stratum_of(row, column), len(names))
            if len(names) > MOST_STRATA:
                raise TooManyStrataError(column=column, most=MOST_STRATA)
            array("Q", (place_of(row, seed),)).tofile(places)
            array("I", (number,)).tofile(strata)
    (folder / NAMES).write_text(json.dumps(list(names)), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Share:
    """How often a stratum's rows go on in one shard.

    Each `times`; once more those whose place is below `below`, and the first `ties` of those
    whose place it is.
    """

    times: int
    below: int
    ties: int


def decide(
    folders: Sequence[Path],
    wanted: Callable[[Mapping[str, int]], Mapping[str, int]],
    *,
    column: str,
) -> list[dict[str, list[int]]]:
    """Return for each shard what `drawn` needs: how many rows of each stratum go on.

    `wanted` gets how many rows there are of each stratum, and returns how many there shall be.

    Raises:
        TooManyStrataError: the column has too many values.
    """
    shards = [_read(folder) for folder in folders]
    counts: dict[str, int] = {}
    for shard in shards:
        for name, places in shard.items():
            counts[name] = counts.get(name, 0) + len(places)
    if len(counts) > MOST_STRATA:
        raise TooManyStrataError(column=column, most=MOST_STRATA)
    targets = wanted(counts)
    decided: list[dict[str, list[int]]] = [{} for _ in folders]
    for name, count in counts.items():
        own = [shard.get(name, np.empty(0, np.uint64)) for shard in shards]
        times, more = divmod(targets.get(name, 0), count)
        below, ties = _bound(own, more)
        for at, places in enumerate(own):
            here = min(ties, int(np.count_nonzero(places == np.uint64(below)))) if ties else 0
            decided[at][name] = [times, below, here]
            ties -= here
    return decided


def _bound(own: Sequence[Places], more: int) -> tuple[int, int]:
    """Return the place up to which `more` rows lie, and how many of those that share it are among them."""
    if more == 0:
        return 0, 0
    every = np.concatenate(own)
    below = np.partition(every, more - 1)[more - 1]
    return int(below), more - int(np.count_nonzero(every < below))


def _read(folder: Path) -> dict[str, Places]:
    names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    places = np.fromfile(folder / PLACES, np.uint64)
    strata = np.fromfile(folder / STRATA, np.uint32)
    order = np.argsort(strata, kind="stable")
    ends = np.cumsum(np.bincount(strata, minlength=len(names)))
    return dict(zip(names, np.split(places[order], ends[:-1]), strict=True)) if names else {}


class Drawn:
    """Says for the rows of one shard, in their order, how often each goes on."""

    def __init__(self, decided: Mapping[str, Sequence[int]], *, column: str, seed: int):
        self._shares = {name: Share(*numbers) for name, numbers in decided.items()}
        self._ties = {name: share.ties for name, share in self._shares.items()}
        self._column, self._seed = column, seed

    def times(self, row: Record) -> int:
        """Return how often this row goes on."""
        name = stratum_of(row, self._column)
        share = self._shares[name]
        place = place_of(row, self._seed)
        if place != share.below:
            return share.times + (place < share.below)
        self._ties[name] -= 1
        return share.times + (self._ties[name] >= 0)


def apportioned(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """Return a total's parts in proportion to the counts, none above its count (Hamilton's largest remainders)."""
    whole = sum(counts.values())
    total = min(total, whole)
    parts = {name: total * count // whole for name, count in counts.items()} if whole else {}
    rest = total - sum(parts.values())
    by_remainder = sorted(parts, key=lambda name: (-(total * counts[name] % whole), name))
    for name in by_remainder[:rest]:
        parts[name] += 1
    return parts

"""Exact duplicates: of equal rows the first stays."""

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from volano.data.clusters import begins
from volano.data.column import as_words, check_name, check_one_of
from volano.data.drops import Drops, let_through
from volano.data.facts import content, said
from volano.data.fold import fold
from volano.data.shingles import Places
from volano.data.spill import Pairs, numbered, repeated
from volano.data.step import STEPS, Notes, Record

EXACT = "exact duplicate"
TEXT, ROW, COLUMNS = "text", "row", "columns"


@STEPS.register("exact-dedup")
@dataclass(frozen=True, slots=True)
class ExactDedup:
    """Of equal rows the first stays.

    `what: text` compares the folded text of `column` (case, width, spaces do not count),
    `what: row` all columns as they are, `what: columns` those named in `columns`. A row without a
    text is equal to no other. `origin`, `split` and `id` never count.
    """

    name: ClassVar[str] = "exact-dedup"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    what: str = TEXT
    column: str = "text"
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_one_of(self.name, "what", self.what, (TEXT, ROW, COLUMNS))
        check_name(self.name, "column", self.column)
        object.__setattr__(self, "columns", as_words(self.name, "columns", self.columns))
        if self.what == COLUMNS and not self.columns:
            check_name(self.name, "columns", None)

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write down a hash of 128 bits of each row, and where it comes from."""
        with ExitStack() as stack:
            high, low, places, origins = (
                stack.enter_context((folder / name).open("wb"))
                for name in ("high", "low", "places", "origins")
            )
            told = 0
            for number, row in enumerate(rows):
                digest = self.digest(row)
                if digest is None:
                    digest = blake2b(
                        f"{folder.resolve()}\n{number}".encode(), digest_size=16
                    ).digest()
                high.write(digest[:8])
                low.write(digest[8:])
                places.write(told.to_bytes(8, "little"))
                told += origins.write(msgspec.json.encode(row.get("origin")) + b"\n")

    def digest(self, row: Record) -> bytes | None:
        """Return what is the same for equal rows only; None for a row without a text."""
        if self.what == TEXT:
            value = row.get(self.column)
            if not isinstance(value, str):
                return None
            text = fold(value)
        else:
            chosen = (
                {name: row.get(name) for name in self.columns} if self.columns else content(row)
            )
            text = said(chosen)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def decide(self, folders: Sequence[Path], folder: Path) -> list[dict[str, str]]:
        """Return for each shard the file that says which of its rows go."""
        with Told(folders) as told:
            drops = Drops(folder, told.starts)
            keys = numbered([one / "high" for one in folders], told.starts[:-1])
            for pairs in repeated(keys, told.starts[-1], folder):
                gone, kept = told.repeats(pairs)
                drops.add(gone, kept)
            return drops.told(told)

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the first of equal rows."""
        return let_through(rows, notes, EXACT, decided)


class Told:
    """What the surveys wrote down: the second half of each hash, and where the rows come from."""

    def __init__(self, folders: Sequence[Path]):
        self.folders = folders
        self.starts = [0]
        for folder in folders:
            self.starts.append(self.starts[-1] + (folder / "high").stat().st_size // 8)

    def __enter__(self) -> "Told":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def repeats(self, pairs: Pairs) -> tuple[Places, Places]:
        """Return (rows that go, the first equal row for each) of rows whose half hashes agree."""
        rows = pairs["row"].astype(np.int64)
        halves = self._low(rows)
        order = np.lexsort((rows, halves, pairs["key"]))
        rows, halves, keys = rows[order], halves[order], pairs["key"][order]
        first = begins(keys) | begins(halves)
        leaders = rows[first][np.cumsum(first) - 1] if rows.size else rows
        return rows[~first], leaders[~first]

    def _low(self, rows: Places) -> Places:
        """Return the other halves, shard by shard: only those asked for are read."""
        halves = np.empty(rows.size, np.uint64)
        shards = np.searchsorted(self.starts, rows, "right") - 1
        for shard in np.unique(shards).tolist():
            here = shards == shard
            whole = np.fromfile(self.folders[shard] / "low", "<u8")
            halves[here] = whole[rows[here] - self.starts[shard]]
        return halves.astype(np.uint64)

    def origin(self, row: int) -> Any:
        """Return where this row came from; its number (from 0) where it does not say."""
        shard = bisect_right(self.starts, row) - 1
        with (self.folders[shard] / "places").open("rb") as places:
            place = int.from_bytes(
                os.pread(places.fileno(), 8, (row - self.starts[shard]) * 8), "little"
            )
        with (self.folders[shard] / "origins").open("rb") as origins:
            origins.seek(place)
            told = msgspec.json.decode(origins.readline())
        return {"row": row} if told is None else told

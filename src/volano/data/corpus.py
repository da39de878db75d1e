"""What is kept on disk of many texts, so that they can be compared without being in memory.

Each shard has a folder. Row i of it has a record in `rows` (where its shingles
and its origin lie, how it is preferred), a key in each file `band-…`, its
shingles in `shingles`, and its origin as JSON in `origins`.
"""

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from volano.data.minhash import Bands
from volano.data.shingles import BATCH_CHARS, Hashes, Places, Shingler, thin

ROW = np.dtype(
    [
        ("digest", "<u8"), ("guard", "<u8"), ("at", "<u8"), ("origin", "<u8"),
        ("score", "<f8"), ("count", "<u4"), ("level", "<u4"),
    ]
)  # fmt: skip
MOST_OPEN = 64
"""Shards whose files are open together."""
MOST_COMPARED, MOST_PAIRS = 1 << 20, 1 << 16
"""Shingles, and pairs of texts, that are compared in one go."""
BATCH_ROWS = 2048
_MIX = np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a survey is told of a row: its text, what must be equal, how it is preferred, its origin."""

    text: str
    guard: str = ""
    score: float = 0.0
    origin: Any = None


@dataclass(frozen=True, slots=True)
class Near:
    """What it means that two texts are alike: how they are cut, and how much they must share."""

    threshold: float
    shingler: Shingler

    def survey(self, entries: Iterable[Entry], folder: Path) -> None:
        """Write what is needed of one shard into its folder."""
        bands = Bands.of(self.threshold)
        names = ["rows", "shingles", "origins", *(f"band-{at}" for at in range(bands.count))]
        with ExitStack() as stack:
            rows, shingles, origins, *keys = (
                stack.enter_context((folder / name).open("wb")) for name in names
            )
            at = told = 0
            for batch in _batches(entries):
                cut = self.shingler.batch([entry.text for entry in batch])
                starts = cut.starts
                guards = _guards(batch)
                sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(cut.flat)))
                table = np.zeros(len(batch), ROW)
                table["count"], table["level"] = np.diff(starts), cut.levels
                table["digest"] = (np.diff(sums[starts]) + table["count"]) * _MIX
                table["guard"] = guards
                table["at"] = starts[:-1] + at
                table["score"] = [entry.score for entry in batch]
                for place, entry in enumerate(batch):
                    table["origin"][place] = told
                    told += origins.write(msgspec.json.encode(entry.origin) + b"\n")
                rows.write(table.data)
                shingles.write(cut.flat.data)
                at += cut.flat.size
                for file, column in zip(keys, bands.keys(cut, guards).T, strict=True):
                    file.write(np.ascontiguousarray(column).data)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield rows in batches, bounded by number and by the length of their texts."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += len(entry.text)
        if len(batch) == BATCH_ROWS or size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _guards(batch: list[Entry]) -> Hashes:
    known = {"": 0}
    for entry in batch:
        if entry.guard not in known:
            head = blake2b(entry.guard.encode("utf-8", "surrogatepass"), digest_size=8)
            known[entry.guard] = int.from_bytes(head.digest(), "little")
    return np.array([known[entry.guard] for entry in batch], np.uint64)


class Corpus:
    """All shards as one: rows are numbered through, in the order of the shards."""

    def __init__(self, folders: Sequence[Path]):
        self.folders = list(folders)
        sizes = [(folder / "rows").stat().st_size // ROW.itemsize for folder in folders]
        self.starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)))
        self._starts: list[int] = self.starts.tolist()
        self._files: OrderedDict[int, tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __enter__(self) -> "Corpus":
        return self

    def __exit__(self, *_: object) -> None:
        while self._files:
            self._close()

    def paths(self, name: str) -> list[Path]:
        """Return where the files of this name lie, one for each shard."""
        return [folder / name for folder in self.folders]

    def records(self, rows: Places) -> npt.NDArray[np.void]:
        """Return what is known of these rows, which ascend: an array of `ROW`."""
        found = np.empty(rows.size, ROW)
        view = found.view(np.uint8).data
        size = ROW.itemsize
        shards = np.searchsorted(self.starts, rows, "right") - 1
        places = (rows - self.starts[shards]) * size
        for at, (shard, place) in enumerate(zip(shards.tolist(), places.tolist(), strict=True)):
            os.preadv(self._open(shard)[0], [view[at * size : at * size + size]], place)
        return found

    def origin(self, row: int) -> Any:
        """Return where this row came from; the row's number (from 0) where it does not say."""
        shard = bisect_right(self._starts, row) - 1
        (record,) = self.records(np.array([row]))
        line, more = b"", 512
        while not line.endswith(b"\n"):
            line = os.pread(self._open(shard)[2], more, int(record["origin"]))
            line, more = line[: line.find(b"\n") + 1] or line, more * 4
        told = msgspec.json.decode(line)
        return {"row": row} if told is None else told

    def jaccard(self, one: Places, other: Places) -> npt.NDArray[np.float64]:
        """Return the exact Jaccard similarity of each pair of rows (by 47 bits of each hash).

        It is 0 where their guards differ.
        """
        alike = np.zeros(one.size)
        rows = np.unique(np.concatenate((one, other)))
        records = self.records(rows)
        a, b = np.searchsorted(rows, one), np.searchsorted(rows, other)
        allowed = records["guard"][a] == records["guard"][b]
        same = allowed & (records["digest"][a] == records["digest"][b])
        alike[same] = 1.0
        rest = np.flatnonzero(allowed & ~same)
        sizes = np.cumsum(records["count"][a[rest]].astype(np.int64) + records["count"][b[rest]])
        begin = 0
        while begin < rest.size:
            before = sizes[begin - 1] if begin else 0
            end = int(np.searchsorted(sizes, before + MOST_COMPARED, "right"))
            end = min(max(end, begin + 1), begin + MOST_PAIRS)
            part = rest[begin:end]
            alike[part] = self._compare(rows, records, a[part], b[part])
            begin = end
        return alike

    def _compare(
        self, rows: Places, records: npt.NDArray[np.void], a: Places, b: Places
    ) -> npt.NDArray[np.float64]:
        wanted = np.unique(np.concatenate((a, b)))
        loaded = self._load(wanted, rows[wanted], records[wanted])
        sides: list[Hashes] = []
        for x, y in zip(a.tolist(), b.tolist(), strict=True):
            left, right = loaded[x], loaded[y]
            if (high := max(records["level"][x], records["level"][y])) > 0:
                left, right = thin(left, int(high)), thin(right, int(high))
            sides += (left, right)
        counts = np.array([side.size for side in sides], np.int64)
        keys = np.concatenate(sides) >> np.uint64(17) << np.uint64(1)
        place = np.arange(counts.size, dtype=np.uint64)
        keys |= np.repeat((place >> np.uint64(1)) << np.uint64(48) | (place & np.uint64(1)), counts)
        keys.sort()
        keys = keys[np.concatenate((np.ones(1, np.bool_), keys[1:] != keys[:-1]))]
        shared = keys[1:][keys[1:] >> np.uint64(1) == keys[:-1] >> np.uint64(1)]
        total = np.bincount((keys >> np.uint64(48)).astype(np.int64), minlength=a.size)
        common = np.bincount((shared >> np.uint64(48)).astype(np.int64), minlength=a.size)
        return common / np.maximum(total - common, 1)

    def _load(
        self, names: Places, rows: Places, records: npt.NDArray[np.void]
    ) -> dict[int, Hashes]:
        """Return the shingles of these rows, each under its name."""
        shards = np.searchsorted(self.starts, rows, "right") - 1
        sizes, places = records["count"].astype(np.int64) * 8, records["at"].astype(np.int64) * 8
        told = zip(names.tolist(), shards.tolist(), sizes.tolist(), places.tolist(), strict=True)
        return {
            name: np.frombuffer(os.pread(self._open(shard)[1], size, place), "<u8")
            for name, shard, size, place in told
        }

    def _open(self, shard: int) -> tuple[int, int, int]:
        if (files := self._files.get(shard)) is None:
            while len(self._files) >= MOST_OPEN:
                self._close()
            rows, shingles, origins = (
                os.open(self.folders[shard] / name, os.O_RDONLY)
                for name in ("rows", "shingles", "origins")
            )
            files = self._files[shard] = rows, shingles, origins
        return files

    def _close(self) -> None:
        for file in self._files.popitem(last=False)[1]:
            os.close(file)

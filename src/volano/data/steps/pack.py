"""Pack: documents of token ids become sequences of one length, end to end, and none is lost.

All documents of a split make one long row of ids, each with the id for "end" behind it; that row is
cut every `length` ids. So what comes out does not depend on how the documents lie in shards: a sequence
belongs to the shard in which it begins, and is read from the ids that the surveys wrote down.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from volano.data.column import check_name, check_number
from volano.data.errors import BadStepError
from volano.data.step import STEPS, Notes, Record

SHARD = "splits.json"
MOST_IDS = 2**32
MOST_SPLITS = 64


@STEPS.register("pack")
@dataclass(frozen=True, slots=True)
class Pack:
    """Packs token ids into sequences of `length` ids, each document followed by the id `end`.

    A sequence has `tokens`, `documents` (the lengths of the pieces of documents in it, with which attention can be kept
    within each), and `split`. Splits are never mixed. The last sequence of a split is shorter, or filled up
    with the id `fill` when that is given (`documents` does not count filling).
    """

    name: ClassVar[str] = "pack"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    length: int = 2048
    end: int = -1
    column: str = "tokens"
    fill: int = -1

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_number(self.name, "length", self.length, least=2, most=10**7, whole=True)
        check_number(self.name, "fill", self.fill, least=-1, most=MOST_IDS - 1, whole=True)
        if self.end == -1:
            raise BadStepError(
                step=self.name, setting="end", why="it is the id that ends a document"
            )
        check_number(self.name, "end", self.end, least=0, most=MOST_IDS - 1, whole=True)

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write the ids of one shard's documents, and how many each has, by split."""
        with ExitStack() as open_files:
            shard: dict[str, _Written] = {}
            for row in rows:
                split = str(row.get("split") or "")
                if (ids := self._ids(row)) is None:
                    continue
                if split not in shard:
                    if len(shard) >= MOST_SPLITS:
                        why = f"there are more than {MOST_SPLITS} splits"
                        raise BadStepError(step=self.name, setting="column", why=why)
                    shard[split] = _Written(folder / str(len(shard)), open_files)
                shard[split].add([*ids, self.end])
        written = {split: one.to_dict() for split, one in shard.items()}
        (folder / SHARD).write_text(json.dumps(written), encoding="utf-8")

    def decide(self, folders: Sequence[Path], _: Path) -> list[dict[str, Any]]:
        """Return for each shard, by split, which sequences begin in it and where their ids lie."""
        shards = [json.loads((folder / SHARD).read_text(encoding="utf-8")) for folder in folders]
        decided: list[dict[str, Any]] = [{} for _ in shards]
        for split in sorted({split for shard in shards for split in shard}):
            parts, start = [], 0
            for at, shard in enumerate(shards):
                if split in shard:
                    parts.append({"shard": at, "start": start, **shard[split]})
                    start += shard[split]["ids"]
            for part in parts:
                if work := self._work(part, parts):
                    decided[part["shard"]][split] = work
        return decided

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the sequences that begin in this shard; rows without token ids are dropped."""
        for row in rows:
            if self._ids(row) is None:
                notes.drop(row, "no token ids", f"the column {self.column} is no list of them")
        for split, work in decided.items():
            stream = _Stream(work["parts"])
            for number in range(work["first"], work["end"]):
                ids, documents = stream.between(number * self.length, (number + 1) * self.length)
                if self.fill >= 0:
                    ids += [self.fill] * (self.length - len(ids))
                row = {"tokens": ids, "documents": documents, "origin": {"sequence": number}}
                yield {**row, "split": split} if split else row

    def _work(self, part: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the sequences that begin in this part, and the parts that they go through."""
        first = -(-part["start"] // self.length)
        end = -(-(part["start"] + part["ids"]) // self.length)
        if first == end:
            return {}
        reach = end * self.length
        through = [
            {name: one[name] for name in ("start", "ids", "path")}
            for one in parts
            if one["start"] + one["ids"] > first * self.length and one["start"] < reach
        ]
        return {"first": first, "end": end, "parts": through}

    def _ids(self, row: Record) -> list[int] | None:
        ids = row.get(self.column)
        if not isinstance(ids, list) or not all(
            isinstance(one, int) and 0 <= one < MOST_IDS for one in ids
        ):
            return None
        return ids


class _Written:
    """Files of one split in one shard: `.ids` end to end, `.sizes` how many each document has."""

    def __init__(self, path: Path, open_files: ExitStack):
        self._path = path
        self._ids = open_files.enter_context(path.with_suffix(".ids").open("wb"))
        self._sizes = open_files.enter_context(path.with_suffix(".sizes").open("wb"))
        self._count = 0

    def add(self, ids: Sequence[int]) -> None:
        np.asarray(ids, "<u4").tofile(self._ids)
        np.asarray([len(ids)], "<u8").tofile(self._sizes)
        self._count += len(ids)

    def to_dict(self) -> dict[str, Any]:
        return {"path": str(self._path), "ids": self._count}


class _Stream:
    """The ids of a split, as far as some parts hold them."""

    def __init__(self, parts: Sequence[Mapping[str, Any]]):
        self._parts = [
            (
                part["start"],
                part["start"] + part["ids"],
                np.memmap(f"{part['path']}.ids", "<u4", "r"),
            )
            for part in parts
        ]
        ends = [
            part["start"] + np.cumsum(np.fromfile(f"{part['path']}.sizes", "<u8"), dtype=np.uint64)
            for part in parts
        ]
        self._ends = np.concatenate(ends)

    def between(self, first: int, end: int) -> tuple[list[int], list[int]]:
        """Return the ids from first to end, and how many of them each document has."""
        ids: list[int] = []
        for start, stop, part in self._parts:
            if start < end and stop > first:
                ids += part[max(0, first - start) : min(stop, end) - start].tolist()
        inside = np.searchsorted(self._ends, [first, first + len(ids)], side="right")
        cuts = [first, *map(int, self._ends[slice(*inside)]), first + len(ids)]
        return ids, [b - a for a, b in itertools.pairwise(cuts) if b > a]

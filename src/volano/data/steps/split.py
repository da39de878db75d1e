"""Splits: which rows teach and which test, with nothing alike on both sides."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from volano.data.clusters import Clusters, begins, cluster
from volano.data.column import check_name, check_number, check_one_of
from volano.data.corpus import Corpus, Entry, Near
from volano.data.errors import BadStepError
from volano.data.facts import content, said, text_of
from volano.data.fold import fold
from volano.data.grouping import MEMBER, Grouping, Members
from volano.data.shares import Shares
from volano.data.shingles import CHARACTERS, WORDS, Shingler
from volano.data.spill import chunks, numbered, repeated
from volano.data.step import STEPS, Notes, Record

MARKS = ("place", "text-key", "group-key", "stratum-key")


@STEPS.register("split")
@dataclass(frozen=True, slots=True)
class Split:
    """Each row gets its `split`. Rows that belong together get the same one.

    `parts` gives the share of each split. Together belong rows with the same text, rows that are
    alike (`near`, a Jaccard similarity as in `near-dedup`; `null` to leave it out), and rows with
    one value in the column `group` (one customer, one document). With `stratify` each value of
    that column is split in these shares.

    A row's side follows from its content and the `seed`: in the next version it stays there,
    unless it joins a group of the other side. Sizes may be off by `tolerance` of the whole; beyond
    it, and where a part has fewer rows than `least`, the groups nearest to the border move.
    """

    name: ClassVar[str] = "split"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    parts: Mapping[str, float] = field(default_factory=lambda: {"train": 0.8, "test": 0.2})
    column: str = "text"
    stratify: str | None = None
    group: str | None = None
    near: float | None = 0.8
    shingle: str = WORDS
    size: int = 5
    seed: int = 0
    least: int = 1
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        for setting in ("stratify", "group"):
            if getattr(self, setting) is not None:
                check_name(self.name, setting, getattr(self, setting))
        if self.near is not None:
            check_number(self.name, "near", self.near, least=0.2, most=1)
        check_one_of(self.name, "shingle", self.shingle, (WORDS, CHARACTERS))
        check_number(self.name, "size", self.size, least=1, most=50, whole=True)
        check_number(self.name, "seed", self.seed, least=-(2**63), most=2**63, whole=True)
        check_number(self.name, "least", self.least, least=0, most=1e12, whole=True)
        check_number(self.name, "tolerance", self.tolerance, least=0, most=1)
        self._check_parts()

    def _check_parts(self) -> None:
        parts: Any = self.parts
        if not isinstance(parts, Mapping) or not parts:
            self._wrong("it gives each split its share: {train: 0.8, test: 0.2}")
        for part, share in parts.items():
            if not isinstance(part, str) or not part:
                self._wrong("a split has a name")
            check_number(self.name, "parts", share, least=1e-6, most=1)
        if not math.isclose(sum(parts.values()), 1, abs_tol=1e-6):
            self._wrong(f"the shares make {sum(parts.values()):g}, not 1")

    def _wrong(self, why: str) -> None:
        raise BadStepError(step=self.name, setting="parts", why=why)

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write down of each row where it falls, and what it belongs together with."""
        paths = [folder / mark for mark in MARKS]
        with (
            paths[0].open("wb") as place,
            paths[1].open("wb") as text,
            paths[2].open("wb") as group,
            paths[3].open("wb") as stratum,
        ):

            def marked() -> Iterator[Entry]:
                for row in rows:
                    content = self._content(row)
                    text.write(content)
                    own = self._key(row, self.group) if self.group else None
                    group.write(own or content)
                    place.write(blake2b(own or content, digest_size=8, salt=self._salt).digest())
                    stratum.write(self._key(row, self.stratify) or b"\0" * 8)
                    yield Entry(text_of(row, self.column))

            entries = marked()
            if self.near is not None:
                Near(self.near, self._shingler).survey(entries, folder)
            else:
                for _ in entries:
                    pass

    @property
    def _shingler(self) -> Shingler:
        return Shingler(self.shingle, self.size)

    @property
    def _salt(self) -> bytes:
        return self.seed.to_bytes(9, "little", signed=True)

    def _content(self, row: Record) -> bytes:
        """Return a hash of the folded text; of the whole row where it has no text."""
        text = fold(text_of(row, self.column)).encode("utf-8", "surrogatepass")
        return blake2b(text or b"\0" + said(content(row)).encode(), digest_size=8).digest()

    def _key(self, row: Record, column: str | None) -> bytes | None:
        """Return a hash of the column's value; None where the row has none."""
        value = row.get(column) if column else None
        return None if value is None else blake2b(said(value).encode(), digest_size=8).digest()

    def decide(self, folders: Sequence[Path], folder: Path) -> list[dict[str, str]]:
        """Return for each shard the file that says which part each of its rows goes to.

        Raises:
            SplitImpossibleError: the groups are too few or too large for these shares.
        """
        sizes = [(one / "place").stat().st_size // 8 for one in folders]
        starts = np.cumsum([0, *sizes]).tolist()
        clusters = self._together(folders, starts, folder)
        grouping = Grouping(_members(clusters, folders, starts), starts[-1], folder)
        shares = Shares(
            tuple(self.parts), np.array(list(self.parts.values())), self.least, self.tolerance
        )
        try:
            deal = shares.deal(grouping.groups)
            parts = np.zeros(starts[-1], np.uint16)
            for one in grouping:
                parts[one.rows] = np.repeat(deal.parts(one.groups), one.groups.sizes)
        finally:
            grouping.clear()
        told = []
        for number, (begin, end) in enumerate(pairwise(starts)):
            path = folder / f"parts-{number}"
            path.write_bytes(parts[begin:end].astype("<u2").tobytes())
            told.append({"parts": str(path)})
        return told

    def _together(self, folders: Sequence[Path], starts: list[int], folder: Path) -> Clusters:
        """Return the rows that must not be parted: alike, of one text, of one group."""
        if self.near is not None:
            with Corpus(folders) as corpus:
                clusters = cluster(corpus, self.near, folder)
        else:
            clusters = Clusters(starts[-1])
        for mark in ("text-key", "group-key"):
            keys = numbered([one / mark for one in folders], starts[:-1])
            for pairs in repeated(keys, starts[-1], folder):
                rows = pairs["row"].astype(np.int64)
                first = begins(pairs["key"])
                if rows.size:
                    clusters.join(rows[~first], rows[first][np.cumsum(first) - 1][~first])
        return clusters

    def apply(
        self,
        rows: Iterable[Record],
        notes: Notes,  # noqa: ARG002
        decided: Any = None,
    ) -> Iterator[Record]:
        """Yield each row with the `split` that it goes to."""
        parts = np.fromfile(decided["parts"], "<u2").tolist()
        told = tuple(self.parts)
        for row, part in zip(rows, parts, strict=True):
            row["split"] = told[part]
            yield row


def _members(
    clusters: Clusters, folders: Sequence[Path], starts: Sequence[int]
) -> Iterator[Members]:
    """Yield the rows with their groups, and what the surveys told of them."""
    for folder, start in zip(folders, starts[:-1], strict=True):
        at = start
        for marks, strata in zip(
            chunks(folder / "place", "<u8"), chunks(folder / "stratum-key", "<u8"), strict=True
        ):
            members = np.empty(marks.size, MEMBER)
            rows = np.arange(at, at + marks.size)
            members["group"], members["row"] = clusters.roots(rows), rows
            members["mark"], members["stratum"] = marks, strata
            at += marks.size
            yield members

"""Near duplicates: of rows that are alike, one stays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from volano.data.clusters import cluster, scores, stars
from volano.data.column import as_words, check_name, check_number, check_one_of
from volano.data.corpus import Corpus, Entry, Near
from volano.data.drops import Drops, let_through
from volano.data.facts import said, text_of
from volano.data.fold import fold, numbers
from volano.data.shingles import CHARACTERS, WORDS, Shingler
from volano.data.step import STEPS, Notes, Record

NEAR = "near duplicate"
MOST_KEPT = 64
"""Rows of one cluster that stay at most before the rest stays unseen."""
KEEPS = ("first", "longest", "highest", "lowest")


@STEPS.register("near-dedup")
@dataclass(frozen=True, slots=True)
class NearDedup:
    """Of rows whose texts are alike one stays; each that goes is alike to one that stays.

    Alike means that the sets of runs of `size` words (`shingle: words`; where a language writes
    no spaces, of so many characters) have a Jaccard similarity of at least `threshold`.
    `shingle: characters` takes runs of characters everywhere, which suits short texts.

    `keep` says which stays: the `first`, the `longest` text, or the `highest` or `lowest` number
    in the column `by`. With `numbers: true` texts with other numbers are other facts, and so
    are rows that differ in one of the columns `same`; both stay.
    """

    name: ClassVar[str] = "near-dedup"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    column: str = "text"
    threshold: float = 0.8
    shingle: str = WORDS
    size: int = 5
    keep: str = "first"
    by: str | None = None
    numbers: bool = False
    same: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_number(self.name, "threshold", self.threshold, least=0.2, most=1)
        check_one_of(self.name, "shingle", self.shingle, (WORDS, CHARACTERS))
        check_number(self.name, "size", self.size, least=1, most=50, whole=True)
        check_one_of(self.name, "keep", self.keep, KEEPS)
        if self.keep in ("highest", "lowest"):
            check_name(self.name, "by", self.by)
        object.__setattr__(self, "same", as_words(self.name, "same", self.same))

    @property
    def near(self) -> Near:
        """What alike means here."""
        return Near(self.threshold, Shingler(self.shingle, self.size))

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write down the shingles of each row, and the keys under which others find it."""
        self.near.survey(map(self._entry, rows), folder)

    def decide(self, folders: Sequence[Path], folder: Path) -> list[dict[str, str]]:
        """Return for each shard the file that says which of its rows go."""
        with Corpus(folders) as corpus:
            drops = Drops(folder, corpus.starts)
            for roots, rows in cluster(corpus, self.threshold, folder).groups(folder):
                if self.keep != "first":
                    order = np.lexsort((rows, -scores(corpus, rows), roots))
                    roots, rows = roots[order], rows[order]
                for kept, gone, alike in stars(corpus, roots, rows, self.threshold, MOST_KEPT):
                    drops.add(gone, kept, alike)
            return drops.told(corpus)

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the rows that stay."""
        return let_through(rows, notes, NEAR, decided)

    def _entry(self, row: Record) -> Entry:
        text = text_of(row, self.column)
        return Entry(text, self._guard(row, text), self._score(row, text), row.get("origin"))

    def _guard(self, row: Record, text: str) -> str:
        if not self.same and not self.numbers:
            return ""
        facts = [row.get(column) for column in self.same]
        return said((facts, numbers(fold(text)) if self.numbers else ()))

    def _score(self, row: Record, text: str) -> float:
        if self.keep == "first":
            return 0.0
        if self.keep == "longest":
            return float(len(text))
        value = row.get(self.by or "")
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return float("-inf")
        return float(value) if self.keep == "highest" else -float(value)

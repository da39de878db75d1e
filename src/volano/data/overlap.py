"""Which texts of an evaluation a text holds: runs of words that both have.

Each evaluation text is known by its runs of `size` words; a shorter one by
all its words, to be found anywhere; one of fewer than `SHORT` words only as a
whole row, for `Yes, please` stands everywhere. Runs that many evaluation
texts share (an instruction before each question) tell nothing of one of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from volano.data.shingles import Hashes, Places, Shingler, windows

SHORT = 5
COMMON = 50
"""Evaluation texts that share a run, from which on it tells nothing."""
BATCH_ROWS = 512


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of one length: `keys` ascend, `rows[ends[i-1]:ends[i]]` are the texts that have key i."""

    keys: Hashes
    ends: Places
    rows: Places


@dataclass(frozen=True, slots=True)
class Found:
    """The evaluation text that a text holds most of: its number, and the share of its runs."""

    row: int
    share: float


class Overlap:
    """The runs of words in evaluation texts, by length."""

    def __init__(self, texts: Iterable[str], size: int):
        self.size = size
        self.shingler = Shingler(size=size)
        parts: dict[int, list[tuple[Hashes, Places]]] = {}
        begin = 0
        for batch in batches(texts):
            tokens, counts = self.shingler.tokens(batch)
            ends = np.cumsum(counts)
            for length in np.unique(np.minimum(counts, size)).tolist():
                chosen = np.minimum(counts, size) == length
                if length:
                    within = np.repeat(chosen, counts)
                    flat, each = windows(tokens[within], counts[chosen], length)
                    rows = np.repeat(np.flatnonzero(chosen) + begin, each)
                    parts.setdefault(length, []).append((flat, rows))
            begin += ends.size
        self.total = begin
        self.runs = {length: _runs(part) for length, part in sorted(parts.items())}
        self.sizes = np.zeros(begin, np.int64)
        for runs in self.runs.values():
            self.sizes += np.bincount(runs.rows, minlength=begin)

    def find(self, texts: Sequence[str]) -> list[Found | None]:
        """Return for each text the evaluation text of which it holds the largest share."""
        found: list[Found | None] = [None] * len(texts)
        tokens, counts = self.shingler.tokens(texts)
        for length, runs in self.runs.items():
            for text, row, hits in self._hits(tokens, counts, length, runs):
                share = hits / int(self.sizes[row])
                before = found[text]
                if before is None or share > before.share:
                    found[text] = Found(row, share)
        return found

    def _hits(
        self, tokens: Hashes, counts: Places, length: int, runs: Runs
    ) -> Iterator[tuple[int, int, int]]:
        """Yield (text, evaluation text, runs that both have)."""
        flat, each = windows(tokens, counts, length)
        texts = np.repeat(np.arange(counts.size), each)
        at = np.minimum(np.searchsorted(runs.keys, flat), runs.keys.size - 1)
        hit = (runs.keys[at] == flat) & (counts[texts] >= length)
        if length < SHORT:
            hit &= counts[texts] == length
        pairs = np.unique(texts[hit] * runs.keys.size + at[hit])
        texts, keys = np.divmod(pairs, runs.keys.size)
        begins = np.concatenate((np.zeros(1, np.int64), runs.ends))[keys]
        many = runs.ends[keys] - begins
        places = np.arange(many.sum()) + np.repeat(begins - (np.cumsum(many) - many), many)
        both, hits = np.unique(
            np.repeat(texts, many) * self.total + runs.rows[places], return_counts=True
        )
        for one, number in zip(both.tolist(), hits.tolist(), strict=True):
            yield one // self.total, one % self.total, number


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts some hundred at a time, fewer of long ones."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if len(batch) == BATCH_ROWS or size > 1 << 19:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _runs(parts: list[tuple[Hashes, Places]]) -> Runs:
    flat = np.concatenate([part[0] for part in parts])
    rows = np.concatenate([part[1] for part in parts])
    order = np.lexsort((rows, flat))
    flat, rows = flat[order], rows[order]
    once = np.ones(flat.size, np.bool_)
    once[1:] = (flat[1:] != flat[:-1]) | (rows[1:] != rows[:-1])
    flat, rows = flat[once], rows[once]
    _, which, counts = np.unique(flat, return_inverse=True, return_counts=True)
    telling: npt.NDArray[np.bool_] = counts[which] <= COMMON
    without = np.bincount(rows[telling], minlength=int(rows.max()) + 1) == 0
    keep = telling | without[rows]
    flat, rows = flat[keep], rows[keep]
    keys, counts = np.unique(flat, return_counts=True)
    return Runs(keys, np.cumsum(counts), rows)

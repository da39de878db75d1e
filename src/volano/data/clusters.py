"""Clusters: rows that are alike, and rows that are alike to those.

Rows with equal shingles join first. Of the others the bands name candidates;
each pair that is not yet in one cluster is compared exactly. A row is compared
with the first `MOST_COMPARED` rows that share a band's key with it, fewer
where very many do: thousands of rows that are alike join at the first
comparison, and thousands that only look alike cost no more than so many
comparisons each.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.corpus import ROW, Corpus
from volano.data.minhash import Bands
from volano.data.shingles import Places
from volano.data.spill import PAIR, Pairs, chunks, numbered, repeated

MOST_COMPARED = 32
"""Rows of one key that every other row of the key is compared with."""
MANY, FEW_COMPARED = 1024, 8
"""Of a key with more than so many rows, which comes from a pattern in them, fewer rows are compared
with all others: what is alike beyond the pattern shares other keys too."""
FEW = 256
"""So few rows are all compared with each other: chance has no part in it."""
AT_ONCE = 1 << 16
"""Pairs of rows that are looked at together."""

Similar = tuple[Places, Places, npt.NDArray[np.float64]]


class Clusters:
    """Which rows belong together: a union-find, whose roots are the first rows of clusters."""

    def __init__(self, rows: int):
        self.parent: Places = np.arange(rows, dtype=np.int64 if rows >= 1 << 31 else np.int32)

    def roots(self, rows: Places) -> Places:
        """Return the first row of each row's cluster."""
        up = self.parent[rows]
        while not np.array_equal(higher := self.parent[up], up):
            up = higher
        self.parent[rows] = up
        return up

    def join(self, one: Places, other: Places) -> None:
        """Make each pair's two clusters one."""
        for a, b in zip(self.roots(one).tolist(), self.roots(other).tolist(), strict=True):
            self._join(a, b)

    def _join(self, a: int, b: int) -> None:
        parent = self.parent
        while (up := int(parent[a])) != a:
            a = up
        while (up := int(parent[b])) != b:
            b = up
        if a != b:
            parent[max(a, b)] = min(a, b)

    def groups(self, folder: Path) -> Iterator[tuple[Places, Places]]:
        """Yield (roots, rows) of the clusters of two or more rows: a part of them at a time.

        Each cluster comes whole, its rows in their order.
        """

        def rooted() -> Iterator[Pairs]:
            for begin in range(0, self.parent.size, AT_ONCE):
                rows = np.arange(begin, min(begin + AT_ONCE, self.parent.size))
                pairs = np.empty(rows.size, PAIR)
                pairs["key"], pairs["row"] = self.roots(rows), rows
                yield pairs

        for pairs in repeated(rooted(), self.parent.size, folder):
            yield pairs["key"].astype(np.int64), pairs["row"].astype(np.int64)


class Alive:
    """Which rows are still to be compared: one bit each."""

    def __init__(self, rows: int):
        self._bits = np.zeros(rows + 7 >> 3, np.uint8)

    def mark(self, rows: Places, *, alive: bool) -> None:
        """Say of some rows that they are, or are no more."""
        bit = (np.uint8(1) << (rows & 7).astype(np.uint8)).astype(np.uint8)
        if alive:
            np.bitwise_or.at(self._bits, rows >> 3, bit)
        else:
            np.bitwise_and.at(self._bits, rows >> 3, ~bit)

    def are(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return of each of the rows whether it is."""
        at = rows.astype(np.int64)
        return (self._bits[at >> 3] >> (at & 7).astype(np.uint8) & 1).astype(np.bool_)

    def first(self, many: int) -> Places:
        """Return the first of them, at most so many."""
        found: list[Places] = []
        have = 0
        for begin in range(0, self._bits.size, AT_ONCE):
            bits = np.unpackbits(self._bits[begin : begin + AT_ONCE], bitorder="little")
            found.append(np.flatnonzero(bits) + begin * 8)
            have += found[-1].size
            if have >= many:
                break
        return np.concatenate([np.zeros(0, np.int64), *found])[:many]


def cluster(corpus: Corpus, threshold: float, folder: Path) -> Clusters:
    """Return the clusters of the rows that are alike to at least the threshold."""
    clusters = Clusters(len(corpus))
    alive = _join_equal(corpus, clusters, folder)
    rows = alive.first(FEW + 1)
    if rows.size <= FEW:
        _join_similar(corpus, clusters, np.zeros(rows.size, np.int64), rows, threshold, FEW)
        return clusters
    for band in range(Bands.of(threshold).count):
        keys = numbered(
            corpus.paths(f"band-{band}"), corpus.starts[:-1].tolist(),
            keep=alive.are,
        )  # fmt: skip
        for pairs in repeated(keys, len(corpus), folder):
            groups, rows = _open_groups(pairs, clusters)
            _join_similar(corpus, clusters, groups, rows, threshold, MOST_COMPARED)
    return clusters


def _join_equal(corpus: Corpus, clusters: Clusters, folder: Path) -> Alive:
    """Join rows with equal shingles; return which rows are to be compared further."""
    alive = Alive(len(corpus))

    def digests() -> Iterator[Pairs]:
        for path, start in zip(corpus.paths("rows"), corpus.starts[:-1].tolist(), strict=True):
            at = start
            for records in chunks(path, ROW, AT_ONCE):
                pairs = np.empty(records.size, PAIR)
                pairs["key"] = records["digest"] ^ records["guard"]
                pairs["row"] = np.arange(at, at + records.size)
                has = records["count"] > 0
                alive.mark(pairs["row"][has].astype(np.int64), alive=True)
                at += records.size
                yield pairs[has]

    for pairs in repeated(digests(), len(corpus), folder):
        rows = pairs["row"].astype(np.int64)
        firsts = begins(pairs["key"])
        leaders = rows[firsts][np.cumsum(firsts) - 1]
        clusters.parent[rows] = leaders
        alive.mark(rows[~firsts], alive=False)
    return alive


def _open_groups(pairs: Pairs, clusters: Clusters) -> tuple[Places, Places]:
    """Return (groups, rows) of the keys whose rows are not all in one cluster yet."""
    rows = pairs["row"].astype(np.int64)
    if not rows.size:
        return rows, rows
    firsts = begins(pairs["key"])
    groups = np.cumsum(firsts) - 1
    roots = clusters.roots(rows)
    apart = roots != roots[firsts][groups]
    still = np.zeros(groups[-1] + 1, np.bool_)
    still[groups[apart]] = True
    keep = still[groups]
    return groups[keep], rows[keep]


def _join_similar(
    corpus: Corpus, clusters: Clusters, groups: Places, rows: Places, threshold: float, most: int
) -> None:
    """Compare each row with the first of its group, then with the second, and join what is alike."""
    if not rows.size:
        return
    heads = np.flatnonzero(begins(groups))
    sizes = np.diff(np.append(heads, rows.size))
    for nth in range(min(most, int(sizes.max()) - 1)):
        long = (sizes > nth + 1) & ((nth < FEW_COMPARED) | (sizes <= MANY))
        if not long.any():
            return
        counts = sizes[long] - nth - 1
        leaders = rows[heads[long] + nth]
        shifts = heads[long] + nth + 1 - (np.cumsum(counts) - counts)
        ends = np.cumsum(counts)
        for begin in range(0, int(ends[-1]), AT_ONCE):
            at = np.arange(begin, min(begin + AT_ONCE, int(ends[-1])))
            which = np.searchsorted(ends, at, "right")
            one, other = leaders[which], rows[at + shifts[which]]
            apart = clusters.roots(one) != clusters.roots(other)
            one, other = one[apart], other[apart]
            if one.size:
                alike = corpus.jaccard(one, other) >= threshold
                clusters.join(one[alike], other[alike])


def stars(
    corpus: Corpus, groups: Places, rows: Places, threshold: float, most: int
) -> Iterator[Similar]:
    """Yield (kept, gone, similarity) within each group: a row goes when it is alike to one that stays.

    Rows come in the order of preference within their group. The first stays;
    of those unlike it the first stays too, and so on, `most` times. What is
    left then stays.
    """
    for _ in range(most):
        if not rows.size:
            return
        firsts = begins(groups)
        leaders = rows[firsts][np.cumsum(firsts) - 1]
        others = np.flatnonzero(~firsts)
        near = np.zeros(others.size, np.bool_)
        for begin in range(0, others.size, AT_ONCE):
            part = others[begin : begin + AT_ONCE]
            alike = corpus.jaccard(leaders[part], rows[part])
            found = alike >= threshold
            near[begin : begin + AT_ONCE] = found
            yield leaders[part][found], rows[part][found], alike[found]
        groups, rows = groups[others[~near]], rows[others[~near]]


def scores(corpus: Corpus, rows: Places) -> npt.NDArray[np.float64]:
    """Return how each of the rows is preferred, in their order."""
    order = np.argsort(rows)
    found = np.empty(rows.size)
    for begin in range(0, rows.size, AT_ONCE):
        part = order[begin : begin + AT_ONCE]
        found[part] = corpus.records(rows[part])["score"]
    return found


def begins(keys: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where a run of equal keys begins."""
    first = np.ones(keys.size, np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    return first

"""A second opinion on labels: multinomial naive Bayes over hashed words and pairs of words.

Good enough to see that a text about a refund bears the label `billing`, and
quick: one pass over the rows. Each row is rows by all rows but itself: its
own counts are taken out (leave one out), which costs as good as nothing.
Writing without spaces is taken character by character (`data.shingles`).
Counts are of presence, which suits short texts (Wang and Manning 2012,
"Baselines and Bigrams").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from volano.data.shingles import Shingler, windows

BUCKETS = 1 << 15
SMOOTHING = 0.3
AT_ONCE = 1 << 21
"""Numbers in one array of scores."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """Hashed words and pairs: row i has `columns[ends[i-1]:ends[i]]`, each once."""

    columns: Places
    ends: Places

    @property
    def counts(self) -> Places:
        """How many features each row has."""
        return np.diff(self.ends, prepend=0)

    @property
    def rows(self) -> Places:
        """The row of each feature."""
        return np.repeat(np.arange(self.ends.size), self.counts)


def features(texts: Sequence[str]) -> Features:
    """Return the features of the texts."""
    tokens, counts = Shingler().tokens(texts)
    pairs, each = windows(tokens, np.where(counts == 1, 0, counts), 2) if tokens.size else (
        tokens, counts
    )  # fmt: skip
    hashes = np.concatenate((tokens, pairs))
    rows = np.concatenate(
        (np.repeat(np.arange(counts.size), counts), np.repeat(np.arange(each.size), each))
    )
    flat = np.unique(rows * BUCKETS + (hashes % np.uint64(BUCKETS)).astype(np.int64))
    rows, columns = np.divmod(flat, BUCKETS)
    return Features(columns, np.cumsum(np.bincount(rows, minlength=counts.size)))


def opinions(rows: Features, labels: Places, kinds: int) -> npt.NDArray[np.float64]:
    """Return log odds `(rows, kinds)` of each label by what the other rows bear."""
    table = np.bincount(
        labels[rows.rows] * BUCKETS + rows.columns, minlength=kinds * BUCKETS
    ).reshape(kinds, BUCKETS).astype(np.float64)  # fmt: skip
    totals, sizes = table.sum(1), np.bincount(labels, minlength=kinds).astype(np.float64)
    logs = np.log(table + SMOOTHING).T
    found = np.empty((rows.ends.size, kinds))
    step = max(1, AT_ONCE // max(1, kinds * int(rows.counts.max(initial=1))))
    starts = np.concatenate((np.zeros(1, np.int64), rows.ends))
    for begin in range(0, rows.ends.size, step):
        end = min(begin + step, rows.ends.size)
        part = rows.columns[starts[begin] : starts[end]]
        found[begin:end] = 0
        has = rows.counts[begin:end] > 0
        at = (starts[begin:end] - starts[begin])[has]
        if part.size:
            found[begin:end][has] = np.add.reduceat(logs[part], at, axis=0)
    found += np.log(sizes + 1) - rows.counts[:, None] * np.log(totals + SMOOTHING * BUCKETS)
    found[np.arange(labels.size), labels] = _without_itself(table, totals, sizes, rows, labels)
    return found


def _without_itself(
    table: npt.NDArray[np.float64],
    totals: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    rows: Features,
    own: Places,
) -> npt.NDArray[np.float64]:
    """Return each row's log odds of its own label, its own counts taken out."""
    logs = np.log(table[own[rows.rows], rows.columns] - 1 + SMOOTHING)
    sums = np.bincount(rows.rows, weights=logs, minlength=own.size)
    rest = totals[own] - rows.counts + SMOOTHING * BUCKETS
    return np.asarray(np.log(sizes[own]) + sums - rows.counts * np.log(rest))

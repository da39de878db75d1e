"""How far apart two samples are: texts by MMD, numbers by their ranks, categories by counts.

Each class holds what does not depend on who is in which sample, and measures
many permutations at once (`Shuffle.chance` takes its `measure`). Each has an
`effect`: the share of the second sample, from 0 to 1, that would have to be
exchanged to explain the difference.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volano.stats.errors import need
from volano.stats.shuffle import Labels

Floats = NDArray[np.float64]
_WIDEST, _BANDS = 2.0, 4
_SPLITS = 15


class Mmd:
    """Squared maximum mean discrepancy, unbiased, of rows of features.

    Gretton et al. 2012, JMLR 13:723-773, lemma 6. The kernel is the mean of
    Gaussians whose widths are a quarter to twice the mean distance of all rows
    together: a sum of kernels is a kernel, so one test looks at four scales
    at the price of none. The mean asks all rows alike; the median of some of them would
    know in which order they came, and the first sample comes first.
    """

    def __init__(self, rows: NDArray[np.float32]):
        """Take rows of length 1 (`grams.weigh`).

        Raises:
            StatsInputError: fewer than four rows.
        """
        need(len(rows) >= 4, f"at least four rows, not {len(rows)}")
        far = np.clip(2 - 2 * (rows @ rows.T), 0, None)
        middle = float(far.mean(dtype=float)) or 1.0
        band = np.exp(far * np.float32(-1 / (_WIDEST * middle)))
        kernel = band.copy()
        for _ in range(_BANDS - 1):
            band *= band  # half the width
            kernel += band
        np.fill_diagonal(kernel, 0)
        self.kernel: NDArray[np.float32] = kernel / np.float32(_BANDS)

    def at(self, rows: NDArray[Any]) -> "Mmd":
        """Return the same for some of the rows."""
        part = object.__new__(Mmd)
        part.kernel = self.kernel[np.ix_(rows, rows)]
        return part

    def measure(self, labels: Labels) -> Floats:
        """Return MMD² for each column of labels."""
        near = self.kernel @ labels
        own = np.einsum("ij,ij->j", labels, near).astype(float)
        cross = near.sum(axis=0, dtype=float) - own
        rest = float(self.kernel.sum(dtype=float)) - own - 2 * cross
        n = labels.sum(axis=0, dtype=float)
        m = len(labels) - n
        pairs = (n * (n - 1)).clip(1), (m * (m - 1)).clip(1)
        return own / pairs[0] + rest / pairs[1] - 2 * cross / (n * m).clip(1)

    def whole(self, topics: NDArray[np.int64], first: NDArray[np.bool_]) -> tuple[float, float]:
        """Return MMD² between two halves of the first sample's topics, and the witness's variance.

        That is the yardstick: a sample of wholly other topics is so far away. Groups that were made
        by distance are further apart than people's topics are, so they must be many and small; the
        mean of several ways to halve them counts.
        """
        kernel, topics = self.kernel[np.ix_(first, first)], topics[first]
        random = np.random.default_rng(0)
        found = []
        names = np.unique(topics)
        for _ in range(_SPLITS):
            half = np.isin(topics, random.permutation(names)[: max(1, len(names) // 2)])
            a, b = int(half.sum()), int((~half).sum())
            if a < 2 or b < 2:
                continue
            to_a, to_b = kernel[:, half].sum(axis=1), kernel[:, ~half].sum(axis=1)
            squared = (
                to_a[half].sum() / (a * (a - 1)) + to_b[~half].sum() / (b * (b - 1))
                - 2 * to_b[half].sum() / (a * b)
            )  # fmt: skip
            witness = to_a / a - to_b / b
            found.append(
                (float(squared), float(np.var(witness[half]) + np.var(witness[~half])) / 2)
            )
        if not found:
            return 0.0, 0.0
        return float(np.mean([m for m, _ in found])), float(np.mean([v for _, v in found]))


class Ranks:
    """Numbers by their order: one huge value weighs no more than a large one.

    `measure` is the energy distance of the ranks, which is Cramér's and von
    Mises' integral of (F - G)² over both samples together (Székely & Rizzo 2013,
    J. Stat. Plan. Inference 143); `gap` is Kolmogorov's and Smirnov's largest |F - G|.
    """

    def __init__(self, values: Sequence[float] | Floats):
        """Take all values of both samples, none of them NaN."""
        values = np.asarray(values, float)
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._last = np.append(ordered[1:] != ordered[:-1], True) if len(ordered) else ordered > 0
        self._weight = np.diff(np.flatnonzero(self._last), prepend=-1) / max(1, len(values))

    def measure(self, labels: Labels) -> Floats:
        """Return the mean of (F - G)² for each column of labels."""
        return (self._weight[:, None] * self._apart(labels) ** 2).sum(axis=0)

    def gap(self, labels: Labels) -> Floats:
        """Return the largest |F - G| for each column of labels."""
        return np.abs(self._apart(labels)).max(axis=0, initial=0.0)

    def _apart(self, labels: Labels) -> Floats:
        sorted_ = labels[self._order].astype(float)
        n = sorted_.sum(axis=0)
        here = np.cumsum(sorted_, axis=0)[self._last]
        all_ = np.flatnonzero(self._last)[:, None] + 1.0
        return here / n.clip(1) - (all_ - here) / (len(labels) - n).clip(1)


class Counts:
    """Categories: `measure` is the chi-square of shares, `gap` half the sum of their differences.

    Calibrated by permutation, so that rare categories need no merging.
    """

    def __init__(self, values: Sequence[str] | NDArray[Any]):
        """Take the category of each row of both samples."""
        self.names, code = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        self._one_hot = np.zeros((len(self.names), len(code)), np.float32)
        self._one_hot[code, np.arange(len(code))] = 1
        self._share = self._one_hot.mean(axis=1).clip(1e-12)

    def measure(self, labels: Labels) -> Floats:
        """Return the sum of (difference of shares)² / share for each column of labels."""
        return (self._apart(labels) ** 2 / self._share[:, None]).sum(axis=0)

    def gap(self, labels: Labels) -> Floats:
        """Return the total variation distance for each column of labels."""
        return np.abs(self._apart(labels)).sum(axis=0) / 2

    def _apart(self, labels: Labels) -> Floats:
        here = (self._one_hot @ labels).astype(float)
        n = labels.sum(axis=0, dtype=float)
        all_ = self._one_hot.sum(axis=1, dtype=float)[:, None]
        return here / n.clip(1) - (all_ - here) / (labels.shape[0] - n).clip(1)

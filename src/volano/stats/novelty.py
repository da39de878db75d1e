"""How alone a text is: how near its nearest are, in both samples together.

A kernel's mean difference (`distance.Mmd`) averages over all pairs. New texts
on many subjects, one or two of each, hardly move that mean, yet each of them has
nobody close by. That is a number for each text, and who is in which sample
does not enter it; so to deal out the labels anew is as exact here as anywhere.
After tests on nearest neighbours (Henze 1988, Ann. Statist. 16:772-783), whose edges
are few where one sample is small; the distance to the k-th nearest as a
score of novelty: Ramaswamy, Rastogi & Shim 2000, SIGMOD.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volano.stats.errors import need
from volano.stats.shuffle import Labels

Floats = NDArray[np.float64]
NEAREST = 5
_BLOCK = 256
_SPLITS = 5


class Novelty:
    """The gap between two samples' mean nearness to what is nearest, of anybody else."""

    def __init__(self, kernel: NDArray[np.float32], units: Sequence[Any] | NDArray[Any]):
        """Take a kernel of all rows, and whose each row is: own texts are nobody's company.

        Raises:
            StatsInputError: lengths differ, or fewer than two rows.
        """
        need(len(kernel) == len(units) > 1, "a unit for each of at least two rows")
        _, code = np.unique(np.asarray(units, dtype=str), return_inverse=True)
        self._kernel, self._code = kernel, code
        every = np.arange(len(kernel))
        near = self._company(every, every)
        self.near: Floats = near - near.mean()

    def measure(self, labels: Labels) -> Floats:
        """Return the gap of means, whichever way, for each column of labels."""
        near: Floats = self.near
        here = near @ labels.astype(float)
        n = labels.sum(axis=0, dtype=float)
        gap = here / n.clip(1) - (near.sum() - here) / (len(near) - n).clip(1)
        return np.abs(gap)

    def whole(self, topics: NDArray[np.int64], first: NDArray[np.bool_]) -> tuple[float, float]:
        """Return how much more alone half of the first sample's topics are among the other half.

        And the variance of that of one text. The yardstick of `distance.Mmd.whole`, for this
        measure; the mean of several ways to halve the topics counts. Zeros where no way was found.
        """
        rows, names = np.flatnonzero(first), np.unique(topics[first])
        random = np.random.default_rng(0)
        found = []
        for _ in range(_SPLITS):
            half = np.isin(topics[rows], random.permutation(names)[: max(1, len(names) // 2)])
            known, new = rows[half], rows[~half]
            if min(len(known), len(new)) >= 2:
                at_home, abroad = self._company(known, known), self._company(new, known)
                found.append((at_home.mean() - abroad.mean(), (at_home.var() + abroad.var()) / 2))
        if not found:
            return 0.0, 0.0
        gap, variance = np.mean(found, axis=0)
        return max(0.0, float(gap)), float(variance)

    def _company(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
        near = np.empty(len(rows))
        k = min(NEAREST, len(others))
        for at in range(0, len(rows), _BLOCK):
            part = rows[at : at + _BLOCK]
            own = self._code[part, None] == self._code[others]
            kernel = np.where(own, np.float32(0), self._kernel[np.ix_(part, others)])
            near[at : at + _BLOCK] = np.partition(kernel, -k, axis=1)[:, -k:].mean(axis=1)
        return near

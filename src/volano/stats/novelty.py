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


class Novelty:
    """The gap between two samples' mean nearness to what is nearest, of anybody else."""

    def __init__(self, kernel: NDArray[np.float32], units: Sequence[Any] | NDArray[Any]):
        """Take a kernel of all rows, and whose each row is: own texts are nobody's company.

        Raises:
            StatsInputError: lengths differ, or fewer than two rows.
        """
        need(len(kernel) == len(units) > 1, "a unit for each of at least two rows")
        _, code = np.unique(np.asarray(units, dtype=str), return_inverse=True)
        near = np.empty(len(kernel))
        for at in range(0, len(kernel), _BLOCK):
            rows = slice(at, at + _BLOCK)
            near[rows] = _company(kernel[rows], code[rows, None] == code)
        self.near: Floats = near - near.mean()

    def measure(self, labels: Labels) -> Floats:
        """Return the gap of means, whichever way, for each column of labels."""
        near: Floats = self.near
        here = near @ labels.astype(float)
        n = labels.sum(axis=0, dtype=float)
        gap = here / n.clip(1) - (near.sum() - here) / (len(near) - n).clip(1)
        return np.abs(gap)


def _company(kernel: NDArray[np.float32], own: NDArray[np.bool_]) -> Floats:
    others = np.where(own, np.float32(0), kernel)
    k = min(NEAREST, others.shape[1])
    nearest: Floats = np.partition(others, -k, axis=1)[:, -k:].mean(axis=1, dtype=float)
    return nearest

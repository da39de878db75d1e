"""Several measures of how far apart two samples are, as one test: the sharpest counts.

Each is brought to units of its own chance, and the largest is the measure.
One permutation test of that largest is one test, at the level of one: no
correction for having looked in several ways (as MMDAgg does with kernels: Schrab et al. 2023,
JMLR 24:1-81). What scales them comes from permutations of its own, which
the test does not count; so its p-value is as exact as any.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from volano.stats.shuffle import Chance, Labels, Measure, Shuffle, skewness

_DRAWS = 200
_LEAST = 1e-6
"""A spread below this is rounding: the measure says the same of every permutation."""


class Sharpest:
    """The largest of several measures, each in units of its own chance."""

    slack = 1e-3
    """What rounding may do to a measure, in these units: no more than that apart is a tie."""

    def __init__(self, measures: Sequence[Measure], shuffle: Shuffle):
        """Take the measures, and who deals out the labels, also those that set the scales."""
        labels = shuffle.draw(_DRAWS)
        self._measures = tuple(measures)
        self.alone = [_chance(np.asarray(one(labels), float)) for one in measures]
        """The chance of each measure; nothing is observed yet."""

    def measure(self, labels: Labels) -> NDArray[np.float64]:
        """Return the largest for each column of labels."""
        scaled = [
            (np.asarray(one(labels), float) - chance.mean) / chance.spread
            if chance.spread > _LEAST else np.zeros(labels.shape[1])
            for one, chance in zip(self._measures, self.alone, strict=True)
        ]  # fmt: skip
        largest: NDArray[np.float64] = np.max(scaled, axis=0)
        return largest


def _chance(values: NDArray[np.float64]) -> Chance:
    return Chance(
        0.0, 1.0, len(values), float(values.mean()), float(values.std()), skewness(values)
    )

"""A small Gaussian process: guesses what was not measured from what was, and how sure that is.

For tens of points with a few features in [0, 1], where each measurement costs
minutes. The kernel is a squared exponential with a length for each feature,
plus a linear part, so that a trend goes on beyond the points. Lengths, and
how much is chance, are chosen by the marginal likelihood on a grid, one feature after the other
(Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", ch. 2, 5).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from volano.stats.errors import need

Floats = NDArray[np.float64]

LENGTHS = (0.15, 0.3, 0.6, 1.2, 2.4)
NOISES = (0.0, 0.03, 0.2, 0.6)
"""Shares of the values' variance that may be chance beyond what the caller knows of."""
PASSES = 2
TREND = 0.3
"""Variance of the linear part beside the squared exponential's 1, both times that of the data."""


class Surrogate:
    """Learned from rows of features, their values, and the variance of each value's noise."""

    def __init__(
        self,
        features: Sequence[Sequence[float]],
        values: Sequence[float],
        noise: Sequence[float],
        *,
        chance: bool = False,
    ):
        """Learn. With `chance` the values may have more noise than is known: it is estimated.

        Raises:
            StatsInputError: unequal lengths, or no row.
        """
        need(len(features) == len(values) == len(noise) > 0, "a value and a noise for each row")
        self._x: Floats = np.asarray(features, float)
        raw: Floats = np.asarray(values, float)
        self._mean = float(raw.mean())
        self._scale = float(raw.std()) or 1.0
        self._y: Floats = (raw - self._mean) / self._scale
        known: Floats = np.asarray(noise, float) / self._scale**2 + 1e-5
        self._noise = known
        self._lengths: Floats = np.full(self._x.shape[1], 0.6)
        for _ in range(PASSES):
            for feature in range(len(self._lengths)):
                likely = [self._likelihood(feature, length) for length in LENGTHS]
                self._lengths[feature] = LENGTHS[likely.index(max(likely))]
            tried = []
            for more in NOISES if chance else NOISES[:1]:
                self._noise = known + more
                tried.append(self._likelihood(0, self._lengths[0]))
            self._noise = known + NOISES[tried.index(max(tried))]
        self._solve(self._lengths)

    def guess(self, features: Sequence[Sequence[float]]) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the value for each row of features."""
        asked: Floats = np.asarray(features, float)
        between = _kernel(asked, self._x, self._lengths)
        mean = between @ self._weights
        solved = np.linalg.solve(self._root, between.T)
        own = 1.0 + TREND * ((asked - 0.5) ** 2).sum(axis=1)
        variance = np.maximum(own - (solved**2).sum(axis=0), 1e-9)
        return mean * self._scale + self._mean, np.sqrt(variance) * self._scale

    def _likelihood(self, feature: int, length: float) -> float:
        lengths = self._lengths.copy()
        lengths[feature] = length
        self._solve(lengths)
        fit = -0.5 * float(self._y @ self._weights)
        return fit - float(np.log(np.diag(self._root)).sum()) - 0.05 * math.log(length) ** 2

    def _solve(self, lengths: Floats) -> None:
        inner = _kernel(self._x, self._x, lengths) + np.diag(self._noise)
        self._root = np.linalg.cholesky(inner)
        half = np.linalg.solve(self._root, self._y)
        self._weights = np.linalg.solve(self._root.T, half)


def _kernel(a: Floats, b: Floats, lengths: Floats) -> Floats:
    apart = (a[:, None, :] - b[None, :, :]) / lengths
    near: Floats = np.exp(-0.5 * (apart**2).sum(axis=2))
    return near + TREND * ((a - 0.5) @ (b - 0.5).T)

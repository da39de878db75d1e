"""Permutations by unit: the two samples' labels, dealt out anew as they might have fallen.

Calls of one user resemble each other. To deal out single calls would treat a
talkative user as many strangers and cry drift; so whole units change sides.
A unit that is on both sides has its two halves swapped or left, which is
exact under "nothing changed for anybody", and stronger than to treat the
halves as strangers. Units with calls on one side only are dealt out among
themselves, keeping how many units each side has.

The p-value (b + 1) / (B + 1), with b of B permutations at least as far apart
as what was seen, is exact: its chance to be at most a is at most a, for every
sample size (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39; for
groups of permutations: Hemerik & Goeman 2018, TEST 27).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volano.stats.errors import need
from volano.stats.special import normal_quantile

Labels = NDArray[np.float32]
"""Rows by permutations: 1 where the row is in the second sample."""
Measure = Callable[[Labels], NDArray[np.float64]]

_BATCH = 100
_STOP = 30


@dataclass(frozen=True, slots=True)
class Chance:
    """How far apart the samples are, and how often chance alone sets them so far apart."""

    observed: float
    p: float
    draws: int
    mean: float
    spread: float
    skew: float

    def quantile(self, level: float) -> float:
        """Return about what chance exceeds with this probability (Cornish & Fisher 1938)."""
        z = normal_quantile(1 - level)
        return self.mean + self.spread * (z + (z * z - 1) * self.skew / 6)


class Shuffle:
    """Deals out two samples' labels again, by unit; the same seed deals the same."""

    def __init__(
        self, units: Sequence[Any] | NDArray[Any], second: NDArray[np.bool_], *, seed: int = 0
    ):
        """Take the unit of each row, and whether it is in the second sample.

        Raises:
            StatsInputError: one of the samples is empty, or lengths differ.
        """
        need(len(units) == len(second), "a unit for each row")
        need(bool(second.any()) and not bool(second.all()), "two samples that are not empty")
        _, code = np.unique(np.asarray(units, dtype=str), return_inverse=True)
        self.second = second
        sides = np.zeros((code.max() + 1, 2), bool)
        sides[code, second.astype(int)] = True
        both: NDArray[np.bool_] = sides[:, 0] & sides[:, 1]
        self._code, self._paired = code, both[code]
        self._single = np.flatnonzero(~both)
        self._here = int(sides[self._single, 1].sum())
        self._place = np.full(len(sides), -1)
        self._place[self._single] = np.arange(len(self._single))
        self._both = np.flatnonzero(both)
        self._pair = np.full(len(sides), -1)
        self._pair[self._both] = np.arange(len(self._both))
        self.first_units = int(sides[:, 0].sum())
        self.second_units = int(sides[:, 1].sum())
        self._random = np.random.default_rng(seed)

    @property
    def observed(self) -> Labels:
        """The labels as they are, one column."""
        return self.second.astype(np.float32)[:, None]

    @property
    def finest(self) -> float:
        """The smallest p-value that so few units can give at all."""
        n, k = len(self._single), self._here
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return math.exp(-min(700.0, ways + len(self._both) * math.log(2)))

    def draw(self, times: int) -> Labels:
        """Return so many permutations, one a column."""
        n = len(self._single)
        dealt = np.zeros((n, times), np.float32)
        if 0 < self._here < n:
            order = self._random.random((times, n)).argpartition(self._here - 1, axis=1)
            rows = np.arange(times)[:, None]
            dealt[order[:, : self._here], rows] = 1
        elif self._here:
            dealt[:] = 1
        swap = self._random.random((len(self._both), times)) < 0.5
        labels = np.empty((len(self._code), times), np.float32)
        alone = ~self._paired
        labels[alone] = dealt[self._place[self._code[alone]]]
        swapped = swap[self._pair[self._code[self._paired]]]
        labels[self._paired] = swapped ^ self.second[self._paired][:, None]
        return labels

    def chance(self, measure: Measure, *, draws: int = 999, slack: float = 0.0) -> Chance:
        """Return the p-value of what `measure` says of the labels (large: far apart).

        A permutation that is as far apart but for `slack` is a tie, and ties count against: what
        rounding does to sums must not decide where few distances are possible.

        Drawing ends early once thirty permutations were as far apart: then thirty over the number
        drawn is the p-value, as exact as the whole (Besag & Clifford 1991, Biometrika 78:301-304).

        Raises:
            StatsInputError: fewer than one draw.
        """
        need(draws >= 1, f"{draws} draws")
        seen = float(measure(self.observed)[0])
        edge = seen - 1e-9 * abs(seen) - slack
        drawn: list[NDArray[np.float64]] = []
        done = hits = 0
        p = None
        while done < draws:
            values = np.asarray(measure(self.draw(min(_BATCH, draws - done))), float)
            drawn.append(values)
            further = values >= edge
            if hits + int(further.sum()) >= _STOP:
                last = int(np.flatnonzero(further)[_STOP - hits - 1])
                p = _STOP / (done + last + 1)
                done += len(values)
                break
            hits += int(further.sum())
            done += len(values)
        every = np.concatenate(drawn)
        return Chance(
            seen, p if p is not None else (hits + 1) / (done + 1), done, float(every.mean()),
            float(every.std()), skewness(every),
        )  # fmt: skip


def skewness(values: NDArray[np.float64]) -> float:
    """Return the third standardised moment; of values that are all the same, 0."""
    spread = float(values.std())
    return float(((values - values.mean()) ** 3).mean() / spread**3) if spread > 0 else 0.0

"""Quantiles that may be watched: bounds on one arm's, and a test of two arms' by a ratio. Exact.

One arm. For the quantile q of order p, S = #{x <= q} counts successes of chance p, whatever the
distribution. Robbins' mixture of `proportion` with the null p, M_n(p; k) = B(a + k, b + n - k) / B(a, b)
/ (p^k (1 - p)^(n - k)), excludes each rank k with M_n >= 1 / alpha; the order statistics of the
ranks that are left bound the quantile at every look (Howard & Ramdas, Bernoulli 28, 2022, arXiv
1906.09712, for fixed p).

Two arms. Let q_a <= r q_b. Then some limit t has F_a(t) >= p and F_b(t / r) <= p, so that both

    E_a(t): "fewer than p of a's lie at or below t"      E_b(t): "more than p of b's lie below t"

are fair games at best, and so is their product. Which limit, nobody knows: the least product over all
limits is what is proven. "a's quantile is more than r times b's" is shown once

    min_t E_a(t) E_b(t) >= 1 / alpha     (Ville 1939; the A/B test of Howard & Ramdas, sec. 4)

Each game stakes on several distances from p at once, in log odds from 2 down to 0.02.

Values are counted in cells of 0.5 %. Between two edges a's count is taken at the upper edge and
b's at the lower, which can only weaken the proof: so the statement stays exact, memory is bounded,
and a ratio is a shift of cells (rounded against what one wants to show).
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.stats.errors import need
from volano.stats.special import exp_capped, log_beta

CELL = math.log(1.005)
CELLS = 5_000
"""From 1 to 6.8e10: from a microsecond to nineteen hours."""
_DISTANCES = tuple(2 * 10 ** (-k / 5) for k in range(11))
_WEIGHTS = tuple(0.9**k for k in range(11))

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def rank_bounds(n: int, p: float, alpha: float, nu: float = 100.0) -> tuple[int, int]:
    """Return the lowest and the highest number of n values that may lie at or below the quantile.

    The quantile lies between the order statistics x_(low) and x_(high + 1), at every look.

    Raises:
        StatsInputError: n is negative, or p or alpha not inside (0, 1).
    """
    need(n >= 0 and 0 < p < 1 and 0 < alpha < 1, f"n {n}, p {p}, alpha {alpha}")
    a, b = nu * p, nu * (1 - p)
    limit, prior = -math.log(alpha), log_beta(a, b)

    def inside(k: int) -> bool:
        null = k * math.log(p) + (n - k) * math.log1p(-p)
        return log_beta(a + k, b + n - k) - prior - null < limit

    middle = round(n * p)
    low, high = _edge(inside, middle, 0), _edge(inside, middle, n)
    return low, high


def _edge(inside: Any, good: int, bad: int) -> int:
    """Return the rank furthest from the middle that is inside; it is convex on either side."""
    if inside(bad):
        return bad
    while abs(good - bad) > 1:
        between = (good + bad) // 2
        good, bad = (between, bad) if inside(between) else (good, between)
    return good


class Histogram:
    """Counts of positive values in cells of 0.5 %."""

    __slots__ = ("cells", "n")

    def __init__(self) -> None:
        self.cells: Counts = np.zeros(CELLS, np.int64)
        self.n = 0

    def add(self, value: float) -> None:
        """Count one value: cell i holds what is above edge i - 1 and at most edge i."""
        cell = math.ceil(math.log(value) / CELL - 1e-9) if value > 1 else 0
        self.cells[min(cell, CELLS - 1)] += 1
        self.n += 1

    def quantile(self, p: float) -> float | None:
        """Return the upper edge of the cell of this quantile; None where nothing was counted."""
        if not self.n:
            return None
        place = int(np.searchsorted(self.cells.cumsum(), max(1, math.ceil(p * self.n))))
        return math.exp(CELL * place)

    def bounds(self, p: float, alpha: float) -> tuple[float, float]:
        """Return the bounds of a quantile that hold at every look, on edges of cells."""
        low, high = rank_bounds(self.n, p, alpha)
        below = self.cells.cumsum()
        first = int(np.searchsorted(below, low)) if low >= 1 else 0
        last = int(np.searchsorted(below, high + 1)) if high < self.n else None
        least = math.exp(CELL * (first - 1)) if low >= 1 and first else 0.0
        return least, math.inf if last is None else math.exp(CELL * last)


class QuantileRatio:
    """The candidate's quantile over the others', fed unit by unit."""

    def __init__(
        self, p: float, *, margin: float, tolerated: float | None = None, alpha: float = 0.05
    ):
        """Start with nothing seen.

        `margin`: 0.1 for "10 % more"; `tolerated`, as the margin when not given, is what `rejected`
        speaks of. `alpha` is that of each statement.

        Raises:
            StatsInputError: p or alpha not inside (0, 1), or a negative margin.
        """
        need(0 < p < 1 and 0 < alpha < 1, f"p {p} and alpha {alpha} inside (0, 1)")
        need(margin >= 0 and (tolerated is None or tolerated >= 0), f"margin {margin}")
        self.p, self.margin, self.alpha = p, margin, alpha
        self.tolerated = margin if tolerated is None else tolerated
        self.arms = (Histogram(), Histogram())
        self.rejected = False
        self._next = 0.0
        self._fewer, self._more = _stakes(p, -1), _stakes(p, 1)

    def observe(self, is_candidate: bool, value: float) -> None:
        """Take one unit's value; look after each percent more units.

        Raises:
            StatsInputError: it is negative or no finite number.
        """
        need(0 <= value < math.inf, f"a value of zero or more, not {value}")
        self.arms[is_candidate].add(value)
        seen = self.arms[0].n + self.arms[1].n
        if not self.rejected and seen >= self._next:
            self._next = seen * 1.01
            self.rejected = self.exceeds(self.tolerated)

    def exceeds(self, margin: float) -> bool:
        """Whether it is proven now that the candidate's quantile is more than 1 + margin times theirs."""
        others, mine = self.arms
        return self._proven(mine, others, _shift(margin, math.ceil), 1.0)

    def stays_below(self, margin: float, times: float = 1.0) -> bool:
        """Whether it is proven now that it is less than 1 + margin times theirs.

        With `times`, whether it would be after so many times the units, if all stays as it is.
        """
        others, mine = self.arms
        return self._proven(others, mine, -_shift(margin, math.floor), times)

    def log_e_above(self, shift: int, times: float = 1.0) -> float:
        """Return the evidence that the candidate's quantile lies more than so many cells higher."""
        others, mine = self.arms
        return self._proof(mine, others, shift, times)

    def log_e_below(self, shift: int, times: float = 1.0) -> float:
        """Return the evidence that it lies less than so many cells higher."""
        others, mine = self.arms
        return self._proof(others, mine, -shift, times)

    def interval(self) -> tuple[float, float] | None:
        """Return the bounds of the ratio; None while nothing is excluded on either side."""
        limit, most = -math.log(self.alpha), 1_000
        low = _last(lambda s: self.log_e_above(s) >= limit, -most, most)
        high = _last(lambda s: self.log_e_below(-s) >= limit, -most, most)
        if low is None and high is None:
            return None
        least = 0.0 if low is None else math.exp(CELL * low)
        return least, math.inf if high is None else math.exp(-CELL * high)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        others, mine = self.arms
        return {
            "test": "quantile_ratio",
            "p": self.p,
            "tolerated_ratio": 1 + self.tolerated,
            "candidate_units": mine.n,
            "baseline_units": others.n,
            "candidate_quantile": mine.quantile(self.p),
            "baseline_quantile": others.quantile(self.p),
            "e_value": exp_capped(self.log_e_above(_shift(self.tolerated, math.ceil))),
            "threshold": 1 / self.alpha,
            "rejected": self.rejected,
        }

    def _proven(self, above: Histogram, below: Histogram, shift: int, times: float) -> bool:
        """Whether the proof reaches its limit; mostly it fails at one of three places, and no more is asked."""
        if not above.n or not below.n:
            return False
        limit = -math.log(self.alpha)
        few, counts = _counts(above, below, shift)
        first = int(np.searchsorted(few, self.p * above.n))
        second = int(np.searchsorted(counts, self.p * below.n))
        some = np.clip(np.array([first, second, (first + second) // 2]), 0, CELLS - 1)
        if self._log_e(few[some], above.n, counts[some], below.n, times).min() < limit:
            return False
        return self._proof(above, below, shift, times) >= limit

    def _proof(self, above: Histogram, below: Histogram, shift: int, times: float) -> float:
        """Return min over t of log E("above" has fewer than p up to t) + log E("below" has more, shifted)."""
        if not above.n or not below.n:
            return 0.0
        few, counts = _counts(above, below, shift)
        moved = (np.diff(few, prepend=-1) != 0) | (np.diff(counts, prepend=-1) != 0)
        seen = np.flatnonzero(moved)
        return float(self._log_e(few[seen], above.n, counts[seen], below.n, times).min())

    def _log_e(self, few: Counts, n: int, counts: Counts, m: int, times: float) -> Floats:
        first = _log_e(np.asarray(few * times, np.float64), n * times, self._fewer)
        second = _log_e(np.asarray(counts * times, np.float64), m * times, self._more)
        return np.add(first, second)


def _counts(above: Histogram, below: Histogram, shift: int) -> tuple[Counts, Counts]:
    """Return, cell by cell, how many of one lie up to its upper edge, of the other up to its lower."""
    many = np.zeros(CELLS + 1, np.int64)
    many[1:] = below.cells.cumsum()
    places = np.clip(np.arange(CELLS) - shift, 0, CELLS)
    return above.cells.cumsum(), many[places]


def _stakes(p: float, side: int) -> tuple[Floats, Floats, Floats]:
    """Return log weights, and what a success and a failure make of each stake."""
    odds = math.log(p / (1 - p)) + side * np.asarray(_DISTANCES)
    other = 1 / (1 + np.exp(-odds))
    weights = np.asarray(_WEIGHTS) / sum(_WEIGHTS)
    return np.log(weights), np.log(other / p), np.log((1 - other) / (1 - p))


def _log_e(successes: Floats, n: float, stakes: tuple[Floats, Floats, Floats]) -> Floats:
    weights, won, lost = stakes
    rungs = weights + np.multiply.outer(successes, won) + np.multiply.outer(n - successes, lost)
    top = rungs.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(rungs - top).sum(axis=1)))


def _shift(margin: float, rounded: Any) -> int:
    return int(rounded(math.log1p(margin) / CELL - (1e-9 if rounded is math.ceil else -1e-9)))


def _last(holds: Any, low: int, high: int) -> int | None:
    """Return the last place where a test holds that holds up to some place; None: nowhere."""
    if not holds(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low

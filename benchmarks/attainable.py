"""Which coverage can an interval of counts have at all? Counts are whole, so not every one.

At one truth, an interval covers with the chance of the set of counts whose interval holds the truth.
Here all sets are searched that a sensible rule can have, and the coverage nearest to the bar is told:

    one count      rules of the count alone, both ends of which do not fall as the count rises. Their
                   sets are runs of counts, and all runs are tried.
    down and up    rules of the number of rows that went down and up alone, both ends of which do not
                   fall when one goes up more or one down less. Their sets are what is left when a
                   staircase is taken from either side; all pairs of staircases are searched.

Where none reaches the bar no such rule can, whatever its formula, though it knew how rows are
correlated. A rule that looks at more (in which cluster a row failed) may, so of clusters this says
only that the number of failures cannot.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

UNIT = 1e-6
"""Chances of staircases are added in such units."""


def law_of_count(p: float, icc: float, sizes: Sequence[int]) -> np.ndarray:
    """Return the chance of each number of failures of rows that fail with chance p."""
    law = np.ones(1)
    for size, times in Counter(sizes).items():
        one = np.array([_chance((x, size - x), (p, 1 - p), icc) for x in range(size + 1)])
        for _ in range(times):
            law = np.convolve(law, one)
    return law


def law_of_pairs(shares: Sequence[float], icc: float, sizes: Sequence[int]) -> np.ndarray:
    """Return the chances [down, up] of rows that go down, up or neither with these shares.

    The table ends where all that is beyond has a chance of some 1e-9.
    """
    n, most = sum(sizes), max(sizes)
    effect = 1 + icc * (sum(size * size for size in sizes) / n - 1)
    reach = [n * p + 9 * effect * (math.sqrt(n * p) + 2) for p in shares[:2]]
    width = 1 << math.ceil(math.log2(min(n, max(reach)) + most + 1))
    whole = np.ones((width, width // 2 + 1), complex)
    for size, times in Counter(sizes).items():
        one = np.zeros((width, width))
        for b in range(size + 1):
            for c in range(size + 1 - b):
                one[b, c] = _chance((b, c, size - b - c), shares, icc)
        whole *= np.fft.rfft2(one) ** times
    law = np.clip(np.fft.irfft2(whole, (width, width)), 0, None)
    law[law < 1e-13] = 0
    rows, columns = (np.flatnonzero(law.sum(1 - axis).cumsum() < 1 - 1e-9).max(initial=0) + 2 for axis in (0, 1))  # fmt: skip
    return law[:rows, :columns]


def nearest_run(law: np.ndarray, low: float, high: float) -> float:
    """Return the coverage of the run of counts that comes nearest to `low` .. `high`."""
    upto = np.concatenate([[0.0], law.cumsum()])
    covered = (upto[None, :] - upto[:, None]).ravel()
    return float(covered[np.argmin(np.maximum(low - covered, covered - high).clip(0))])


def nearest_staircase(law: np.ndarray, low: float, high: float) -> float:
    """Return the coverage of the staircases, of `law_of_pairs`, that comes nearest to the bar."""
    found = _directions(law, low, high)
    return found if low <= found <= high else _staircases(law, low, high)


def _directions(law: np.ndarray, low: float, high: float) -> float:
    """Try only sets between two lines of some slope: where one is inside, all is known."""
    down, up = np.indices(law.shape)
    best = 1.0
    for slope in np.geomspace(0.2, 5, 25):
        order = np.argsort((up - slope * down).ravel(), kind="stable")
        mass = law.ravel()[order]
        at, rest = mass.cumsum(), mass[::-1].cumsum()
        at, rest = (np.concatenate([[0.0], x[x < 0.2]]) for x in (at, rest))
        covered = (1 - at[:, None] - rest).ravel()
        one = covered[np.argmin(np.maximum(low - covered, covered - high).clip(0))]
        best = min(best, one, key=lambda x: max(low - x, x - high, 0.0))
    return float(best)


def _staircases(law: np.ndarray, low: float, high: float) -> float:
    """Search all pairs of staircases: row by row, the sums that can have been taken away, as bits."""
    rows, columns = law.shape
    slack = UNIT * (rows + 1) + max(0.0, 1 - float(law.sum()))
    bits = (1 << int(0.2 / UNIT)) - 1
    states = {(t, u): int(t == 0) for u in range(columns + 1) for t in range(u + 1)}
    for row in law:  # in each both stairs are where they were in the row before, or higher
        left = np.concatenate([[0.0], row.cumsum()])
        taken: dict[tuple[int, int], int] = {}
        for t in range(columns + 1):
            for u in range(t, columns + 1):
                before = states.get((t, u), 0)
                before |= taken.get((t - 1, u), 0) | taken.get((t, u - 1), 0)
                taken[t, u] = before
        states = {
            (t, u): (before << round((left[t] + left[-1] - left[u]) / UNIT)) & bits
            for (t, u), before in taken.items()
            if left[t] + left[-1] - left[u] < 0.2
        }
    every = 0
    for one in states.values():
        every |= one
    sums = np.flatnonzero(np.unpackbits(np.frombuffer(every.to_bytes(bits.bit_length() // 8 + 1, "little"), np.uint8), bitorder="little")) * UNIT  # fmt: skip
    covered = 1 - sums
    off = np.maximum(low - slack - covered, covered - high - slack).clip(0)
    return float(covered[np.argmin(off)])


def _chance(counts: Sequence[int], shares: Sequence[float], icc: float) -> float:
    """Return the (Dirichlet-)multinomial chance of these counts in one cluster."""
    n = sum(counts)
    log = math.lgamma(n + 1) - sum(math.lgamma(x + 1) for x in counts)
    if icc == 0:
        return math.exp(log + sum(x * math.log(p) for x, p in zip(counts, shares, strict=True)))
    whole = 1 / icc - 1
    log += math.lgamma(whole) - math.lgamma(n + whole)
    return math.exp(
        log + sum(math.lgamma(x + whole * p) - math.lgamma(whole * p)
                  for x, p in zip(counts, shares, strict=True))
    )  # fmt: skip

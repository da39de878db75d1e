"""Do 95 % intervals of times and ratios cover 95 %? Medians, 95th percentiles, bootstrapped ratios.

    python benchmarks/coverage_times.py [--draws 1000] [--seed 1] [--jobs 2] [--kinds median p95]

Times and costs are lognormal with a spread (sigma) of 0.5 or 1; rows of a cluster are correlated by
0.3 on the log scale; those of one row before and after by 0.6, and after takes 1.1 times as long.
Success is 0/1 with 0.9 before and 0.92 after, alike in a cluster in the same way. Unequal clusters
have 1, 2, 3, 5, 10 and 15 rows. The bar is 93 to 97 % in each cell. `impossible` marks a cell of the
95th percentile where no interval that ends inside the data can reach 93 %: so often all values seen lie
below the percentile. That chance is computed.

The naive method is a bootstrap of rows that knows nothing of clusters (of one number: its ranks).
"""

import argparse
import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numpy as np

from volano.stats.bootstrap import (
    ratio_of_medians,
    ratio_of_quantiles,
    ratio_of_ratios,
    ratio_of_sums,
    resampled,
)
from volano.stats.clustered import quantile_interval

sys.path.insert(0, str(Path(__file__).parent))
from coverage import clusters, noise

LOW, HIGH = 0.93, 0.97
FACTOR, ROW, BEFORE, AFTER = 1.1, 0.6, 0.9, 0.92
RATIOS = {
    "ratio of medians": (ratio_of_medians, False),
    "ratio of p95": (ratio_of_quantiles(0.95), False),
    "ratio of sums": (ratio_of_sums, True),
    "cost per success": (ratio_of_ratios, True),
}


@dataclass(frozen=True)
class Cell:
    """One kind of number, on so many rows, of such a spread, in clusters or not."""

    kind: str
    n: int
    sigma: float
    icc: float
    sizes: str

    def clusters(self) -> np.ndarray:
        """Return the size of each cluster."""
        return clusters(self.n, self.sizes)

    def value(self) -> float:
        """Return what the interval should cover."""
        if self.kind in ("median", "p95"):
            return math.exp(
                self.sigma * NormalDist().inv_cdf(0.5 if self.kind == "median" else 0.95)
            )
        return FACTOR * BEFORE / AFTER if self.kind == "cost per success" else FACTOR

    def most(self) -> float:
        """Return the chance that the largest value seen lies at the 95th percentile or beyond."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(80)
        normal, cut = NormalDist(), NormalDist().inv_cdf(0.95)
        shared, own = math.sqrt(self.icc), math.sqrt(1 - self.icc)
        below = np.array([normal.cdf((cut - shared * node) / own) for node in nodes])
        weights = weights / weights.sum()
        return 1 - math.prod(float(weights @ below**size) for size in self.clusters())


def cells() -> Iterator[Cell]:
    """Yield the grid."""
    for kind in ("median", "p95", *RATIOS):
        for sizes, icc in (("none", 0.0), ("equal", 0.0), ("equal", 0.3), ("unequal", 0.3)):
            for n in (50, 100, 300, 1000):
                yield from (Cell(kind, n, sigma, icc, sizes) for sigma in (0.5, 1.0))


def measure(cell: Cell, draws: int, seed: int) -> tuple[float, float, float]:
    """Return the coverage of ours and of the naive interval, and our mean width beside the truth."""
    rng = np.random.default_rng(
        [seed, cell.n, int(10 * cell.sigma), int(10 * cell.icc), len(cell.sizes), len(cell.kind)]
    )
    sizes, truth = cell.clusters(), cell.value()
    keys = None if cell.sizes == "none" else np.repeat(np.arange(len(sizes)), sizes).tolist()
    ours = naive = width = 0.0
    for _ in range(draws):
        columns = _draw(cell, sizes, rng)
        low, high = _interval(cell, columns, keys)
        plain = (low, high) if keys is None else _interval(cell, columns, None)
        ours += low <= truth <= high
        naive += plain[0] <= truth <= plain[1]
        width += (high - low) / truth
    return ours / draws, naive / draws, width / draws


def _interval(
    cell: Cell, columns: Sequence[list[float]], keys: list[int] | None
) -> tuple[float, float]:
    if cell.kind in ("median", "p95"):
        share = 0.5 if cell.kind == "median" else 0.95
        one = quantile_interval(columns[0], share, keys)
        return one.low, one.high
    statistic, smooth = RATIOS[cell.kind]
    found = resampled(columns, statistic, keys, smooth=smooth, null=1.0)
    return found.low, found.high


def _draw(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> list[list[float]]:
    row = _correlated(cell, sizes, rng)
    first, second = (
        np.exp(
            cell.sigma * (math.sqrt(ROW) * row + math.sqrt(1 - ROW) * _correlated(cell, sizes, rng))
        )
        for _ in range(2)
    )
    times = [first.tolist(), (FACTOR * second).tolist()]
    if cell.kind != "cost per success":
        return times
    normal, share = _correlated(cell, sizes, rng), NormalDist()
    good = [(normal < share.inv_cdf(p)).astype(float).tolist() for p in (BEFORE, AFTER)]
    return [good[0], times[0], good[1], times[1]]


def _correlated(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return normal values of variance 1; two of a cluster are correlated by the ICC."""
    shared = np.repeat(rng.standard_normal(len(sizes)), sizes)
    return math.sqrt(cell.icc) * shared + math.sqrt(1 - cell.icc) * rng.standard_normal(cell.n)


def main() -> None:
    """Measure all cells and print the table, then what broke the bar."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--draws", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    asked.add_argument("--kinds", nargs="*", help="only these numbers")
    args = asked.parse_args()
    grid = [cell for cell in cells() if not args.kinds or cell.kind in args.kinds]
    with ProcessPoolExecutor(args.jobs) as pool:
        found = list(pool.map(partial(measure, draws=args.draws, seed=args.seed), grid))
    told = [_tell(cell, one[0], noise(args.draws)) for cell, one in zip(grid, found, strict=True)]
    for cell, one, word in zip(grid, found, told, strict=True):
        print(f"{cell.kind:16} {cell.sizes:8} icc {cell.icc:.1f} n {cell.n:5} sigma {cell.sigma:g}"
              f"  ours {one[0]:.1%}  naive {one[1]:.1%}  width {one[2]:.3f}  {word}")  # fmt: skip
    _summary(grid, found, told, noise(args.draws))


def _tell(cell: Cell, covered: float, slack: float) -> str:
    if covered < LOW - slack:
        return "impossible" if cell.kind == "p95" and cell.most() < LOW else "BELOW"
    return "" if covered <= HIGH + slack else "ABOVE"


def _summary(grid: Sequence[Cell], found: Sequence[tuple[float, float, float]], told: Sequence[str], slack: float) -> None:  # fmt: skip
    print(f"\nbar 93-97 % (-+ {slack:.1%} of noise)")
    print("| number | clusters | ICC | cells | 93-97 % | impossible | above | below | least | most | naive least |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for group in [*dict.fromkeys((c.kind, c.sizes, c.icc) for c in grid), ("all", "", "")]:
        here = [(f, t) for c, f, t in zip(grid, found, told, strict=True) if group in (("all", "", ""), (c.kind, c.sizes, c.icc))]  # fmt: skip
        count = [sum(t == word for _, t in here) for word in ("", "impossible", "ABOVE", "BELOW")]
        covered = [f[0] for f, _ in here]
        print(f"| {group[0]} | {group[1]} | {group[2]} | {len(here)} | " + " | ".join(map(str, count))
              + f" | {min(covered):.1%} | {max(covered):.1%} | {min(f[1] for f, _ in here):.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()

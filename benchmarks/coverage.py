"""Do 95 % intervals of reports cover 95 %? Simulated over a grid, beside the naive methods.

    python benchmarks/coverage.py [--draws 2000] [--seed 1] [--markdown]

Single independent proportions are computed exactly, by summing over all counts; all else is
simulated. Rows of a cluster are correlated by 0.3: shares by beta-binomial (pairs: Dirichlet) draws,
scores between 0 and 1 by copying a value of the cluster with chance sqrt(0.3). Unequal clusters
have 1, 2, 3, 5, 10 and 15 rows. The bar is 93 to 97 % in each cell. `=` marks a cell that lies above
for want of events: below 10 effective rows that failed (or differed) are expected, and counts are whole.

The naive methods: p -+ 1.96 sqrt(p (1 - p) / n) for shares, Student's t elsewhere; clusters ignored.
"""

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from volano.stats.binomial import proportion_interval
from volano.stats.clustered import mean_interval, student
from volano.stats.gap import gap

LOW, HIGH, EVENTS = 0.93, 0.97, 10
SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
PAIRS = ((0.5, 0.5, 0.3), (0.7, 0.75, 0.5), (0.9, 0.9, 0.3), (0.9, 0.95, 0.3), (0.97, 0.99, 0.2))
"""The two shares, and how their answers are correlated."""
PATTERN = (1, 2, 3, 5, 10, 15)


def clusters(n: int, sizes: str) -> np.ndarray:
    """Return the size of each cluster of n rows, in the manner of `sizes`: none, equal or unequal."""
    if sizes == "none":
        return np.ones(n, int)
    found: list[int] = []
    while (left := n - sum(found)) > 0:
        size = 5 if sizes == "equal" else PATTERN[len(found) % len(PATTERN)]
        found.append(min(size, left))
    return np.array(found)


@dataclass(frozen=True)
class Cell:
    """One kind of number, on so many rows, of such a truth, in clusters or not."""

    kind: str
    n: int
    truth: tuple[float, ...]
    icc: float
    sizes: str

    def clusters(self) -> np.ndarray:
        """Return the size of each cluster."""
        return clusters(self.n, self.sizes)

    def value(self) -> float:
        """Return what the interval should cover."""
        return self.truth[0] if "paired" not in self.kind else self.truth[1] - self.truth[0]

    def events(self) -> float:
        """Return how many effective rows are expected to fail, or to differ."""
        sizes = self.clusters()
        rows = self.n / (1 + self.icc * ((sizes**2).sum() / self.n - 1))
        if self.kind == "paired shares":
            return float(rows * sum(_table(*self.truth)[1:3]))
        return rows * (1 - self.truth[0])


def cells() -> Iterator[Cell]:
    """Yield the grid."""
    for kind, truths in (
        ("share", [(p,) for p in SHARES]), ("mean", [(p,) for p in SHARES]),
        ("paired shares", PAIRS), ("paired means", PAIRS),
    ):  # fmt: skip
        for sizes, icc in (
            ("none", 0.0),
            ("equal", 0.0),
            ("equal", 0.3),
            ("unequal", 0.0),
            ("unequal", 0.3),
        ):
            for n in (20, 50, 100, 300, 1000) if sizes == "none" else (50, 100, 300, 1000):
                yield from (Cell(kind, n, truth, icc, sizes) for truth in truths)


def measure(cell: Cell, draws: int, seed: int) -> tuple[float, float, float]:
    """Return the coverage of ours and of the naive interval, and our mean width."""
    if cell.kind == "share" and cell.sizes == "none":
        return _exact(cell)
    rng = np.random.default_rng([seed, cell.n, int(cell.icc * 10), len(cell.sizes), *(int(1000 * abs(t)) for t in cell.truth)])  # fmt: skip
    sizes, truth = cell.clusters(), cell.value()
    keys = None if cell.sizes == "none" else np.repeat(np.arange(len(sizes)), sizes).tolist()
    ours = naive = width = 0.0
    for _ in range(draws):
        rows = _draw(cell, sizes, rng)
        if "paired" in cell.kind:
            found = gap(rows[0].tolist(), rows[1].tolist(), keys)
            plain = _plain(rows[1] - rows[0], cell.kind)
        else:
            found = mean_interval(rows[0].tolist(), keys)
            plain = _plain(rows[0], cell.kind)
        ours += found.low - 1e-12 <= truth <= found.high + 1e-12
        naive += plain[0] - 1e-12 <= truth <= plain[1] + 1e-12
        width += found.high - found.low
    return ours / draws, naive / draws, width / draws


def _exact(cell: Cell) -> tuple[float, float, float]:
    n, p = cell.n, cell.truth[0]
    sums = np.zeros(3)
    for x in range(n + 1):
        mass = math.exp(
            math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
            + x * math.log(p) + (n - x) * math.log1p(-p)
        )  # fmt: skip
        low, high = proportion_interval(x, n)
        half = 1.96 * math.sqrt(x / n * (1 - x / n) / n)
        sums += mass * np.array([low <= p <= high, abs(x / n - p) <= half, high - low])
    return float(sums[0]), float(sums[1]), float(sums[2])


def _plain(values: np.ndarray, kind: str) -> tuple[float, float]:
    n, mean = len(values), float(values.mean())
    t = 1.96 if "share" in kind else student(0.95, n - 1)
    half = t * float(values.std(ddof=1)) / math.sqrt(n)
    return mean - half, mean + half


def _table(p1: float, p2: float, phi: float) -> list[float]:
    """Return the chances of both, only the first, only the second, neither."""
    both = p1 * p2 + phi * math.sqrt(p1 * (1 - p1) * p2 * (1 - p2))
    return [max(1e-9, one) for one in (both, p1 - both, p2 - both, 1 - p1 - p2 + both)]


def _draw(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    where = np.repeat(np.arange(len(sizes)), sizes)
    if cell.kind == "share":
        p = cell.truth[0]
        return [(rng.random(cell.n) < _beta(p, cell.icc, len(sizes), rng)[where]).astype(float)]
    if cell.kind == "paired shares":
        table = np.array(_table(*cell.truth))
        chances = np.tile(table, (len(sizes), 1))
        if cell.icc:
            gammas = rng.gamma(np.tile(table * (1 / cell.icc - 1), (len(sizes), 1)))
            chances = gammas / np.maximum(gammas.sum(1, keepdims=True), 1e-300)
        which = (rng.random((cell.n, 1)) > chances.cumsum(1)[where][:, :3]).sum(1)
        return [np.isin(which, (0, 1)).astype(float), np.isin(which, (0, 2)).astype(float)]
    if cell.kind == "mean":
        return [_copied(cell, sizes, where, rng, _scores)[:, 0]]
    both = _copied(cell, sizes, where, rng, _pairs)
    return [both[:, 0], both[:, 1]]


def _beta(p: float, icc: float, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.beta(p * (1 / icc - 1), (1 - p) * (1 / icc - 1), size) if icc else np.full(size, p)


def _copied(cell, sizes, where, rng, fresh) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return rows that copy their cluster's with chance sqrt(icc): then two of them correlate by icc."""
    own = fresh(cell, cell.n, rng)
    copies = rng.random(cell.n) < math.sqrt(cell.icc)
    own[copies] = fresh(cell, len(sizes), rng)[where[copies]]
    return own


def _scores(cell: Cell, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return scores as overlap measures give them: many at the edge, the others anywhere."""
    p = cell.truth[0]
    return np.where(rng.random(n) < 2 * p - 1, 1.0, rng.random(n))[:, None]


def _pairs(cell: Cell, n: int, rng: np.random.Generator) -> np.ndarray:
    p1, p2, phi = cell.truth
    first = np.where(rng.random(n) < 2 * p1 - 1, 1.0, rng.random(n))
    second = np.where(rng.random(n) < 2 * p2 - 1, 1.0, rng.random(n))
    if p1 == p2:
        second = np.where(rng.random(n) < phi, first, second)
    return np.stack([first, second], 1)


def main() -> None:
    """Measure all cells and print the table, then what broke the bar."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--draws", type=int, default=2000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument(
        "--markdown", action="store_true", help="the summary as a table for the docs"
    )
    args = asked.parse_args()
    grid = list(cells())
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(
            pool.map(partial(measure, draws=args.draws, seed=args.seed), grid, chunksize=4)
        )
    noise = 2.6 * math.sqrt(0.95 * 0.05 / args.draws)
    told = [_tell(cell, one, noise) for cell, one in zip(grid, found, strict=True)]
    for cell, one, word in zip(grid, found, told, strict=True):
        truth = "/".join(f"{t:g}" for t in cell.truth)
        print(f"{cell.kind:14} {cell.sizes:8} icc {cell.icc:.1f} n {cell.n:5} {truth:13} events {cell.events():6.1f}"
              f"  ours {one[0]:.1%}  naive {one[1]:.1%}  width {one[2]:.4f}  {word}")  # fmt: skip
    _summary(grid, found, told, noise)


def _tell(cell: Cell, found: tuple[float, float, float], noise: float) -> str:
    slack = 0.0 if cell.kind == "share" and cell.sizes == "none" else noise
    if found[0] < LOW - slack:
        return "BELOW"
    if found[0] <= HIGH + slack:
        return ""
    return "=" if cell.events() < EVENTS else "ABOVE"


def _summary(grid: Sequence[Cell], found: Sequence[tuple[float, float, float]], told: Sequence[str], noise: float) -> None:  # fmt: skip
    print(f"\nbar 93-97 % (simulated cells: -+ {noise:.1%} of noise)")
    print(
        "| number | clusters | ICC | cells | 93-97 % | above, few events | above | below | least | naive least |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for group in dict.fromkeys((c.kind, c.sizes, c.icc) for c in grid):
        here = [
            (f, t)
            for c, f, t in zip(grid, found, told, strict=True)
            if (c.kind, c.sizes, c.icc) == group
        ]
        count = [sum(t == word for _, t in here) for word in ("", "=", "ABOVE", "BELOW")]
        least, naive = min(f[0] for f, _ in here), min(f[1] for f, _ in here)
        print(f"| {group[0]} | {group[1]} | {group[2]} | {len(here)} | " + " | ".join(map(str, count))
              + f" | {least:.1%} | {naive:.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()

"""Do 95 % intervals of reports cover 95 %? Simulated over a grid, beside the naive methods.

    python benchmarks/coverage.py [--draws 2500] [--seed 1] [--jobs 2] [--only share mean]

Single independent proportions, and differences of pairs of them, are computed exactly, by summing
over all counts; all else is simulated. Rows of a cluster are correlated by 0.3: shares by
beta-binomial (pairs: Dirichlet) draws, scores between 0 and 1 by copying a value of the cluster with
chance sqrt(0.3). Unequal clusters have 1, 2, 3, 5, 10 and 15 rows. The bar is 93 to 97 % in each cell.

`impossible` marks a cell of shares where no sensible rule of the counts alone reaches the bar, since
counts are whole; beside it is the nearest coverage such a rule can have. `attainable.py` says which
rules are searched. Scores between 0 and 1 have no counts, so nothing is said of them.

The naive methods: p -+ 1.96 sqrt(p (1 - p) / n) for shares, Student's t elsewhere; clusters ignored.
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

import numpy as np

from volano.stats.clustered import mean_interval, student
from volano.stats.gap import gap

sys.path.insert(0, str(Path(__file__).parent))
from attainable import law_of_count, law_of_pairs, nearest_run, nearest_staircase

LOW, HIGH = 0.93, 0.97
BEYOND = 1e-6
"""So much chance of the rarest counts is left out where all are summed."""
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


def measure(cell: Cell, draws: int, seed: int) -> tuple[float, float, float, float | None]:
    """Return the coverage of ours and of the naive interval, our mean width, and what is attainable.

    The latter is None inside the bar and for scores, where it was not asked.
    """
    if cell.sizes == "none" and "share" in cell.kind:
        found, slack = _exact(cell), 0.0
    else:
        found, slack = _simulated(cell, draws, seed), noise(draws)
    if LOW - slack <= found[0] <= HIGH + slack or "share" not in cell.kind:
        return *found, None
    sizes = cell.clusters().tolist()
    if cell.kind == "share":
        near = nearest_run(law_of_count(1 - cell.truth[0], cell.icc, sizes), LOW, HIGH)
    else:
        near = nearest_staircase(law_of_pairs(_changes(cell), cell.icc, sizes), LOW, HIGH)
    return *found, near


def noise(draws: int) -> float:
    """Return how far a coverage of 95 % strays in so many draws: once in a hundred cells farther."""
    return 2.6 * math.sqrt(0.95 * 0.05 / draws)


def _simulated(cell: Cell, draws: int, seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng([seed, cell.n, int(cell.icc * 10), len(cell.sizes), *(int(1000 * abs(t)) for t in cell.truth)])  # fmt: skip
    sizes = cell.clusters()
    keys = None if cell.sizes == "none" else np.repeat(np.arange(len(sizes)), sizes).tolist()
    starts, known = sizes.cumsum() - sizes, dict[bytes, np.ndarray]()
    sums = np.zeros(3)
    for _ in range(draws):
        rows = _draw(cell, sizes, rng)
        if "share" not in cell.kind:
            sums += _held(cell, rows, keys)
            continue
        down, up = (rows[0] > rows[-1], rows[0] < rows[-1]) if len(rows) > 1 else (rows[0], ~rows[0].astype(bool))  # fmt: skip
        counts = np.add.reduceat(down * 1000 + up, starts) + sizes * 1_000_000
        same = np.sort(counts).tobytes()  # what an interval can know of 0/1 rows
        if same not in known:
            known[same] = _held(cell, rows, keys)
        sums += known[same]
    ours, naive, width = (sums / draws).tolist()
    return ours, naive, width


def _held(cell: Cell, rows: Sequence[np.ndarray], keys: list[int] | None) -> np.ndarray:
    """Return whether ours and the naive interval hold the truth, and our width."""
    truth = cell.value()
    if len(rows) > 1:
        pair = gap(rows[0].tolist(), rows[1].tolist(), keys)
        low, high, plain = pair.low, pair.high, _plain(rows[1] - rows[0], cell.kind)
    else:
        one = mean_interval(rows[0].tolist(), keys)
        low, high, plain = one.low, one.high, _plain(rows[0], cell.kind)
    return np.array([
        low - 1e-12 <= truth <= high + 1e-12, plain[0] - 1e-12 <= truth <= plain[1] + 1e-12, high - low,
    ])  # fmt: skip


def _exact(cell: Cell) -> tuple[float, float, float]:
    """Sum over all counts of independent rows, from the likeliest on."""
    ones = [1] * cell.n
    law = law_of_pairs(_changes(cell), 0.0, ones) if "paired" in cell.kind else law_of_count(1 - cell.truth[0], 0.0, ones)[:, None]  # fmt: skip
    order = np.argsort(-law.ravel())
    needed = int(np.searchsorted(law.ravel()[order].cumsum(), 1 - BEYOND)) + 1
    sums = np.zeros(3)
    for at in order[:needed]:
        down, up = (int(x) for x in np.unravel_index(at, law.shape))
        first, second = np.ones(cell.n), np.ones(cell.n)
        first[down : down + up] = second[:down] = 0
        rows = [first, second] if "paired" in cell.kind else [second]
        sums += law[down, up] * _held(cell, rows, None)
    ours, naive, width = (sums / law.ravel()[order[:needed]].sum()).tolist()
    return ours, naive, width


def _changes(cell: Cell) -> list[float]:
    """Return the shares of rows that go down, up, or neither."""
    both, down, up, neither = _table(*cell.truth)
    return [down, up, both + neither]


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
    asked.add_argument("--draws", type=int, default=2500)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    asked.add_argument("--only", nargs="*", help="only these kinds, such as 'paired shares'")
    args = asked.parse_args()
    grid = [cell for cell in cells() if not args.only or cell.kind in args.only]
    with ProcessPoolExecutor(args.jobs) as pool:
        found = list(
            pool.map(partial(measure, draws=args.draws, seed=args.seed), grid, chunksize=4)
        )
    told = [_tell(cell, one, noise(args.draws)) for cell, one in zip(grid, found, strict=True)]
    for cell, one, word in zip(grid, found, told, strict=True):
        truth = "/".join(f"{t:g}" for t in cell.truth)
        near = f"nearest of counts {one[3]:.1%}" if word == "impossible" else ""
        print(f"{cell.kind:14} {cell.sizes:8} icc {cell.icc:.1f} n {cell.n:5} {truth:13} events {cell.events():6.1f}"
              f"  ours {one[0]:.1%}  naive {one[1]:.1%}  width {one[2]:.4f}  {word} {near}".rstrip())  # fmt: skip
    _summary(grid, found, told, noise(args.draws))


def _tell(cell: Cell, found: tuple[float, float, float, float | None], slack: float) -> str:
    if cell.sizes == "none" and "share" in cell.kind:
        slack = 0.0
    if LOW - slack <= found[0] <= HIGH + slack:
        return ""
    if found[3] is not None and not LOW <= found[3] <= HIGH:
        return "impossible"
    return "BELOW" if found[0] < LOW else "ABOVE"


def _summary(
    grid: Sequence[Cell], found: Sequence[tuple[float, float, float, float | None]],
    told: Sequence[str], slack: float,
) -> None:  # fmt: skip
    print(f"\nbar 93-97 % (simulated cells: -+ {slack:.1%} of noise)")
    print(
        "| number | clusters | ICC | cells | 93-97 % | impossible | above | below | least | most | naive least |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for group in [*dict.fromkeys((c.kind, c.sizes, c.icc) for c in grid), None]:
        here = [
            (f, t)
            for c, f, t in zip(grid, found, told, strict=True)
            if group in (None, (c.kind, c.sizes, c.icc))
        ]
        count = [sum(t == word for _, t in here) for word in ("", "impossible", "ABOVE", "BELOW")]
        ours, naive = [f[0] for f, _ in here], min(f[1] for f, _ in here)
        name = " | ".join(map(str, group or ("all", "", "")))
        print(f"| {name} | {len(here)} | " + " | ".join(map(str, count))
              + f" | {min(ours):.1%} | {max(ours):.1%} | {naive:.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()

"""Do corrected scores of a judge cover the truth? A table of cells, beside the bar.

    python benchmarks/judge_correction.py [--streams 2000] [--quick] [--whole]

People's labels and a judge's are drawn with a planted kappa (0.4, 0.6, 0.8); the judge errs
alike on both sides, is lenient or strict; the truth is 50 to 95 %; calibration has 100 to 400
rows, and 500 or 2,000 more are judged. Printed are the bias of the estimate in points and how
often the 95 % interval holds the truth: of PPI++, of Rogan-Gladen, and of the judge's raw
mean, which is the negative control. Then the paired difference of two systems, values on a
scale of three levels, and rows in clusters. The bar: bias below 1 point, coverage 93 to 97 %.
"""

import argparse
import itertools
import random
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from volano.stats.correction import (
    Confusion,
    Corrected,
    prediction_powered,
    prediction_powered_difference,
    rogan_gladen,
    rogan_gladen_difference,
)
from volano.stats.intervals import wilson

BIAS, LEAST, MOST = 0.01, 0.93, 0.97
CELLS = ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
TRUTHS, KAPPAS, KINDS = (0.5, 0.7, 0.85, 0.95), (0.4, 0.6, 0.8), ("even", "lenient", "strict")
SIZES = tuple(itertools.product((100, 200, 400), (500, 2000)))


class Cell(NamedTuple):
    """What one estimator did in one cell."""

    told: str
    method: str
    bias: float
    coverage: float
    streams: int

    @property
    def kept(self) -> bool:
        """Whether the bar holds, with two standard errors of the simulation's own noise."""
        noise = 2 * (0.05 * 0.95 / self.streams) ** 0.5
        return abs(self.bias) < BIAS and LEAST - noise <= self.coverage <= MOST + noise


def rates(truth: float, kappa: float, kind: str) -> tuple[float, float]:
    """Return the sensitivity and specificity that give this kappa at this truth."""

    def pair(level: float) -> tuple[float, float]:
        better = 1 - (1 - level) / 4
        return {"even": (level, level), "lenient": (better, level), "strict": (level, better)}[kind]

    low, high = 0.5, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if kappa_of(truth, *pair(middle)) < kappa:
            low = middle
        else:
            high = middle
    return pair(high)


def kappa_of(truth: float, sensitivity: float, specificity: float) -> float:
    """Return Cohen's kappa of a judge with these rates."""
    same = truth * sensitivity + (1 - truth) * specificity
    yes = truth * sensitivity + (1 - truth) * (1 - specificity)
    chance = truth * yes + (1 - truth) * (1 - yes)
    return (same - chance) / (1 - chance)


def means(
    streams: int, *, truths=TRUTHS, kappas=KAPPAS, kinds=KINDS, sizes=SIZES
) -> Iterator[Cell]:
    """Simulate the corrected mean in every cell, by all three methods."""
    for truth, kappa, kind, (n, more) in itertools.product(truths, kappas, kinds, sizes):
        q1, q0 = rates(truth, kappa, kind)
        shares = (truth * q1, truth * (1 - q1), (1 - truth) * (1 - q0), (1 - truth) * q0)
        draw = np.random.default_rng(zlib.crc32(f"{truth} {kappa} {kind} {n} {more}".encode()))
        told = f"truth {truth:.2f}  kappa {kappa}  {kind:<7}  n {n:<3}  judged {more:<4}"
        tallies = {name: Tally(truth) for name in ("PPI++", "Rogan-Gladen", "raw")}
        for _ in range(streams):
            table = dict(zip(CELLS, draw.multinomial(n, shares).tolist(), strict=True))
            positives = int(draw.binomial(more, shares[0] + shares[2]))
            pairs = [pair for pair, times in table.items() for _ in range(times)]
            found = prediction_powered(
                [a for a, _ in pairs], [b for _, b in pairs],
                [1.0] * positives + [0.0] * (more - positives),
            )  # fmt: skip
            tallies["PPI++"].take(found)
            counts = Confusion(*table.values())
            if counts.both + counts.missed and counts.invented + counts.neither:
                tallies["Rogan-Gladen"].take(rogan_gladen(counts, positives, more))
            raw = wilson(positives, more)
            tallies["raw"].take(Corrected(positives / more, *raw, 1, 0, more))
        yield from (one.cell(told, name) for name, one in tallies.items())


def differences(streams: int) -> Iterator[Cell]:
    """Simulate the difference of two systems on the same rows, judged by the same judge."""
    for gain, kappa, kind, (n, more) in itertools.product(
        (0.0, 0.1), KAPPAS, KINDS, ((100, 500), (400, 2000))
    ):
        base = 0.7
        q1, q0 = rates(base, kappa, kind)
        draw = random.Random(f"{gain} {kappa} {kind} {n}")
        tallies = {name: Tally(gain) for name in ("PPI++", "Rogan-Gladen", "raw")}
        for _ in range(streams):
            rows = [_two(draw, base, gain, q1, q0) for _ in range(n + more)]
            here, there = rows[:n], rows[n:]
            apart = [
                [b - a for a, b in pairs]
                for pairs in (
                    [(r[0], r[1]) for r in here], [(r[2], r[3]) for r in here],
                    [(r[2], r[3]) for r in there],
                )
            ]  # fmt: skip
            tallies["PPI++"].take(prediction_powered_difference(*apart))
            counts = Counter((r[0], r[2]) for r in here)
            table = Confusion(counts[1, 1], counts[1, 0], counts[0, 1], counts[0, 0])
            first, second = [r[2] for r in there], [r[3] for r in there]
            tallies["Rogan-Gladen"].take(rogan_gladen_difference(table, first, second))
            tallies["raw"].take(_raw(apart[2]))
        told = f"difference {gain:.2f}  kappa {kappa}  {kind:<7}  n {n:<3}  judged {more:<4}"
        yield from (one.cell(told, name) for name, one in tallies.items())


def levels(streams: int) -> Iterator[Cell]:
    """Simulate three named levels (0, 1/2, 1), where the judge is off by one step more often than by two."""
    spread = ((0.0, 0.2), (0.5, 0.3), (1.0, 0.5))
    truth = sum(value * share for value, share in spread)
    for right, (n, more) in itertools.product((0.5, 0.7, 0.9), SIZES):
        draw = random.Random(f"levels {right} {n} {more}")
        tally, raw = Tally(truth), Tally(truth)
        for _ in range(streams):
            rows = [_level(draw, spread, right) for _ in range(n + more)]
            there = [b for _, b in rows[n:]]
            tally.take(
                prediction_powered([a for a, _ in rows[:n]], [b for _, b in rows[:n]], there)
            )
            raw.take(_raw(there))
        told = f"three levels  right {right}  n {n:<3}  judged {more:<4}"
        yield tally.cell(told, "PPI++")
        yield raw.cell(told, "raw")


def clustered(streams: int) -> Iterator[Cell]:
    """Simulate rows in clusters of five that share their topic (and the judge's error on it)."""
    for kappa, (n, more) in itertools.product(KAPPAS, ((200, 1000), (400, 2000))):
        q1, q0 = rates(0.7, kappa, "lenient")
        draw = random.Random(f"clusters {kappa} {n}")
        known, blind = Tally(0.7), Tally(0.7)
        for _ in range(streams):
            rows = [pair for _ in range((n + more) // 5) for pair in _five(draw, 0.7, q1, q0)]
            names = [at // 5 for at in range(n + more)]
            here, there = rows[:n], [b for _, b in rows[n:]]
            values = [a for a, _ in here], [b for _, b in here], there
            known.take(prediction_powered(*values, clusters=(names[:n], names[n:])))
            blind.take(prediction_powered(*values))
        told = f"clusters of 5  kappa {kappa}  n {n:<3}  judged {more:<4}"
        yield known.cell(told, "PPI++")
        yield blind.cell(told, "blind")


class Tally:
    """Counts what an estimator does in one cell."""

    def __init__(self, truth: float):
        self._truth, self._sum, self._held, self._n = truth, 0.0, 0, 0

    def take(self, found: Corrected | None) -> None:
        """Count one estimate; None (nothing can be corrected) is left out."""
        if found is None:
            return
        self._n += 1
        self._sum += found.value
        self._held += found.low <= self._truth <= found.high

    def cell(self, told: str, method: str) -> Cell:
        """Return the cell."""
        n = max(1, self._n)
        return Cell(told, method, self._sum / n - self._truth, self._held / n, n)


def _row(draw: random.Random, truth: float, q1: float, q0: float) -> tuple[float, float]:
    label = float(draw.random() < truth)
    right = draw.random() < (q1 if label else q0)
    return label, label if right else 1 - label


def _two(draw: random.Random, base: float, gain: float, q1: float, q0: float) -> tuple[float, ...]:
    """Two systems on one row: half of the time they share their fate."""
    fate = draw.random()
    other = fate if draw.random() < 0.5 else draw.random()
    first, second = float(fate < base), float(other < base + gain)
    judged = [one if draw.random() < (q1 if one else q0) else 1 - one for one in (first, second)]
    return first, second, *judged


def _level(draw: random.Random, spread, right: float) -> tuple[float, float]:
    label = draw.choices([v for v, _ in spread], [s for _, s in spread])[0]
    if draw.random() < right:
        return label, label
    near = min(1.0, label + 0.5) if draw.random() < 0.7 else max(0.0, label - 0.5)
    return label, near


def _five(draw: random.Random, truth: float, q1: float, q0: float) -> list[tuple[float, float]]:
    """Five rows: with chance 0.3 each takes the cluster's own row in place of one of its own."""
    shared = _row(draw, truth, q1, q0)
    return [shared if draw.random() < 0.55 else _row(draw, truth, q1, q0) for _ in range(5)]


def _raw(values: list[float]) -> Corrected:
    n = len(values)
    mean = sum(values) / n
    half = 1.96 * (sum((v - mean) ** 2 for v in values) / (n - 1) / n) ** 0.5
    return Corrected(mean, mean - half, mean + half, 1, 0, n)


def show(title: str, cells: list[Cell], *, whole: bool) -> bool:
    """Print one table; say whether PPI++ keeps the bar in every cell."""
    print(f"\n{title}")
    for method in dict.fromkeys(cell.method for cell in cells):
        own = [cell for cell in cells if cell.method == method]
        kept = sum(cell.kept for cell in own)
        low, high = min(c.coverage for c in own), max(c.coverage for c in own)
        bias = max(abs(c.bias) for c in own)
        print(f"  {method:<13} {kept:>3} of {len(own)} cells keep the bar; coverage "
              f"{low * 100:5.1f} to {high * 100:5.1f} %; largest bias {bias * 100:5.2f} points")  # fmt: skip
    if whole:
        for cell in cells:
            print(f"    {cell.told}  {cell.method:<13} bias {cell.bias * 100:+6.2f}  "
                  f"coverage {cell.coverage * 100:5.1f} %  {'' if cell.kept else '<- misses'}")  # fmt: skip
    return all(cell.kept for cell in cells if cell.method == "PPI++")


def main() -> int:
    """Print all tables; end with 1 where PPI++ misses the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=2000, help="simulations of each cell")
    parser.add_argument("--quick", action="store_true", help="a few cells only")
    parser.add_argument("--whole", action="store_true", help="print every cell")
    given = parser.parse_args()
    few = {"truths": (0.7, 0.95), "sizes": ((100, 500),)} if given.quick else {}
    tables: list[tuple[str, Callable[[], Iterator[Cell]]]] = [
        ("Means of yes and no", lambda: means(given.streams, **few)),
        ("Paired differences of two systems", lambda: differences(given.streams // 2)),
        ("Three levels", lambda: levels(given.streams // 2)),
        ("Clusters", lambda: clustered(given.streams // 2)),
    ]
    print(f"The bar: bias below {BIAS * 100:.0f} point, coverage {LEAST * 100:.0f} to {MOST * 100:.0f} %; "
          f"raw and blind are negative controls. {given.streams} simulations a cell.")  # fmt: skip
    kept = [show(title, list(cells()), whole=given.whole) for title, cells in tables]
    print("\nPPI++ keeps the bar in every cell." if all(kept) else "\nPPI++ misses the bar.")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Do corrected scores of a judge cover the truth? A table of cells, beside the bar.

    python benchmarks/judge_correction.py [--streams 2000] [--quick] [--whole]

People's labels and a judge's are drawn with a planted kappa (0.4, 0.6, 0.8); the judge errs
alike on both sides, is lenient or strict; the truth is 50 to 95 %; calibration has 100 to 400
rows, and 500 or 2,000 more are judged. Printed are the bias of the estimate in points and how
often the 95 % interval holds the truth: of PPI++, of Rogan-Gladen, and of the judge's raw
mean, which is the negative control. Then the paired difference of two systems, values on a
scale of three levels, and rows in clusters. The bar: bias below 1 point, coverage 93 to 97 %. All of it
takes some four minutes of one core.
"""

import argparse
import itertools
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
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
        draw = _random(f"{truth} {kappa} {kind} {n} {more}")
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
        draw = _random(f"difference {gain} {kappa} {kind} {n}")
        tallies = {name: Tally(gain) for name in ("PPI++", "Rogan-Gladen", "raw")}
        for _ in range(streams):
            first, second, here, there = _two(draw, n + more, base, gain, q1, q0)
            people, judge = second - first, there - here
            tallies["PPI++"].take(
                prediction_powered_difference(
                    people[:n].tolist(), judge[:n].tolist(), judge[n:].tolist()
                )
            )
            table = Confusion(*(
                int(((first[:n] == a) & (here[:n] == b)).sum()) for a, b in CELLS
            ))  # fmt: skip
            tallies["Rogan-Gladen"].take(
                rogan_gladen_difference(table, here[n:].tolist(), there[n:].tolist())
            )
            tallies["raw"].take(_raw(judge[n:]))
        told = f"difference {gain:.2f}  kappa {kappa}  {kind:<7}  n {n:<3}  judged {more:<4}"
        yield from (one.cell(told, name) for name, one in tallies.items())


def levels(streams: int) -> Iterator[Cell]:
    """Simulate three named levels (0, 1/2, 1), where the judge is off by one step more often than by two."""
    spread = ((0.0, 0.2), (0.5, 0.3), (1.0, 0.5))
    truth = sum(value * share for value, share in spread)
    for right, (n, more) in itertools.product((0.5, 0.7, 0.9), SIZES):
        draw = _random(f"levels {right} {n} {more}")
        tally, raw = Tally(truth), Tally(truth)
        for _ in range(streams):
            label, judge = _levels(draw, n + more, spread, right)
            tally.take(
                prediction_powered(label[:n].tolist(), judge[:n].tolist(), judge[n:].tolist())
            )
            raw.take(_raw(judge[n:]))
        told = f"three levels  right {right}  n {n:<3}  judged {more:<4}"
        yield tally.cell(told, "PPI++")
        yield raw.cell(told, "raw")


def clustered(streams: int) -> Iterator[Cell]:
    """Simulate rows in clusters of five that share their topic (and the judge's error on it)."""
    for kappa, (n, more) in itertools.product(KAPPAS, ((200, 1000), (400, 2000))):
        q1, q0 = rates(0.7, kappa, "lenient")
        draw = _random(f"clusters {kappa} {n}")
        known, blind = Tally(0.7), Tally(0.7)
        names = [at // 5 for at in range(n + more)]
        for _ in range(streams):
            label, judge = _fives(draw, (n + more) // 5, 0.7, q1, q0)
            values = label[:n].tolist(), judge[:n].tolist(), judge[n:].tolist()
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


def _random(told: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(told.encode()))


def _judged(draw: np.random.Generator, label: np.ndarray, q1: float, q0: float) -> np.ndarray:
    """Return what a judge of this sensitivity and specificity says of labels 0 and 1."""
    right = draw.random(label.shape) < np.where(label == 1, q1, q0)
    return np.where(right, label, 1 - label)


def _two(
    draw: np.random.Generator, rows: int, base: float, gain: float, q1: float, q0: float
) -> tuple[np.ndarray, ...]:
    """Two systems on the same rows: half of the time they share their fate. Labels, then judgments."""
    fate = draw.random(rows)
    other = np.where(draw.random(rows) < 0.5, fate, draw.random(rows))
    first, second = (fate < base).astype(float), (other < base + gain).astype(float)
    return first, second, _judged(draw, first, q1, q0), _judged(draw, second, q1, q0)


def _levels(
    draw: np.random.Generator, rows: int, spread: Sequence[tuple[float, float]], right: float
) -> tuple[np.ndarray, np.ndarray]:
    label = draw.choice([v for v, _ in spread], rows, p=[s for _, s in spread])
    near = np.where(
        draw.random(rows) < 0.7, np.minimum(1.0, label + 0.5), np.maximum(0.0, label - 0.5)
    )
    return label, np.where(draw.random(rows) < right, label, near)


def _fives(
    draw: np.random.Generator, clusters: int, truth: float, q1: float, q0: float
) -> tuple[np.ndarray, np.ndarray]:
    """Five rows a cluster; two of them are the cluster's own row, copied, with chance 0.55^2 = 0.3."""
    own = (draw.random((clusters, 6)) < truth).astype(float)
    judge = _judged(draw, own, q1, q0)
    copied = draw.random((clusters, 5)) < 0.55
    label, said = (np.where(copied, one[:, 5:], one[:, :5]).ravel() for one in (own, judge))
    return label, said


def _raw(values: np.ndarray) -> Corrected:
    n, mean = len(values), float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / n**0.5
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
        ("Paired differences of two systems", lambda: differences(given.streams)),
        ("Three levels", lambda: levels(given.streams)),
        ("Clusters", lambda: clustered(given.streams)),
    ]
    print(f"The bar: bias below {BIAS * 100:.0f} point, coverage {LEAST * 100:.0f} to {MOST * 100:.0f} %; "
          f"raw and blind are negative controls. {given.streams} simulations a cell.")  # fmt: skip
    kept = [show(title, list(cells()), whole=given.whole) for title, cells in tables]
    print("\nPPI++ keeps the bar in every cell." if all(kept) else "\nPPI++ misses the bar.")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())

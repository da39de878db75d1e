"""How many pairs show that a shadow's answers are worse, and how often a good one is accused.

    python benchmarks/shadow_pairs.py [--runs 400] [--null 2000] [--seed 1]

Judge scores are drawn three ways: on a fine scale (Beta, spread 0.15 and 0.20) and on five
levels; both answers to one question share its ease (a Gaussian copula of correlation `rho`).
The copy scores 0.05 lower on average (null: not at all). The evidence is the product's own
(`PairEvidence`, with the plan's whole split of alpha), looked at after each pair. Beside it,
on the same scores: the same pairs by the stakes of `stats.betting` at the same alpha, and
two groups of as many users that are not paired (bounds on two means, half of alpha each).

Bars: a drop of 0.05 is found with a median of at most 200 pairs where the difference between
both scores of a pair has a spread of at most 0.25 (about 2 s^2 log(1 / alpha) / 0.05^2 pairs are
what any test needs, so no test does it far beyond); at most 5 % of the null streams of 300 pairs
are ever rejected, errors and scores together.
"""

import argparse
import bisect
import random
import sys
from collections.abc import Callable, Iterator
from itertools import accumulate, islice
from statistics import NormalDist, median, pstdev

from volano.releases.pairs.evidence import PairEvidence
from volano.releases.plan import Plan
from volano.stats.betting import BettingTest, MeanBounds

MOST, NULL_MOST = 1_000, 300
DROP = 0.05
LEVELS = (0.04, 0.08, 0.18, 0.35, 0.35)
RHOS = (0.0, 0.3, 0.5, 0.7)
Draw = Callable[[float], float]
_PHI = NormalDist().cdf


def beta(mean: float, spread: float, cells: int = 2_000) -> Draw:
    """Return the quantile function of a Beta distribution, from a table."""
    size = mean * (1 - mean) / spread**2 - 1
    a, b = mean * size, (1 - mean) * size
    at = [(k + 0.5) / cells for k in range(cells)]
    sums = list(accumulate(x ** (a - 1) * (1 - x) ** (b - 1) for x in at))
    return lambda u: at[min(cells - 1, bisect.bisect_left(sums, u * sums[-1]))]


def levels(drop: float) -> Draw:
    """Return the quantile function of five levels; `drop` moves some answers one level down."""
    part = drop / (0.25 * (1 - LEVELS[0]))
    down = [LEVELS[0], *(p * (1 - part) for p in LEVELS[1:])]
    for at in range(1, len(LEVELS)):
        down[at - 1] += LEVELS[at] * part
    sums = list(accumulate(down))
    return lambda u: min(4, bisect.bisect_left(sums, u)) / 4


SCALES: dict[str, Callable[[float], Draw]] = {
    "Beta, spread 0.15": lambda drop: beta(0.75 - drop, 0.15),
    "Beta, spread 0.20": lambda drop: beta(0.75 - drop, 0.20),
    "five levels": levels,
}


def pairs(
    draw: random.Random, scale: str, rho: float, drop: float
) -> Iterator[tuple[float, float]]:
    """Draw pairs of scores for ever: of the original, and of its copy."""
    original, copy = SCALES[scale](0.0), SCALES[scale](drop)
    shared, own = rho**0.5, (1 - rho) ** 0.5
    while True:
        ease = shared * draw.gauss(0, 1)
        yield (
            original(_PHI(ease + own * draw.gauss(0, 1))),
            copy(_PHI(ease + own * draw.gauss(0, 1))),
        )


def spread(scale: str, rho: float) -> float:
    """Return the standard deviation of the difference between both scores of a pair."""
    stream = pairs(random.Random(f"spread/{scale}/{rho}"), scale, rho, DROP)
    return pstdev(original - copy for original, copy in islice(stream, 4_000))


def ours(
    stream: Iterator[tuple[float, float]], most: int, failing: random.Random | None = None
) -> int:
    """Return after how many pairs the product takes the candidate back; `most + 1`: never."""
    evidence = PairEvidence(Plan.parse("shadow 5% judge helpful, 10%, 100%"))
    [scored] = evidence.scored.values()
    for one in (scored, evidence.errors):
        one.bounds = MeanBounds(0.05, 2)  # shown to people, and most of the time it takes
    for n, (original, copy) in enumerate(stream, 1):
        if n > most:
            break
        scored.observe(str(n), 1 - original, 1 - copy)
        if failing is not None and evidence.errors is not None:
            failed = [float(failing.random() < 0.02) for _ in range(2)]
            evidence.errors.observe(str(n), *failed)
            if evidence.errors.harm.rejected:
                return n
        if scored.harm.rejected:
            return n
    return most + 1


def any_mean(stream: Iterator[tuple[float, float]], most: int, alpha: float) -> int:
    """Return after how many pairs the stakes for any mean reject."""
    test = BettingTest(0.5, alpha=alpha)
    for n, (original, copy) in enumerate(stream, 1):
        if n > most:
            break
        test.observe((original - copy + 1) / 2)
        if test.rejected:
            return n
    return most + 1


def unpaired(stream: Iterator[tuple[float, float]], most: int, alpha: float) -> int:
    """Return after how many users in each group two means are proven to differ.

    The scores of one pair go to two users who have nothing to do with each other: the copy's
    is the next pair's.
    """
    one, other = MeanBounds(alpha, 200), MeanBounds(alpha, 200)
    last = next(stream)[1]
    for n, (original, copy) in enumerate(stream, 1):
        if n > most:
            break
        one.observe(original)
        other.observe(last)
        last = copy
        if one.interval[0] > other.interval[1]:
            return n
    return most + 1


def main() -> int:
    """Print both tables; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--null", type=int, default=2_000)
    parser.add_argument("--unpaired-runs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    alpha = next(
        iter(PairEvidence(Plan.parse("shadow 5% judge j,100%")).scored.values())
    ).harm.alpha
    print(f"drop of {DROP} in the mean; scores have alpha {alpha:g} of the plan's 0.05")
    print(f"median pairs until it goes back, {given.runs} runs (other tests: same alpha)")
    print(
        f"{'scale':<20}{'rho':>5}{'spread':>8}{'ours':>8}{'90 %':>8}{'any mean':>10}{'unpaired':>10}"
    )
    reached = []
    for scale in SCALES:
        for rho in RHOS:
            name = f"{given.seed}/{scale}/{rho}"
            ns = sorted(_runs(ours, given.runs, name, scale, rho))
            usual = median(_runs(lambda s, m: any_mean(s, m, alpha), given.runs, name, scale, rho))
            apart = median(
                _runs(lambda s, m: unpaired(s, m, alpha), given.unpaired_runs, name, scale, rho)
            )
            apart_by = spread(scale, rho)
            if apart_by <= 0.25:
                reached.append(median(ns) <= 200)
            told = [_n(median(ns)), _n(ns[int(0.9 * len(ns))]), _n(usual), _n(apart)]
            print(
                f"{scale:<20}{rho:>5}{apart_by:>8.2f}{told[0]:>8}{told[1]:>8}{told[2]:>10}{told[3]:>10}",
                flush=True,
            )
    print(f"at most 200 in {sum(reached)} of {len(reached)} with a spread of at most 0.25")
    worst = _null(given)
    return 0 if all(reached) and worst <= 0.05 else 1


def _null(given: argparse.Namespace) -> float:
    """Print how often a candidate that is no worse is taken back, over all kinds of scores."""
    kinds = [(scale, rho) for scale in SCALES for rho in (0.0, 0.7)]
    false = 0
    for run in range(given.null):
        scale, rho = kinds[run % len(kinds)]
        draw = random.Random(f"null/{given.seed}/{run}")
        false += ours(pairs(draw, scale, rho, 0.0), NULL_MOST, draw) <= NULL_MOST
    print(
        f"no drop, 2 % of both answers fail: {false} of {given.null} streams of {NULL_MOST} pairs "
        f"are ever rejected ({100 * false / given.null:.2f} %), looked at after each pair"
    )
    return false / given.null


def _runs(
    test: Callable[[Iterator[tuple[float, float]], int], int], runs: int, name: str, scale: str,
    rho: float,
) -> list[int]:  # fmt: skip
    return [
        test(pairs(random.Random(f"{name}/{run}"), scale, rho, DROP), MOST) for run in range(runs)
    ]


def _n(value: float) -> str:
    return f"> {MOST}" if value > MOST else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())

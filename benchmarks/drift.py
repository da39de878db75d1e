"""Drift: does it cry wolf, and does it see? On real questions where they are, else on made ones.

    python benchmarks/drift.py [--windows N] [--data FOLDER]

1,000 windows of unchanged traffic, each against a reference of its own: the share that cries, with
its exact interval, against alpha. An exact test cries in alpha of its windows, so half of all runs
see a little more: what counts is how likely so many cries, or more, are at alpha. Then few
references that are pinned and looked at often: their windows cry together or not at all, as they
share one reference, and the rate of one reference is not alpha; the mean over references is.

Then windows of 100 of which half is new, whose reference and window share half of their topics, and
windows whose new half comes from topics of another kind: the share found, against 0.9. Then
traffic of users who each ask about their own few things, tested by user and, to show why, by call.

`--data` (or VOLANO_DATA; ../shared/data otherwise) has banking77/train.csv and test.csv of
PolyAI's task-specific datasets (CC BY 4.0), and xsid/*.valid.conll of xSID (CC BY-SA 4.0). Without it, texts of four languages are made by rule.
"""

import argparse
import csv
import math
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from volano.stats.distance import Mmd
from volano.stats.grams import features, weigh
from volano.stats.needed import needed_for_novelty, needed_for_texts
from volano.stats.novelty import Novelty
from volano.stats.sharpest import Sharpest
from volano.stats.shuffle import Shuffle
from volano.stats.topics import cells

ALPHA = 0.05
REFERENCE, WINDOW, DRAWS = 2000, 100, 199
Draw = Callable[[], tuple[NDArray[np.int64], NDArray[np.int64], list[str]]]
RANDOM = np.random.default_rng(77)


def real(folder: Path) -> tuple[list[str], list[str]]:
    rows = []
    for name in ("train", "test"):
        with (folder / "banking77" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def xsid(file: Path) -> tuple[list[str], list[str]]:
    lines = file.read_text("utf-8").splitlines()
    said: dict[str, list[str]] = {}
    for key, _, value in (line.partition(" = ") for line in lines):
        said.setdefault(key, []).append(value)
    return said["# text"], said["# intent"]


def made() -> tuple[list[str], list[str]]:
    frames = [
        "please tell me about {} for {}", "kérem, segítsen: {} nem működik, {}",
        "подскажите, пожалуйста, что с {} и {}", "请问{}怎么办，{}可以吗",
    ]  # fmt: skip
    draw = random.Random(5)
    parts = [
        "ka",
        "lo",
        "mi",
        "ren",
        "tsu",
        "ve",
        "bo",
        "dar",
        "el",
        "fin",
        "gu",
        "hos",
        "ja",
        "kir",
    ]
    words = ["".join(draw.choices(parts, k=3)) for _ in range(600)]
    rows = [
        (draw.choice(frames).format(*draw.sample(words[t * 15 : t * 15 + 15], 2)), f"topic {t}")
        for t in range(40)
        for _ in range(250)
    ]
    draw.shuffle(rows)
    return [text for text, _ in rows], [topic for _, topic in rows]


class Bench:
    def __init__(
        self, texts: list[str], topics: list[str], *, reference: int = REFERENCE,
        window: int = WINDOW,
    ):  # fmt: skip
        self.reference, self.window = reference, window
        self.counts, self.topics = features(texts), np.array(topics)
        self.names = sorted(set(topics))

    def p(self, first: NDArray[np.int64], second: NDArray[np.int64], units: list[str]) -> float:
        rows = weigh(self.counts[np.concatenate([first, second])])
        mmd = Mmd(rows)
        seed = int(RANDOM.integers(1 << 31))
        shuffle = Shuffle(units, np.arange(len(rows)) >= len(first), seed=seed)
        novelty = Novelty(mmd.kernel, units)
        both = Sharpest((mmd.measure, novelty.measure), shuffle)
        self.last = mmd, novelty, both, shuffle, cells(rows, 100)
        return shuffle.chance(both.measure, draws=DRAWS, slack=both.slack).p

    def needed(self, shift: float) -> tuple[int | None, int | None]:
        """The size that MMD, and the size that novelty needs."""
        mmd, novelty, both, shuffle, small = self.last
        whole, witness = mmd.whole(small, ~shuffle.second)
        gap, variance = novelty.whole(small, ~shuffle.second)
        sizes = shuffle.first_units, shuffle.second_units
        return (
            needed_for_texts(
                both.alone[0], level=ALPHA / 2, first=sizes[0], second=sizes[1], shift=shift,
                whole=whole, witness=witness,
            ),
            needed_for_novelty(
                both.alone[1], level=ALPHA / 2, first=sizes[0], second=sizes[1], shift=shift,
                whole=gap, variance=variance,
            ),
        )  # fmt: skip

    def of(self, names: NDArray[np.str_]) -> NDArray[np.int64]:
        return RANDOM.permutation(np.flatnonzero(np.isin(self.topics, names)))

    def unchanged(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        drawn = RANDOM.permutation(len(self.topics))[: self.reference + self.window]
        return drawn[: self.reference], drawn[self.reference :], list(map(str, drawn))

    def pinned(self) -> Draw:
        """One reference, and windows of what is not in it."""
        drawn = RANDOM.permutation(len(self.topics))
        first, rest = drawn[: self.reference], drawn[self.reference :]

        def draw() -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
            second = RANDOM.permutation(rest)[: self.window]
            return first, second, list(map(str, np.concatenate([first, second])))

        return draw

    def half_of_topics(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """A and B before, B and C after."""
        a, b, c = np.array_split(RANDOM.permutation(self.names), 3)
        return self._two(self.of(np.concatenate([a, b])), self.of(np.concatenate([b, c])))

    def eight_new(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Half of the window from eight topics that were not there."""
        names = RANDOM.permutation(self.names)
        old, new = self.of(names[8:]), self.of(names[:8])
        half = self.window // 2
        return self._two(
            old, np.concatenate([old[self.reference : self.reference + half], new[:half]])
        )

    def spread_new(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Half of the window from as many topics as there were before, none of which was there."""
        a, b = np.array_split(RANDOM.permutation(self.names), 2)
        old, new, half = self.of(a), self.of(b), self.window // 2
        return self._two(
            old, np.concatenate([old[self.reference : self.reference + half], new[:half]])
        )

    def users(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Each user asks ten times, of two topics of their own; nobody is on both sides."""
        rows, units = [], []
        for user in range(110):
            rows.append(self.of(RANDOM.choice(self.names, 2, replace=False))[:10])
            units += [f"user {user}"] * len(rows[-1])
        every = np.concatenate(rows)
        end = sum(map(len, rows[:80]))
        return every[:end], every[end:], units

    def _two(
        self, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        first = first[: self.reference]
        second = second[~np.isin(second, first)][: self.window]
        return first, second, list(map(str, np.concatenate([first, second])))


def rate(bench: Bench, draw: Draw, n: int, *, by_call: bool = False) -> tuple[int, float]:
    hits, began = 0, time.monotonic()
    for _ in range(n):
        first, second, units = draw()
        hits += (
            bench.p(first, second, list(map(str, range(len(units)))) if by_call else units) <= ALPHA
        )
    return hits, (time.monotonic() - began) / n


def told(what: str, hits: int, n: int, goal: str, against: float, seconds: float) -> None:
    low, high = exact(hits, n)
    print(
        f"{what:<52} {hits / n:6.1%}  ({low:.1%} to {high:.1%}, {n} windows)  {goal}; "
        f"ratio {hits / n / against:.2f}  {seconds * 1000:.0f} ms each",
        flush=True,
    )


def at_least(hits: int, n: int, p: float) -> float:
    """The chance of so many of n, or more, where each has the chance p."""
    terms = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log(p) + (n - k) * math.log1p(-p)
        for k in range(hits, n + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(map(math.exp, terms)))


def exact(hits: int, n: int, tail: float = 0.025) -> tuple[float, float]:
    """The interval of Clopper and Pearson."""

    def least(k: int) -> float:
        low, high = 0.0, 1.0
        for _ in range(40 if k else 0):
            middle = (low + high) / 2
            low, high = (low, middle) if at_least(k, n, middle) > tail else (middle, high)
        return low

    return least(hits), 1 - least(n - hits)


def calm(bench: Bench, n: int) -> None:
    hits, each = rate(bench, bench.unchanged, n)
    told("unchanged: false alarms", hits, n, f"at most {ALPHA:.0%}", ALPHA, each)
    chance = at_least(hits, n, ALPHA)
    print(
        f"  so many or more at exactly {ALPHA:.0%}: {chance:.2f}: "
        f"{'a real excess' if chance < 0.025 else 'no excess that chance does not explain'}"
    )
    windows = max(5, n // 40)
    found = [rate(bench, bench.pinned(), windows)[0] for _ in range(8)]
    told("unchanged, 8 pinned references", sum(found), 8 * windows, "on average", ALPHA, each)
    print(f"  cries of each reference's {windows} windows, which share it: {sorted(found)}")


def enough(texts: list[str], topics: list[str], n: int) -> None:
    """Is the size that is said to be needed for a shift of half enough, and how cautious is it?"""
    for window in (40, 60):
        bench, found, said = Bench(texts, topics, window=window), 0, []
        for draw in (bench.spread_new, bench.eight_new):
            for at in range(n):
                found += bench.p(*draw()) <= ALPHA
                if at < 6:
                    said.append(min(size for size in bench.needed(0.5) if size is not None))
        print(
            f"  half is new: found with {window} calls {_spelled(found, 2 * n)}; "
            f"{min(said)} to {max(said)} are said to be needed",
            flush=True,
        )


def languages(folder: Path, n: int) -> None:
    """Short texts, few of them, of seven languages: the features know none of these."""
    for file in sorted(folder.glob("*.valid.conll")):
        bench = Bench(*xsid(file), reference=100, window=60)
        if len(bench.topics) < 200:
            continue
        cries, _ = rate(bench, bench.unchanged, 2 * n)
        found, _ = rate(bench, bench.spread_new, n)
        print(
            f"  {file.name[:2]}: 60 against 100, false alarms {_spelled(cries, 2 * n)}; half of the "
            f"window from other intents: found {_spelled(found, n)}",
            flush=True,
        )


def _spelled(hits: int, n: int) -> str:
    low, high = exact(hits, n)
    return f"{hits / n:.1%} ({low:.1%} to {high:.1%}, {n} windows)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VOLANO_DATA", "../shared/data")
    )
    given = parser.parse_args()
    there = (Path(given.data) / "banking77" / "train.csv").exists()
    if not there:
        print(f"NO REAL DATA in {given.data}: texts made by rule instead; set VOLANO_DATA.")
    texts, topics = real(Path(given.data)) if there else made()
    bench = Bench(texts, topics)
    what = f"banking77, {len(bench.names)} intents" if there else "made by rule, 40 topics"
    print(f"{what}; reference {REFERENCE}, window {WINDOW}, {DRAWS} permutations, alpha {ALPHA}")
    n, few = given.windows, max(20, given.windows // 5)
    calm(bench, n)
    for name, draw, goal in (
        ("half of the topics changed: found", bench.half_of_topics, "at least 90%"),
        ("half of the window is of 8 new intents: found", bench.eight_new, "at least 90%"),
        ("half of the window is spread over many new: found", bench.spread_new, "at least 90%"),
    ):
        hits, each = rate(bench, draw, few)
        told(name, hits, few, goal, 0.9, each)
    enough(texts, topics, few // 8)
    hits, each = rate(bench, bench.users, few)
    told(
        "users with tastes of their own: false alarms",
        hits,
        few,
        f"at most {ALPHA:.0%}",
        ALPHA,
        each,
    )
    hits, each = rate(bench, bench.users, few, by_call=True)
    told("the same, were calls the unit: false alarms", hits, few, "(why users are)", ALPHA, each)
    languages(Path(given.data) / "xsid", few)


if __name__ == "__main__":
    main()

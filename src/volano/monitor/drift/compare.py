"""Comparing two samples: each signal of the whole and of each slice, corrected, with its answer.

Pure: samples in, findings out; the seed decides the permutations.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volano.monitor.drift.finding import WHOLE, Finding
from volano.monitor.drift.sample import CATEGORIES, TEXTS, Sample
from volano.stats.distance import Counts, Mmd, Ranks
from volano.stats.grams import weigh
from volano.stats.multiple import holm
from volano.stats.needed import needed_for_novelty, needed_for_shares, needed_for_texts
from volano.stats.novelty import Novelty
from volano.stats.sharpest import Sharpest
from volano.stats.shuffle import Chance, Shuffle
from volano.stats.topics import cells, topics

LEAST_UNITS = 20
"""Fewer units on either side are not compared: no test could say much."""
MOST_SLICES = 6
"""Values of one dimension that are looked at: the commonest of both samples together."""
MOST_DRAWS = 19_999
GROUPS = 12
_CELLS = 100
_BARS = 12


@dataclass(frozen=True, slots=True)
class Read:
    """One text signal of both samples: features, kernel, and two ways to group the texts."""

    rows: NDArray[np.float32]
    mmd: Mmd
    groups: NDArray[np.int64]
    cells: NDArray[np.int64]
    there: NDArray[np.int64]
    """Which rows of the samples have a text at all; the others are in none of the above."""


class Comparison:
    """Two samples, side by side."""

    def __init__(self, first: Sample, second: Sample, *, by: Iterable[str] = (), seed: int = 0):
        self.first, self.second = first, second
        self._seed = seed
        self._units = np.array([*first.units, *second.units], dtype=str)
        self._in_second = np.arange(len(first) + len(second)) >= len(first)
        self._by = tuple(by)
        self.texts: Mapping[str, Read] = {name: r for name in TEXTS if (r := self._read(name))}

    def findings(self, *, level: float, shift: float) -> list[Finding]:
        """Return what each question says; all false alarms together have at most this level.

        Half of the level is for the whole, half for the slices, so that to look at many slices
        does not blind one to what moved everywhere.
        """
        asked = [*self._questions()]
        weights = _weights([slice_ for slice_, _, _ in asked])
        found, p_values, used = [], [], []
        for (slice_, signal, rows), weight in zip(asked, weights, strict=True):
            finding, p = self._ask(slice_, signal, rows, level=level * weight, shift=shift)
            if p is not None:
                p_values.append(p)
                used.append(weight)
            found.append(finding)
        adjusted = iter(holm(p_values, used))
        return [f if f.p is None else _judged(f, next(adjusted), level) for f in found]

    def _questions(self) -> Iterator[tuple[str, str, NDArray[np.int64]]]:
        names = sorted(self.first.numbers.keys() & self.second.numbers.keys())
        for slice_, rows in self._slices():
            own = slice_.partition("=")[0]
            for signal in (*TEXTS, *names, *CATEGORIES):
                if signal != own and len(part := self._known(signal, rows)):
                    yield slice_, signal, part

    def _slices(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        yield WHOLE, np.arange(len(self._units))
        for dimension in self._by:
            column = self._category(dimension)
            common = [v for v, _ in Counter(column[column != ""].tolist()).most_common(MOST_SLICES)]
            if len(common) > 1:
                for value in sorted(common):
                    yield f"{dimension}={value}", np.flatnonzero(column == value)

    def _ask(
        self, slice_: str, signal: str, rows: NDArray[np.int64], *, level: float, shift: float
    ) -> tuple[Finding, float | None]:
        second = self._in_second[rows]
        sizes = [(int(side.sum()), len({*self._units[rows[side]]})) for side in (~second, second)]
        blank = Finding(signal, slice_, "insufficient evidence", sizes[0], sizes[1])
        blank = replace(blank, picture=self._picture(signal, rows))
        if min(units for _, units in sizes) < LEAST_UNITS:
            return replace(blank, needed=LEAST_UNITS), None
        shuffle = Shuffle(self._units[rows], second, seed=self._seed)
        draws = int(min(MOST_DRAWS, max(199, 4 / level)))
        if signal in self.texts:
            finding, p = self._ask_texts(blank, signal, rows, shuffle, draws, level, shift)
        else:
            finding, p = self._ask_values(blank, signal, rows, shuffle, draws, level, shift)
        return replace(finding, p=p), p

    def _ask_texts(
        self, blank: Finding, signal: str, rows: NDArray[np.int64], shuffle: Shuffle, draws: int,
        level: float, shift: float,
    ) -> tuple[Finding, float]:  # fmt: skip
        read = self.texts[signal]
        at = np.searchsorted(read.there, rows)
        mmd = read.mmd if len(at) == len(read.there) else read.mmd.at(at)
        novelty = Novelty(mmd.kernel, self._units[rows])
        both = Sharpest((mmd.measure, novelty.measure), shuffle)
        chance = shuffle.chance(both.measure, draws=draws, slack=both.slack)
        whole, witness = mmd.whole(read.cells[at], ~shuffle.second)
        seen = max(0.0, float(mmd.measure(shuffle.observed)[0]))
        effect = float(min(1.0, (seen / whole) ** 0.5)) if whole > 0 else None
        gap, variance = novelty.whole(read.cells[at], ~shuffle.second)
        # Each alone at its half of the level: the sharper of the two needs no more than that.
        sizes = blank.before[1], blank.after[1]
        needed = [
            needed_for_texts(
                both.alone[0], level=level / 2, first=sizes[0], second=sizes[1], shift=shift,
                whole=whole, witness=witness,
            ),
            needed_for_novelty(
                both.alone[1], level=level / 2, first=sizes[0], second=sizes[1], shift=shift,
                whole=gap, variance=variance,
            ),
        ]  # fmt: skip
        least = min((n for n in needed if n is not None), default=None)
        return replace(blank, effect=effect, needed=least), chance.p

    def _ask_values(
        self, blank: Finding, signal: str, rows: NDArray[np.int64], shuffle: Shuffle, draws: int,
        level: float, shift: float,
    ) -> tuple[Finding, float]:  # fmt: skip
        values: Ranks | Counts
        middle = None
        if signal in CATEGORIES:
            values = Counts(self._category(signal)[rows])
        else:
            numbers = self._number(signal)[rows]
            values = Ranks(numbers)
            middle = (
                float(np.median(numbers[~shuffle.second])),
                float(np.median(numbers[shuffle.second])),
            )
            if signal.startswith("quality"):
                middle = (
                    float(numbers[~shuffle.second].mean()),
                    float(numbers[shuffle.second].mean()),
                )
        chance = shuffle.chance(values.measure, draws=draws)
        gaps = values.gap(shuffle.draw(199))
        null = Chance(0.0, 1.0, 199, float(gaps.mean()), float(gaps.std()), 0.5)
        needed = needed_for_shares(
            null, level=level, first=blank.before[1], second=blank.after[1], shift=shift
        )
        effect = float(values.gap(shuffle.observed)[0])
        return replace(blank, effect=effect, needed=needed, middle=middle), chance.p

    # columns of both samples together

    def _read(self, name: str) -> Read | None:
        counts = np.concatenate([self.first.texts[name], self.second.texts[name]])
        there = np.flatnonzero(counts.any(axis=1))
        first = int((there < len(self.first)).sum())
        if min(first, len(there) - first) < 2 or len(there) < 4:
            return None
        rows = weigh(counts[there])
        groups = topics(rows, max(2, min(GROUPS, len(there) // 25)))
        small = cells(rows, max(2, min(_CELLS, len(there) // 10)))
        return Read(rows, Mmd(rows), groups, small, there)

    def _known(self, signal: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the rows that have this signal."""
        if signal in TEXTS:
            read = self.texts.get(signal)
            return rows[:0] if read is None else np.intersect1d(rows, read.there)
        if signal in CATEGORIES:
            return rows[self._category(signal)[rows] != ""]
        return rows[~np.isnan(self._number(signal)[rows])]

    def _number(self, name: str) -> NDArray[np.float64]:
        return np.concatenate([self.first.numbers[name], self.second.numbers[name]])

    def _category(self, name: str) -> NDArray[Any]:
        empty = [np.full(len(s), "", dtype=str) for s in (self.first, self.second)]
        return np.concatenate([
            sample.categories.get(name, blank)
            for sample, blank in zip((self.first, self.second), empty, strict=True)
        ])  # fmt: skip

    def _picture(self, signal: str, rows: NDArray[np.int64]) -> list[tuple[str, float, float]]:
        """Return the shares of a few bins before and after."""
        second = self._in_second[rows]
        if signal in self.texts:
            read = self.texts[signal]
            names, code = np.unique(
                read.groups[np.searchsorted(read.there, rows)], return_inverse=True
            )
            shown = [str(int(name) + 1) for name in names]
        elif signal in CATEGORIES:
            column = self._category(signal)[rows]
            common = [v for v, _ in Counter(column.tolist()).most_common(_BARS - 1)]
            places = {v: at for at, v in enumerate(common)}
            code = np.array([places.get(v, len(common)) for v in column.tolist()])
            shown = [*common, *(["…"] if code.max(initial=0) == len(common) else [])]
        else:
            shown, code = _bins(self._number(signal)[rows])
        before, after = (
            np.bincount(code[side], minlength=len(shown)) / max(1, int(side.sum()))
            for side in (~second, second)
        )
        return [
            (name, round(float(a), 4), round(float(b), 4))
            for name, a, b in zip(shown, before, after, strict=True)
        ]


def _bins(values: NDArray[np.float64]) -> tuple[list[str], NDArray[np.int64]]:
    """Put numbers into bins with about as many in each, over both samples; name them by an edge."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BARS + 1)[1:-1]))
    code = np.searchsorted(edges, values, side="left")
    names, code = np.unique(code, return_inverse=True)
    shown = [f"≤ {edges[at]:.4g}" if at < len(edges) else f"> {edges[-1]:.4g}" for at in names]
    return shown, code


def _weights(slices: Sequence[str]) -> list[float]:
    whole = sum(slice_ == WHOLE for slice_ in slices)
    parts = len(slices) - whole
    half = 0.5 if parts else 1.0
    return [half / whole if s == WHOLE else 0.5 / parts for s in slices]


def _judged(finding: Finding, p: float, level: float) -> Finding:
    if p <= level:
        return replace(finding, p=p, state="drift")
    enough = finding.needed is not None and finding.after[1] >= finding.needed
    return replace(finding, p=p, state="none" if enough else "insufficient evidence")

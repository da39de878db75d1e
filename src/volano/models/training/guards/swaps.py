"""Swaps: labels exchanged by rule, told apart from labels that are wrong at random.

Random wrong labels are harmless in small numbers: they average out. Labels
exchanged by rule (billing for refund and back) teach the wrong thing, while
loss, speed and format stay as they were. So each row's label is compared with
a second opinion, and the wrong ones are counted by (expected, given).

The second opinion is a reference, where there is one: rows of the version
before with the same text. Else it is naive Bayes (`bayes`) on all rows,
each judged by the others.

Were the wrong labels of one kind spread by chance, none of the others would
get more than its share: evenly, or by how frequent it is. A cell that has far
more than that (exact binomial test, Bonferroni over all cells), at least
`CONCENTRATED` of the kind's wrong rows, and a good part of the kind's rows is
a swap. With two kinds only, chance and rule look alike below one half.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.fold import fold
from volano.models.training.guards import bayes
from volano.models.training.guards.errors import SwappedError
from volano.stats.special import incomplete_beta

ALPHA = 1e-4
"""How often noise may look like a swap, over all cells of one look."""
CONCENTRATED = 0.5
USUAL = 0.25
LEAST_ROWS = 8
LEAST_SHARE = 0.03
"""Of the rows of one kind. Fewer swapped rows than this do not decide what is learned."""
MOST_KINDS = 200
ROWS_A_KIND = 5
MOST_ROWS = 30_000
SHOWN = 3
SHOWN_CHARS = 60

Places = npt.NDArray[np.int64]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Swap:
    """`rows` of the `of` rows whose label should be `expected` bear `given`.

    `field` is the label's field, empty where labels are texts. `among` says
    which rows were counted: `all rows`, or those with an origin (`new rows`).
    """

    field: str
    expected: str
    given: str
    rows: int
    of: int
    p_value: float
    among: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.expected} → {self.given} {self.rows} of {self.of} {self.among}"


@dataclass(frozen=True, slots=True)
class Swaps:
    """What was found among `judged` rows; `noise` is the share of other wrong rows by field."""

    judged: int
    swaps: tuple[Swap, ...]
    noise: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values for the card."""
        swaps = [asdict(one) | {"examples": list(one.examples)} for one in self.swaps]
        return {"judged": self.judged, "swaps": swaps, "noise": dict(self.noise)}

    def check(self) -> None:
        """Refuse when there is a swap.

        Raises:
            SwappedError: names all of them.
        """
        if self.swaps:
            raise SwappedError(swaps="; ".join(map(str, self.swaps)))


def look(rows: Sequence[Row], *, reference: Sequence[Row] = ()) -> Swaps:
    """Look for swaps in the rows (`text`, `label`, perhaps `origin`).

    Args:
        rows: what is to be trained on; of more than 30,000 an even part is judged.
        reference: rows that are known to be good; usually those of the version before.
    """
    rows, reference = _thinned(rows), _thinned(reference)
    if not rows:
        return Swaps(0, (), {})
    seen = bayes.features([row["text"] for row in [*reference, *rows]])
    found: list[Swap] = []
    noise: dict[str, float] = {}
    fields = list(_fields([*reference, *rows]))
    for name, values in fields:
        one = _Field.of(name, values, rows, reference, seen)
        swaps = one.swaps(rows, alpha=ALPHA / len(fields))
        noise[name] = round(one.noise(swaps), 4)
        found += [swap for swap, _ in swaps]
    return Swaps(len(rows), tuple(sorted(found, key=lambda one: -one.rows)), noise)


def _thinned(rows: Sequence[Row]) -> Sequence[Row]:
    return rows[:: len(rows) // MOST_ROWS + 1]


def _fields(rows: Sequence[Row]) -> Iterator[tuple[str, list[str]]]:
    """Yield (field, each row's value) of the fields that have few kinds of values."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        label = row["label"]
        for name, value in ({"": label} if isinstance(label, str) else label).items():
            by_name[name].append(str(value))
    for name, values in by_name.items():
        kinds = len(set(values))
        if len(values) == len(rows) and 2 <= kinds <= min(MOST_KINDS, len(rows) // ROWS_A_KIND):
            yield name, values


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of the labels: of each row the number of the given value and of the expected one."""

    name: str
    kinds: list[str]
    given: Places
    believed: Places
    expected: Places
    """What is believed, where that is sure; else what is given."""

    @classmethod
    def of(
        cls, name: str, values: list[str], rows: Sequence[Row], reference: Sequence[Row],
        seen: bayes.Features,
    ) -> "_Field":  # fmt: skip
        kinds = sorted(set(values))
        place = {kind: at for at, kind in enumerate(kinds)}
        numbers = np.array([place[value] for value in values], np.int64)
        odds = bayes.opinions(seen, numbers, len(kinds))
        sure = _confident(odds, numbers)
        believed, expected = odds.argmax(1)[len(reference) :], sure[len(reference) :]
        given = numbers[len(reference) :]
        known = _known(reference, numbers)
        for at, row in enumerate(rows):
            if (value := known.get(fold(row["text"]))) is not None:
                believed[at] = expected[at] = value
        return cls(name, kinds, given, believed, expected)

    def swaps(self, rows: Sequence[Row], *, alpha: float) -> list[tuple[Swap, tuple[int, int]]]:
        """Return the swaps, and which cells they are; among all rows, and among the new ones."""
        found: dict[tuple[int, int], Swap] = {}
        for among, chosen in _groups(rows):
            counts = np.zeros((len(self.kinds), len(self.kinds)), np.int64)
            np.add.at(counts, (self.expected[chosen], self.given[chosen]), 1)
            for a, b, p_value in _cells(counts, alpha):
                if (a, b) not in found:
                    kind = chosen[self.believed[chosen] == a]
                    at = kind[self.given[kind] == b]
                    found[a, b] = Swap(
                        self.name, self.kinds[a], self.kinds[b], at.size, kind.size, p_value, among,
                        tuple(rows[one]["text"][:SHOWN_CHARS] for one in at[:SHOWN]),
                    )  # fmt: skip
        return [(swap, cell) for cell, swap in found.items()]

    def noise(self, swaps: Sequence[tuple[Swap, tuple[int, int]]]) -> float:
        """Return the share of rows that are wrong, and not by rule."""
        wrong = self.expected != self.given
        for _, (a, b) in swaps:
            wrong &= ~((self.expected == a) & (self.given == b))
        return float(wrong.mean())


def _confident(odds: npt.NDArray[np.float64], given: Places) -> Places:
    """Return the expected values: another than the given one only when that is as sure as usual.

    Kinds that are alike are mistaken for each other, by small odds. Where a
    label was exchanged, the odds of `a` over `b` are those that other rows of
    `a` have; so a row counts as wrong when at least a quarter of these has no more.
    """
    best = odds.argmax(1)
    own = np.arange(given.size)
    margins = odds[own, best] - odds[own, given]
    expected = given.copy()
    cells = best * odds.shape[1] + given
    for cell in np.unique(cells[best != given]).tolist():
        a, b = divmod(cell, odds.shape[1])
        right = (best == a) & (given == a)
        usual = odds[right, a] - odds[right, b]
        if usual.size:
            wrong = np.flatnonzero(cells == cell)
            expected[wrong[margins[wrong] >= np.quantile(usual, USUAL)]] = a
    return expected


def _known(reference: Sequence[Row], numbers: Places) -> dict[str, int]:
    """Return the value that the reference gives each text; contradictions count as not known."""
    known: dict[str, int] = {}
    torn = set()
    for row, number in zip(reference, numbers.tolist(), strict=False):
        text = fold(row["text"])
        if known.setdefault(text, number) != number:
            torn.add(text)
    return {text: number for text, number in known.items() if text not in torn}


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, Places]]:
    """Yield the rows that came from feedback, where they are a part; then all rows."""
    new = np.array([bool(row.get("origin")) for row in rows])
    if new.any() and not new.all():
        yield "new rows", np.flatnonzero(new)
    yield "all rows", np.arange(len(rows))


def _cells(counts: npt.NDArray[np.int64], alpha: float) -> Iterator[tuple[int, int, float]]:
    """Yield (expected, given, p) of the cells that chance does not explain."""
    kinds = len(counts)
    wrong = counts.sum(1) - counts.diagonal()
    given = counts.sum(0) / counts.sum()
    least = np.maximum(LEAST_ROWS, LEAST_SHARE * counts.sum(1))
    for a, b in np.argwhere((counts >= least[:, None]) & ~np.eye(kinds, dtype=bool)).tolist():
        count, errors = int(counts[a, b]), int(wrong[a])
        if kinds == 2:
            chance, errors = 0.5, int(counts[a].sum())
        else:
            chance = max(1 / (kinds - 1), given[b] / max(1e-9, 1 - given[a]))
        if count < CONCENTRATED * errors or chance >= 1:
            continue
        p_value = incomplete_beta(count, errors - count + 1, chance)
        if p_value < alpha / (kinds * (kinds - 1)):
            yield a, b, p_value

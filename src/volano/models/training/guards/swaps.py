"""Swaps: labels exchanged by rule, told apart from labels that are wrong at random.

Random wrong labels are harmless in small numbers: they average out. Labels
exchanged by rule (billing for refund and back) teach the wrong thing, while
loss, speed and format stay as they were. So each row's label is compared with
a second opinion, and the wrong ones are counted by (expected, given).

The second opinion is a reference, where there is one: rows of the version
before, or of what the base learned. Else it is naive Bayes (`bayes`) on all rows,
each judged by the others. A kind that the reference has not is new, or has a new
name: rows of it are judged without the reference. What the base learned may be of
another task: only the kinds that both have are compared.

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


def look(rows: Sequence[Row], *, reference: Sequence[Row] = (), foreign: bool = False) -> Swaps:
    """Look for swaps in the rows (`text`, `label`, perhaps `origin`).

    Args:
        rows: what is to be trained on; of more than 30,000 an even part is judged.
        reference: rows that are known to be good; those of the version before, or of what the base learned.
        foreign: whether these are of another dataset, whose kinds may mean something else.
    """
    rows, reference = _thinned(rows), _thinned(reference)
    if not rows:
        return Swaps(0, (), {})
    found: list[Swap] = []
    noise: dict[str, float] = {}
    fields = list(_fields(rows))
    for name, values in fields:
        known, kinds = _comparable(name, reference, set(values) if foreign else None)
        one = _Field.of(name, values, kinds, rows, known)
        swaps = one.swaps(rows, alpha=ALPHA / len(fields))
        noise[name] = round(one.noise(swaps), 4)
        found += [swap for swap, _ in swaps]
    return Swaps(len(rows), tuple(sorted(found, key=lambda one: -one.rows)), noise)


def _comparable(
    name: str, reference: Sequence[Row], kinds: set[str] | None
) -> tuple[list[Row], list[str]]:
    """Return the rows of the reference that have the field, of these kinds only, and its values."""
    found = [(row, _values(row).get(name)) for row in reference]
    kept = [(row, str(value)) for row, value in found if value is not None]
    kept = [one for one in kept if kinds is None or one[1] in kinds]
    if len({value for _, value in kept}) < 2:
        return [], []
    return [row for row, _ in kept], [value for _, value in kept]


def _thinned(rows: Sequence[Row]) -> Sequence[Row]:
    return rows[:: len(rows) // MOST_ROWS + 1]


def _values(row: Row) -> Mapping[str, Any]:
    label: Any = row["label"]
    return {"": label} if isinstance(label, str) else label


def _fields(rows: Sequence[Row]) -> Iterator[tuple[str, list[str]]]:
    """Yield (field, each row's value) of the fields that have few kinds of values."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for name, value in _values(row).items():
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
        cls, name: str, values: list[str], before: list[str], rows: Sequence[Row],
        reference: Sequence[Row],
    ) -> "_Field":  # fmt: skip
        """`values` are those of the rows, `before` those of the reference."""
        kinds = sorted({*values, *before})
        place = {kind: at for at, kind in enumerate(kinds)}
        numbers = np.array([place[value] for value in [*before, *values]], np.int64)
        given = numbers[len(before) :]
        believed, expected = _believed([*reference, *rows], numbers, len(kinds), len(before))
        known = _known(reference, numbers)
        for at, row in enumerate(rows):
            if (value := known.get(fold(row["text"]))) is not None:
                believed[at] = expected[at] = value
        strange = ~np.isin(given, numbers[: len(before)])
        if before and strange.any():
            alone = _believed(rows, given, len(kinds), 0)
            believed[strange], expected[strange] = alone[0][strange], alone[1][strange]
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


def _believed(
    rows: Sequence[Row], numbers: Places, kinds: int, skipped: int
) -> tuple[Places, Places]:
    """Return what is believed of each row, by all others, and what is expected; not of the first."""
    odds = bayes.opinions(bayes.features([row["text"] for row in rows]), numbers, kinds)
    sure = _confident(odds, numbers)
    return odds.argmax(1)[skipped:], sure[skipped:]


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

"""Duplicates go, and each says why it went.

Equal means equal when folded (case, width, spaces), also in `rejected` where preferences have
several answers that are worse than one; near too is told only among rows with one `rejected`. Near means: the same
label, the same numbers in the text, and character 5-grams with a Jaccard
similarity of at least the threshold. Texts made after one pattern are alike
by nature, so that likeness alone proves nothing: two orders that differ in
their number or their label are two facts, and both stay.

MinHash (Broder 1997) with banding (Leskovec, Rajaraman, Ullman, *Mining of
Massive Datasets*, §3.4) finds candidates; the exact Jaccard decides, so that
an unlucky hash can miss a pair but never drop a row that is no duplicate.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import rensa

from volano.core.canon import canonical
from volano.data.errors import BadThresholdError
from volano.data.fold import fold, grams, jaccard, numbers
from volano.data.row import Row, key_of

THRESHOLD = 0.9
PERMUTATIONS = 128
MAX_CANDIDATES = 300
"""Candidates of one row that are compared exactly, the newest. Thousands of rows after one
pattern, with one label and no numbers, have more: there some near duplicates may stay."""

EXACT, NEAR = "exact duplicate", "near duplicate"
CONFLICT, LEAK = "conflicting label", "leaks into test"
NO_TEXT, NO_LABEL = "empty text", "empty label"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was left out: why, and where it helps more exactly (`detail`).

    `of` is the id of the row that it repeats, or that took its place.
    """

    row: Row
    reason: str
    of: str | None = None
    detail: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as it stands in dropped.jsonl."""
        return {**self.row.to_dict(), "reason": self.reason, "of": self.of, "detail": self.detail}


@dataclass(slots=True)
class Sifted:
    """What stayed, in the order it came in, and what went."""

    kept: list[Row] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return how many rows went for each reason."""
        return count(self.dropped)


def count(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Return how many rows went for each reason, by reason."""
    return dict(sorted(Counter(one.reason for one in dropped).items()))


def sift(rows: Sequence[Row], *, threshold: float = THRESHOLD, test: Sequence[Row] = ()) -> Sifted:
    """Return the rows without empty ones, conflicts, duplicates, and what `test` already holds.

    Of equal rows the first stays. Of rows with one text and several labels
    none stays: which label is right is not for us to guess.

    Raises:
        BadThresholdError: not above 0 and at most 1.
    """
    sifted = sift_exact(rows)
    leaks = _leaks(sifted.kept, test, threshold)
    clean = [row for row in sifted.kept if row.id not in leaks]
    repeats = near_twins(clean, threshold)
    sifted.dropped += [Dropped(r, LEAK, leaks[r.id]) for r in sifted.kept if r.id in leaks]
    sifted.dropped += [Dropped(r, NEAR, repeats[r.id]) for r in clean if r.id in repeats]
    sifted.kept = [row for row in clean if row.id not in repeats]
    return sifted


def sift_exact(rows: Iterable[Row]) -> Sifted:
    """Return the rows without empty ones, conflicts and exact duplicates; near ones stay."""
    sifted = Sifted()
    groups: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for at, row in enumerate(rows):
        text = fold(row.text)
        if not text or row.label == "":
            sifted.dropped.append(Dropped(row, NO_LABEL if text else NO_TEXT))
        else:
            groups[text].append((at, row))
    kept: list[tuple[int, Row]] = []
    for group in groups.values():
        if len({key_of(row.label) for _, row in group}) > 1:
            sifted.dropped += [Dropped(row, CONFLICT) for _, row in group]
            continue
        firsts: dict[Any, tuple[int, Row]] = {}
        for at, row in group:
            first, said = firsts.setdefault(_pair(row), (at, row))
            if first != at:
                sifted.dropped.append(Dropped(row, EXACT, said.id))
        kept += firsts.values()
    sifted.kept = [row for _, row in sorted(kept, key=itemgetter(0))]
    return sifted


def _pair(row: Row) -> Any:
    """Return what a row of preferences has its answer preferred to: with another it says something else."""
    rejected = row.more.get("rejected")
    return fold(rejected) if isinstance(rejected, str) else canonical(rejected)


def _leaks(rows: Sequence[Row], test: Sequence[Row], threshold: float) -> dict[str, str]:
    """Return, for each row that the test split holds too (or nearly), the id it has there."""
    by_text = {fold(row.text): row.id for row in test}
    leaks = {row.id: by_text[text] for row in rows if (text := fold(row.text)) in by_text}
    rest = [row for row in rows if row.id not in leaks]
    return leaks | near_twins(rest, threshold, among=test)


def near_twins(
    rows: Sequence[Row], threshold: float, *, among: Sequence[Row] | None = None
) -> dict[str, str]:
    """Return, for each row that nearly repeats another, the other's id.

    The others are `among` when given, else the rows that came before and stay.

    Raises:
        BadThresholdError: not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise BadThresholdError(threshold=threshold)
    groups: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, side_rows in enumerate((among or (), rows)):
        for row in side_rows:
            pair = _pair(row) if among is None else None  # what another split holds, it holds
            groups[key_of(row.label), pair, numbers(fold(row.text))][side].append(row)
    repeats: dict[str, str] = {}
    for known, new in groups.values():
        if new and (known or len(new) > 1):
            seen = _Seen(threshold)
            for row in known:
                seen.add(row, seen.sketch(row))
            _scan(new, seen, repeats, learn=among is None)
    return repeats


def _scan(rows: list[Row], seen: "_Seen", repeats: dict[str, str], *, learn: bool) -> None:
    for row in rows:
        sketch = seen.sketch(row)
        if (twin := seen.twin(sketch)) is not None:
            repeats[row.id] = twin
        elif learn:
            seen.add(row, sketch)


@dataclass(frozen=True, slots=True)
class _Sketch:
    grams: frozenset[str]
    minhash: Any


class _Seen:
    """Rows of one label and the same numbers, and a search for the like of a text."""

    def __init__(self, threshold: float):
        self.threshold = threshold
        self._index = rensa.RMinHashLSH(threshold, PERMUTATIONS, bands_for(threshold))
        self._rows: list[tuple[str, _Sketch]] = []

    def sketch(self, row: Row) -> _Sketch:
        own = grams(fold(row.text))
        minhash = rensa.RMinHash(PERMUTATIONS, 1)
        minhash.update(sorted(own))
        return _Sketch(own, minhash)

    def add(self, row: Row, sketch: _Sketch) -> None:
        self._index.insert(len(self._rows), sketch.minhash)
        self._rows.append((row.id, sketch))

    def twin(self, sketch: _Sketch) -> str | None:
        """Return the id of the first row that is as alike as the threshold asks."""
        found = self._index.query(sketch.minhash)
        for at in sorted(heapq.nlargest(MAX_CANDIDATES, found)):
            known, other = self._rows[at]
            if jaccard(sketch.grams, other.grams) >= self.threshold:
                return known
        return None


def bands_for(threshold: float) -> int:
    """Return the fewest bands that find a pair at the threshold with probability 0.999.

    b bands of r values each find a pair of similarity s with 1 - (1 - s^r)^b.
    """
    for bands in (4, 8, 16, 32, 64):
        if 1 - (1 - threshold ** (PERMUTATIONS // bands)) ** bands >= 0.999:
            return bands
    return PERMUTATIONS

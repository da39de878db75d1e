"""Seen: rows of a report that stood in training data or in a prompt's examples, and the score without.

A row is seen when its text, folded, is a trained text, or nearly one: the same numbers, and
character 5-grams with a Jaccard similarity of 0.9 (`data.dedup`). Labels do not matter: a model that
learned another label of this text knew the text, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from volano.data import Row
from volano.data.dedup import near_twins
from volano.data.fold import fold
from volano.evals.scoring import Unit
from volano.evals.summary import Line, summary

NEAR, MOST_IDS = 0.9, 1000


class Text(Protocol):
    """What has an id and a text: a row, a case."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def text(self) -> str:
        """What is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """Which of `of` rows were seen, to the letter or nearly, and where (place -> rows)."""

    of: int
    exact: tuple[str, ...]
    near: tuple[str, ...]
    places: Mapping[str, int]

    @property
    def ids(self) -> frozenset[str]:
        """The rows that were seen."""
        return frozenset((*self.exact, *self.near))

    def to_dict(
        self, lines: Sequence[Line], units: Mapping[str, tuple[Unit, bool]]
    ) -> dict[str, Any]:
        """Return plain JSON values, with the scores of the rows that were not seen (`without`)."""
        rest = [line for line in lines if line["id"] not in self.ids]
        scores = summary(rest, units).scores if self.ids and rest else ()
        return {
            "of": self.of, "exact": len(self.exact), "near": len(self.near),
            "ids": sorted(self.ids)[:MOST_IDS], "places": dict(self.places),
            "without": [score.to_dict() for score in scores],
        }  # fmt: skip


def unseen(of: int, looked: Sequence[str]) -> str:
    """Say that no row was seen, and where was looked: a model of others learned nobody knows what."""
    if not looked:
        return f"What it learned from is not known here: of none of the {of} rows can be said whether it saw them."
    return f"None of the {of} rows stands in {', '.join(looked)}."


def look(rows: Sequence[Text], trained: Iterable[tuple[str, Iterable[str]]]) -> Seen:
    """Return which rows stand among trained texts; `trained` yields (place, its texts)."""
    exact: dict[str, None] = {}
    near: dict[str, None] = {}
    places: dict[str, int] = {}
    folded: dict[str, str] = {}
    for place, texts in trained:
        folded = folded or {row.id: fold(row.text) for row in rows}
        known = [Row(f"{number}", text, "") for number, text in enumerate(texts)]
        whole = {fold(row.text) for row in known}
        here = [name for name, text in folded.items() if text in whole]
        rest = [Row(row.id, row.text, "") for row in rows if folded[row.id] not in whole]
        alike = near_twins(rest, NEAR, among=known) if known and rest else {}
        exact.update(dict.fromkeys(here))
        near.update(dict.fromkeys(alike))
        if here or alike:
            places[place] = len(here) + len(alike)
    return Seen(len(rows), tuple(exact), tuple(name for name in near if name not in exact), places)


def sentence(seen: Mapping[str, Any]) -> str:
    """Say how many rows were seen, and the first score without them; empty where none was."""
    count = seen.get("exact", 0) + seen.get("near", 0)
    if not count:
        return ""
    said = f"{count} of {seen['of']} rows were seen in training"
    if not seen.get("without"):
        return f"{said}."
    score = seen["without"][0]
    return (
        f"{said}: {score['name'].replace('_', ' ')} without them {score['value']:.3f} "
        f"[{score['low']:.3f}, {score['high']:.3f}]."
    )

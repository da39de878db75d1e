"""Leakage: rows of the evaluation that stand among the training rows too.

Equal means equal when folded, whatever the label says; near means what it
means everywhere in `data` (`dedup`): the same label, the same numbers, and
nearly the same characters. Two tickets after one pattern with two order
numbers are two facts, not a leak.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.data.dedup import near_twins
from volano.data.fold import fold
from volano.data.row import Row
from volano.models.training.guards.errors import LeakedError

NEAR = 0.9
"""Likeness (Jaccard of character 5-grams) from which on a text is the same."""
LIMIT = 0.01
"""The share of a split that may leak: a score on it is then off by at most as much."""
SHOWN = 3
SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Leakage:
    """How many of `of` rows of a split the training rows hold: to the letter, or nearly."""

    split: str
    of: int
    exact: int
    near: int
    examples: tuple[tuple[str, str], ...] = ()
    """Pairs (text of the split, text of the training rows)."""

    @property
    def share(self) -> float:
        """The share of the split that leaks."""
        return (self.exact + self.near) / self.of if self.of else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values for the card."""
        examples = [{"held": held, "trained": trained} for held, trained in self.examples]
        return {
            "split": self.split, "rows": self.of, "exact": self.exact, "near": self.near,
            "examples": examples,
        }  # fmt: skip

    def check(self, limit: float = LIMIT) -> None:
        """Refuse when more than this share of the split leaks.

        Raises:
            LeakedError: more than `limit`.
        """
        if self.share > limit:
            shown = "; ".join(f"`{held}`" for held, _ in self.examples)
            count = self.exact + self.near
            raise LeakedError(rows=count, of=self.of, split=self.split, examples=shown)


def look(
    train: Sequence[Mapping[str, Any]],
    held: Sequence[Mapping[str, Any]],
    *,
    split: str = "test",
    threshold: float = NEAR,
) -> Leakage:
    """Return which rows of `held` stand in `train`, to the letter or nearly."""
    known = {fold(row["text"]): row["text"] for row in train}
    rows = _rows(held)
    exact = {row.id: known[text] for row in rows if (text := fold(row.text)) in known}
    rest = [row for row in rows if row.id not in exact]
    twins = near_twins(rest, threshold, among=_rows(train))
    near = {own: train[int(other)]["text"] for own, other in twins.items()}
    examples = tuple(
        (_short(held[int(own)]["text"]), _short(text))
        for own, text in [*exact.items(), *near.items()][:SHOWN]
    )
    return Leakage(split, len(rows), len(exact), len(near), examples)


def _rows(raw: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows whose ids are their places: two equal rows stay two."""
    return [Row(str(at), row["text"], row["label"]) for at, row in enumerate(raw)]


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"

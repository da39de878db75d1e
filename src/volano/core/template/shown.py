"""Examples that a prompt shows: some of the rows that were pinned, never the one that is asked."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from volano.core.template.nearest import Nearest, plain

RULES = ("first", "random", "balanced", "similar")


@dataclass(frozen=True, slots=True)
class Example:
    """One row as it is shown. `group` is what rows are balanced by."""

    input: str
    output: str
    group: str = ""
    id: str = ""


@dataclass(frozen=True)
class Examples:
    """Rows in the order they were drawn; `n` of them are shown, of each group where balanced.

    There are more rows than are shown, so that another can stand for the one that is
    asked. `like` is the variable whose value tells which that is.
    """

    rule: str
    n: int
    rows: tuple[Example, ...]
    like: str = "input"
    texts: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", tuple(plain(row.input) for row in self.rows))

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest([row.input for row in self.rows])

    def choose(self, asked: str) -> list[Example]:
        """Return the examples to show before this question; of similar ones, the nearest last."""
        own = plain(asked)
        if self.rule == "similar":
            found = [at for at, _ in self._nearest.order(asked) if self.texts[at] != own]
            return [self.rows[at] for at in reversed(found[: self.n])]
        others = [row for row, text in zip(self.rows, self.texts, strict=True) if text != own]
        if self.rule != "balanced":
            return others[: self.n]
        taken: Counter[str] = Counter()
        chosen = []
        for row in others:
            taken[row.group] += 1
            if taken[row.group] <= self.n:
                chosen.append(row)
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        rows = [
            {
                name: value
                for name, value in (
                    ("input", r.input), ("output", r.output), ("group", r.group), ("id", r.id),
                )
                if value or name in ("input", "output")
            }
            for r in self.rows
        ]  # fmt: skip
        return {"rule": self.rule, "n": self.n, "like": self.like, "rows": rows}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Examples":
        """Read them back. Raises KeyError, TypeError, ValueError where they are none."""
        rows = tuple(Example(**row) for row in raw["rows"])
        if raw["rule"] not in RULES:
            raise ValueError(f"there is no rule `{raw['rule']}`")
        return cls(raw["rule"], int(raw["n"]), rows, str(raw["like"]))

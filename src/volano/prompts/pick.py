"""A Pick: which rows of a dataset become the examples of a prompt. They are drawn once, at save.

Random is by the digest of the seed and the row's id: it needs no order, and most of
what was drawn from one version is drawn from the next.
"""

import hashlib
import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.template.shown import RULES, Example, Examples
from volano.core.text import nfc
from volano.prompts.errors import BadPickError, NoRowsToShowError

MOST = 100
POOL = 1000
MOST_GROUPS = 200
MOST_CHARS = 1_000_000
_KNOWN = ("from", "rule", "n", "split", "seed", "by", "like", "columns")
_FIELDS = frozenset(_KNOWN)


@dataclass(frozen=True, slots=True)
class Pick:
    """`n` rows of a split (of each value of the column `by`, where balanced).

    `columns` say which column is shown as the input, and which as the output. `like` is the
    variable whose value a row's input stands for.
    """

    source: str
    rule: str = "first"
    n: int = 3
    split: str = "train"
    seed: int = 0
    by: str = ""
    like: str = "input"
    input: str = "text"
    output: str = "label"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise BadPickError(why=f"there is no rule `{self.rule}` (known: {', '.join(RULES)})")
        if type(self.n) is not int or not 1 <= self.n <= MOST:
            raise BadPickError(why=f"n is a whole number from 1 to {MOST}, not {self.n!r:.40}")
        if type(self.seed) is not int:
            raise BadPickError(why="seed is a whole number")

    @classmethod
    def from_dict(cls, raw: Any) -> "Pick":
        """Read a pick as people write it.

        Raises:
            BadPickError: it is none.
        """
        if not isinstance(raw, Mapping):
            raise BadPickError(why="they are an object: from, rule, n")
        if unknown := [str(name)[:40] for name in raw if name not in _FIELDS]:
            raise BadPickError(why=f"they say `{unknown[0]}` (known: {', '.join(_KNOWN)})")
        columns = raw.get("columns", {})
        if not isinstance(columns, Mapping) or not set(columns) <= {"input", "output"}:
            raise BadPickError(why="`columns` say which is the `input` and which the `output`")
        texts = {k: raw[k] for k in ("split", "rule", "by", "like") if k in raw} | dict(columns)
        if not isinstance(raw.get("from"), str) or not raw["from"]:
            raise BadPickError(why="`from` does not name a dataset")
        if odd := next((k for k, v in texts.items() if not isinstance(v, str)), None):
            raise BadPickError(why=f"`{odd}` is a text")
        return cls(raw["from"], n=raw.get("n", 3), seed=raw.get("seed", 0), **texts)

    def to_dict(self, source: str) -> dict[str, Any]:
        """Return it as it is written, with the version that it was drawn from."""
        said: dict[str, Any] = {"from": source, "rule": self.rule, "n": self.n, "split": self.split}
        if self.rule in ("random", "balanced", "similar"):
            said["seed"] = self.seed
        if self.rule == "balanced":
            said["by"] = self.group
        if self.like != "input":
            said["like"] = self.like
        if (self.input, self.output) != ("text", "label"):
            said["columns"] = {"input": self.input, "output": self.output}
        return said

    @property
    def group(self) -> str:
        """The column that rows are balanced by."""
        return self.by or self.output

    def draw(self, rows: Iterable[Mapping[str, Any]], ref: str) -> Examples:
        """Return the examples: some more than are shown, so that one may be left out.

        Raises:
            NoRowsToShowError: no row has these columns.
            BadPickError: there are too many groups, or their texts are too long.
        """
        needed = [self.input, self.output, *([self.group] if self.rule == "balanced" else [])]
        drawn = list(self._drawn(row for row in rows if self._holds(row)))
        if not drawn:
            columns = " and ".join(f"`{name}`" for name in dict.fromkeys(needed))
            raise NoRowsToShowError(split=self.split, ref=ref, columns=columns)
        shown = tuple(map(self._example, drawn))
        if sum(len(one.input) + len(one.output) for one in shown) > MOST_CHARS:
            raise BadPickError(why=f"their texts have more than {MOST_CHARS:,} characters")
        return Examples(self.rule, self.n, shown, self.like)

    def _holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row has what is shown of it, and what it is balanced by."""
        has = bool(row.get(self.input)) and row.get(self.output) is not None
        return has and (self.rule != "balanced" or row.get(self.group) is not None)

    def _drawn(self, rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        if self.rule == "first":
            return [row for row, _ in zip(rows, range(self.n + 1), strict=False)]
        if self.rule == "balanced":
            return self._balanced(rows)
        return heapq.nsmallest(self.n + 1 if self.rule == "random" else POOL, rows, self._lot)

    def _balanced(self, rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The same number of each group, one of each in turn."""
        groups: dict[str, list[tuple[str, int, Mapping[str, Any]]]] = {}
        for at, row in enumerate(rows):
            name = _text(row.get(self.group))
            kept = groups.setdefault(name, [])
            kept.append((self._lot(row), at, row))
            if len(groups) > MOST_GROUPS:
                raise BadPickError(why=f"`{self.group}` has more than {MOST_GROUPS} values")
            if len(kept) > 4 * (self.n + 1):
                kept[:] = heapq.nsmallest(self.n + 1, kept)
        ranked = {name: heapq.nsmallest(self.n + 1, kept) for name, kept in sorted(groups.items())}
        return [
            kept[rank][2]
            for rank in range(self.n + 1)
            for kept in ranked.values()
            if rank < len(kept)
        ]

    def _lot(self, row: Mapping[str, Any]) -> str:
        return hashlib.sha256(f"{self.seed}/{row.get('id')}".encode()).hexdigest()

    def _example(self, row: Mapping[str, Any]) -> Example:
        group = _text(row.get(self.group)) if self.rule == "balanced" else ""
        return Example(
            _text(row[self.input]), _text(row[self.output]), group, str(row.get("id", ""))
        )


def _text(value: Any) -> str:
    return nfc(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

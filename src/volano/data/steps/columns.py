"""Columns: keep some of them, or call them otherwise."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from volano.data.errors import BadStepError
from volano.data.step import STEPS, Notes, Record

RESERVED = ("origin", "split")
MISSING = ("keep", "drop")


@STEPS.register("select")
@dataclass(frozen=True, slots=True)
class Select:
    """Keeps these columns of each row, besides `origin` and `split`.

    `missing` says what is done with a row that lacks one: `keep` it, or `drop` it.
    """

    name: ClassVar[str] = "select"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    columns: tuple[str, ...]
    missing: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        if not isinstance(self.columns, list | tuple) or not self.columns:
            raise BadStepError(step="select", setting="columns", why="it is a list of columns")
        if not all(isinstance(one, str) for one in self.columns):
            raise BadStepError(step="select", setting="columns", why="columns are named by words")
        _one_of("select", "missing", self.missing, MISSING)
        object.__setattr__(self, "columns", tuple(self.columns))

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:  # noqa: ARG002 - the port
        """Yield the rows with fewer columns, in the order of the setting."""
        kept = (*self.columns, *(name for name in RESERVED if name not in self.columns))
        for row in rows:
            lacking = [name for name in self.columns if name not in row]
            if lacking and self.missing == "drop":
                notes.drop(row, "column missing", ", ".join(lacking))
                continue
            if gone := row.keys() - set(kept):
                notes.change(
                    f"{len(gone)} columns left out" if len(gone) > 1 else "1 column left out"
                )
            yield {name: row[name] for name in kept if name in row}


@STEPS.register("rename")
@dataclass(frozen=True, slots=True)
class Rename:
    """Calls columns otherwise: `columns` maps old names to new ones, all at once.

    A row in which a new name is taken by another column is dropped: which of
    the two was meant is not for volano to guess.
    """

    name: ClassVar[str] = "rename"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pairs = self.columns
        if not isinstance(pairs, Mapping) or not pairs:
            raise BadStepError(
                step="rename", setting="columns", why="it maps old names to new ones"
            )
        if not all(isinstance(name, str) and name for name in (*pairs, *pairs.values())):
            raise BadStepError(step="rename", setting="columns", why="columns are named by words")
        if len(set(pairs.values())) < len(pairs):
            raise BadStepError(step="rename", setting="columns", why="two get the same name")
        if {"origin"} & {*pairs, *pairs.values()}:
            raise BadStepError(step="rename", setting="columns", why="`origin` keeps its name")

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:  # noqa: ARG002 - the port
        """Yield the rows with their columns renamed, in the order they had."""
        for row in rows:
            if not self.columns.keys() & row.keys():
                yield row
                continue
            names = [self.columns.get(name, name) for name in row]
            if len(set(names)) < len(names):
                notes.drop(row, "column name taken")
                continue
            notes.change("renamed")
            yield dict(zip(names, row.values(), strict=True))


def renamed(steps: Iterable[Any]) -> dict[str, str]:
    """Return what columns are called after these steps, of those that were called otherwise before."""
    names: dict[str, str] = {}
    for step in steps:
        if isinstance(step, Rename):
            later = {old: step.columns.get(new, new) for old, new in names.items()}
            names = {**step.columns, **later}
    return names


def _one_of(step: str, setting: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadStepError(step=step, setting=setting, why=f"it is {' or '.join(allowed)}")

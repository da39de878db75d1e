"""A Step turns rows into rows, and says of each row that it drops or changes why.

A row in a recipe is a plain `dict`: a column's name to a JSON value. Two
columns mean the same everywhere: `origin` (where the row came from: a file
and line, a URL, a query, a trace) and `split` (the part of the dataset that
it goes to). Everything else is the user's.

Most steps look at one row at a time and have only `apply`. A step that must
see all rows first works in three movements, so that it may run over shards on
several cores or machines and give the same rows everywhere:

    survey(rows, folder)   once for each shard: write down what is needed of it
    decide(folders, folder)  once, in one place: from all that was written down
    apply(rows, notes, decided)  once for each shard: let rows through

A step that only ever looks at single rows says `whole = False`, and runs of
such steps are fused. Rows come in a fixed order (shards by number, rows by
place), and a step may depend on nothing else: not on the clock, on other
processes' hash seeds, or on how many workers there are. Randomness is drawn
from the row's content and the step's `seed`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from volano.core.plugins import Registry

Record = dict[str, Any]
"""A row in a recipe: columns by name."""

Guard = Callable[[str, Iterable[tuple[str, Record]]], Iterator[tuple[str, Record]]]
"""What a write of rows calls with a dataset's name and its (split, row): it gives the rows on, and
raises where they may not be kept."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out: by which step, why, and where it helps more exactly.

    `of` says which row it repeats or gave way to, by that row's `origin` or key.
    """

    row: Record
    step: str
    reason: str
    detail: str | None = None
    of: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as it stands in the file of rejected rows."""
        return {
            "row": self.row, "step": self.step, "reason": self.reason,
            "detail": self.detail, "of": self.of,
        }  # fmt: skip


@dataclass(slots=True)
class Notes:
    """What one step says about one shard: counts of reasons, and the rows that it rejects."""

    step: str
    reject: Callable[[Rejected], None] = field(default=lambda _: None)
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def drop(self, row: Record, reason: str, detail: str | None = None, of: Any = None) -> None:
        """Say why this row goes no further. `reason` is one of few; `detail` may say anything."""
        self.dropped[reason] += 1
        self.reject(Rejected(row, self.step, reason, detail, of))

    def change(self, reason: str) -> None:
        """Count a row that goes on otherwise than it came."""
        self.changed[reason] += 1


@runtime_checkable
class Step(Protocol):
    """One step of a recipe: a frozen dataclass whose fields are its settings.

    `version` goes up whenever the same input would give other rows: what was
    cached under the old one is then not used again.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    whole: ClassVar[bool]

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the rows that go on. A row may be changed in place: nobody else holds it."""
        ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What a step may ask of the workspace before it is built for a Run.

    A step's class that has `resolve(settings, needs)` is asked once, where the
    workspace is at hand, and gives settings that stand for themselves: a source
    or the ref of an artifact becomes a file in `folder`, and its digest. Refs
    have been pinned to versions by then.
    """

    rows_of: Callable[[Mapping[str, Any]], Iterable[Record]]
    """Reads what a recipe calls a source."""
    file_of: Callable[[str, str], Path]
    """Finds a file of a model: its ref, and the file's name."""
    folder: Path


class WholeStep(Step, Protocol):
    """A step that sees all rows before it lets one through (`whole = True`)."""

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write what is needed of one shard into the folder; memory stays small."""
        ...

    def decide(self, folders: Sequence[Path], folder: Path) -> Any:
        """Return what `apply` must know, in the order of the shards.

        `folder` is for files. What is returned holds one item for each shard,
        in their order, and each is plain JSON (paths of files as texts):
        `apply` gets the item of its own shard.

        A class with `keeps = True` gets a third argument, `kept`: a folder of the
        workspace that stays. One with `final(items)` says whether the decision may
        be used another time.
        """
        ...


STEPS: Registry[type[Any]] = Registry("step")
"""All steps by name; packages bring more through the entry point `volano.plugins`."""


def settings_of(step: Any) -> Mapping[str, Any]:
    """Return a step's settings by name: with its name and version, they are what it does."""
    return {one.name: getattr(step, one.name) for one in fields(step)}

"""Toy steps: each does one thing that real ones do. Importable by worker processes."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from volano.core.errors import InvalidError
from volano.data.sources import open_source  # noqa: F401 - named as opener, so that children know these steps
from volano.data.step import STEPS, Notes, Record


@STEPS.register("toy-upper")
@dataclass(frozen=True, slots=True)
class Upper:
    """Changes rows in place."""

    name: ClassVar[str] = "toy-upper"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row in rows:
            if row["text"] != row["text"].upper():
                notes.change("upper case")
                row["text"] = row["text"].upper()
            yield row


@STEPS.register("toy-drop")
@dataclass(frozen=True, slots=True)
class Drop:
    """Drops rows whose number divides."""

    name: ClassVar[str] = "toy-drop"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    by: int = 2

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row in rows:
            if row["n"] % self.by == 0:
                notes.drop(row, f"divides by {self.by}", str(row["n"]))
            else:
                yield row


@STEPS.register("toy-twice")
@dataclass(frozen=True, slots=True)
class Twice:
    """Makes more rows than there were: the same object again, which the next step must not share."""

    name: ClassVar[str] = "toy-twice"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row in rows:
            yield row
            yield row


@STEPS.register("toy-odd")
@dataclass(frozen=True, slots=True)
class Odd:
    """Yields what JSON says otherwise: tuples, NaN, and what it cannot say at all."""

    name: ClassVar[str] = "toy-odd"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row in rows:
            row["pair"] = (row["n"], float("nan"))
            if row["n"] % 5 == 3:
                row["text"] = "\ud800"
            row["was"] = type(row.get("seen")).__name__
            row["seen"] = (1,)
            yield row


@STEPS.register("toy-unique")
@dataclass(frozen=True, slots=True)
class Unique:
    """Keeps the first row of each text: a whole step whose decision lies in files."""

    name: ClassVar[str] = "toy-unique"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        (folder / "texts.json").write_text(json.dumps([row["text"] for row in rows]))

    def decide(self, folders: Any, folder: Path) -> list[str]:
        seen: set[str] = set()
        made = []
        for number, one in enumerate(folders):
            keep = []
            for text in json.loads((one / "texts.json").read_text()):
                keep.append(text not in seen)
                seen.add(text)
            path = folder / f"{number}.json"
            path.write_text(json.dumps(keep))
            made.append(str(path))
        return made

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        keep = json.loads(Path(decided).read_text())
        for row, good in zip(rows, keep, strict=True):
            if good:
                yield row
            else:
                notes.drop(row, "said before")


@STEPS.register("toy-rare")
@dataclass(frozen=True, slots=True)
class Rare:
    """Drops rows whose first letter is rare: a whole step with a small decision."""

    name: ClassVar[str] = "toy-rare"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    least: int = 3

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        counts = Counter(row["text"][:1] for row in rows)
        (folder / "counts.json").write_text(json.dumps(counts))

    def decide(self, folders: Any, folder: Path) -> list[list[str]]:
        total: Counter[str] = Counter()
        for one in folders:
            total.update(json.loads((one / "counts.json").read_text()))
        rare = sorted(letter for letter, n in total.items() if n < self.least)
        return [rare] * len(folders)

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row in rows:
            if row["text"][:1] in decided:
                notes.drop(row, "rare")
            else:
                yield row


class NoTextError(InvalidError):
    """A row has no text."""


@STEPS.register("toy-break")
@dataclass(frozen=True, slots=True)
class Break:
    """Breaks at a row, in a way of its own."""

    name: ClassVar[str] = "toy-break"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    at: int = 3
    how: str = "bug"

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row in rows:
            if row["n"] == self.at:
                if self.how == "ours":
                    raise NoTextError
                if self.how == "none":
                    yield None
                raise KeyError("ключ")
            yield row


@dataclass(frozen=True, slots=True)
class Stranger:
    """A step that nobody registered."""

    name: ClassVar[str] = "toy-stranger"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        return iter(rows)


@STEPS.register("toy-gate")
@dataclass(frozen=True, slots=True)
class Gate:
    """Says in a folder which process has begun, and waits there until a file `open` appears."""

    name: ClassVar[str] = "toy-gate"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    folder: str = ""

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        folder = Path(self.folder)
        node = os.environ.get("RAY_NODE_ID", "none")
        (folder / f"{os.getpid()}.{node}").write_bytes(b"")
        until = time.monotonic() + 120
        while not (folder / "open").exists() and time.monotonic() < until:
            time.sleep(0.02)
        yield from rows


def hold(folder: str) -> None:
    """Wait in a task as the step does."""
    list(Gate(folder).apply([], Notes("hold")))

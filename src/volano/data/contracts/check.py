"""Checking: rows pass a contract, and each that breaks it is counted and some are shown."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from volano.core.canon import NotCanonicalError, canonical
from volano.core.lazy import lazy
from volano.data.contracts.contract import RESERVED, Column, Contract, matcher
from volano.data.contracts.errors import ContractBrokenError
from volano.data.step import Record

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

SHOWN = 10
_BATCH = 500
_MOST_SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True)
class Violation:
    """One value that breaks one rule: where it stands, and the row."""

    row: int
    split: str
    column: str
    rule: str
    why: str
    shown: str

    def line(self) -> str:
        """Return it as a person reads it."""
        return f"row {self.row} ({self.split}), {self.column}: {self.why}\n    {self.shown}"


@dataclass(slots=True)
class Findings:
    """What was found: how many rows, how many break which rule, and the first of them."""

    rows: int = 0
    broken: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    first: list[Violation] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        first = [
            {"row": v.row, "split": v.split, "column": v.column, "rule": v.rule, "why": v.why, "shown": v.shown}
            for v in self.first
        ]  # fmt: skip
        return {"rows": self.rows, "broken": self.broken, "rules": dict(self.rules), "first": first}

    def error(self, name: str) -> ContractBrokenError:
        """Return the error that tells it."""
        rules = ", ".join(f"{n} × {rule}" for rule, n in self.rules.most_common(8))
        error = ContractBrokenError(broken=self.broken, rows=self.rows, name=name, rules=rules)
        error.shown = "\n".join(one.line() for one in self.first)
        error.facts["findings"] = self.to_dict()
        return error


def check(contract: Contract, rows: Iterable[tuple[str, Record]]) -> Findings:
    """Return what breaks the contract in rows with their splits; memory stays flat."""
    with _Checker(contract) as checker:
        for _ in checker.through(rows):
            pass
        return checker.found


def guarded(
    contract: Contract, name: str, rows: Iterable[tuple[str, Record]]
) -> Iterator[tuple[str, Record]]:
    """Yield the rows on; at their end, raise where some broke the contract.

    Raises:
        ContractBrokenError: some did; the first are shown.
    """
    with _Checker(contract) as checker:
        yield from checker.through(rows)
        if checker.found.broken:
            raise checker.found.error(name)


class _Checker:
    def __init__(self, contract: Contract):
        self.found = Findings()
        self._contract = contract
        self._seen = {name: _Seen() for name, column in contract.columns.items() if column.unique}

    def __enter__(self) -> _Checker:
        return self

    def __exit__(self, *_: object) -> None:
        for seen in self._seen.values():
            seen.close()

    def through(self, rows: Iterable[tuple[str, Record]]) -> Iterator[tuple[str, Record]]:
        rest = iter(rows)
        while batch := list(islice(rest, _BATCH)):
            self._look(batch)
            yield from batch

    def _look(self, batch: Sequence[tuple[str, Record]]) -> None:
        begins = self.found.rows + 1
        self.found.rows += len(batch)
        bad: dict[int, list[tuple[str, str, str]]] = {}
        for name, column in self._contract.columns.items():
            values = [row.get(name) for _, row in batch]
            for at, rule, why in _column(column, values, self._seen.get(name)):
                bad.setdefault(at, []).append((name, rule, why))
        if self._contract.extra == "refuse":
            for at, (_, row) in enumerate(batch):
                for name in row.keys() - self._contract.columns.keys() - set(RESERVED):
                    bad.setdefault(at, []).append(
                        (name, "extra", "the column is not in the contract")
                    )
        for at in sorted(bad):
            self.found.broken += 1
            split, row = batch[at]
            for name, rule, why in bad[at]:
                self.found.rules[f"{name}: {rule}"] += 1
                if len(self.found.first) < SHOWN:
                    one = Violation(begins + at, split, name, rule, why, _shown(row, name))
                    self.found.first.append(one)


def _column(
    column: Column, values: Sequence[Any], seen: _Seen | None
) -> Iterator[tuple[int, str, str]]:
    """Yield (place, rule, why) of the values that break a rule; at most one of its type each."""
    texts: list[str | None] = []
    for at, value in enumerate(values):
        fits = value is not None and _is(value, column.type)
        texts.append(value if fits and isinstance(value, str) else None)
        if value is None:
            if column.required:
                yield at, "required", "it is missing"
        elif not fits:
            yield at, "type", f"it is {_said(value)}, not {column.type}"
        else:
            yield from ((at, rule, why) for rule, why in _limits(column, value))
            if seen is not None and not seen.add(value):
                yield at, "unique", "another row has the same value"
    if column.regex is not None:
        fitting = pc.match_substring_regex(
            pa.array(texts, pa.large_string()), matcher(column.regex)
        )
        for at, fit in enumerate(fitting.to_pylist()):
            if fit is False:
                yield at, "regex", f"it does not fit {column.regex}"


def _limits(column: Column, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if column.min is not None and value < column.min:
            yield "min", f"it is below {column.min}"
        if column.max is not None and value > column.max:
            yield "max", f"it is above {column.max}"
    if isinstance(value, str | list | dict):
        if column.min_length is not None and len(value) < column.min_length:
            yield "min_length", f"its length {len(value)} is below {column.min_length}"
        if column.max_length is not None and len(value) > column.max_length:
            yield "max_length", f"its length {len(value)} is above {column.max_length}"
    if column.one_of is not None and not any(_same(value, one) for one in column.one_of):
        yield "one_of", "it is none of those allowed"


def _is(value: Any, wanted: str) -> bool:
    if wanted == "any":
        return True
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    types: Mapping[str, Any] = {
        "text": str,
        "number": int | float,
        "object": dict,
        "list": list,
        "boolean": bool,
    }
    return isinstance(value, types[wanted])


def _same(value: Any, other: Any) -> bool:
    """Whether two values are one; true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names: Mapping[type, str] = {
        str: "text",
        int: "integer",
        float: "number",
        dict: "object",
        list: "list",
    }
    return names.get(type(value), type(value).__name__)


def _shown(row: Record, name: str) -> str:
    """Return the row as JSON, the column in question first, each value cut short."""
    ordered = {name: row.get(name), **{key: row[key] for key in row if key not in ("origin", name)}}
    parts = []
    for key, value in ordered.items():
        text = json.dumps(value, ensure_ascii=False, default=str)
        parts.append(
            f"{json.dumps(key, ensure_ascii=False)}: {text if len(text) <= 80 else text[:79] + '…'}"
        )
    line = "{" + ", ".join(parts) + "}"
    return line if len(line) <= _MOST_SHOWN_CHARS else line[: _MOST_SHOWN_CHARS - 1] + "…"


class _Seen:
    """Values seen so far, by their digest, in a database that goes to the disk by itself."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, value: Any) -> bool:
        """Note a value; whether it is new."""
        try:
            content = canonical(value)
        except NotCanonicalError:
            content = repr(value).encode(errors="replace")
        digest = hashlib.sha256(content).digest()[:16]
        done = self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,))
        return done.rowcount == 1

    def close(self) -> None:
        self._db.close()

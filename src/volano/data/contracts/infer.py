"""A first contract, from the rows that are there: to be read, corrected and set."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from volano.core.canon import NotCanonicalError, canonical
from volano.data.contracts.contract import RESERVED, Column, Contract
from volano.data.step import Record

_FEW = 20
_ENOUGH = 50
"""Rows from which few different texts are taken for categories."""
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_ROOM = 2
"""Longest texts may become so many times longer."""


@dataclass(slots=True)
class _Look:
    seen: int = 0
    types: set[str] = field(default_factory=set)
    least: float | None = None
    most: float | None = None
    longest: int = 0
    shortest: int | None = None
    values: Counter[Any] | None = field(default_factory=Counter)
    addresses: int = 0

    def add(self, value: Any) -> None:
        self.seen += 1
        self.types.add(_type(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.least = value if self.least is None else min(self.least, value)
            self.most = value if self.most is None else max(self.most, value)
        if isinstance(value, str | list | dict):
            self.longest = max(self.longest, len(value))
            self.shortest = len(value) if self.shortest is None else min(self.shortest, len(value))
        if isinstance(value, str):
            self.addresses += _ADDRESS.search(value[:10_000]) is not None
        self._count(value)

    def _count(self, value: Any) -> None:
        if self.values is not None:
            if not isinstance(value, str) or len(value) > 100:
                self.values = None
                return
            self.values[value] += 1
            if len(self.values) > _FEW:
                self.values = None

    def column(self, rows: int, *, unique: bool) -> Column:
        kind = self._kind()
        few = self.values is not None and self.seen >= _ENOUGH
        one_of = tuple(sorted(self.values)) if few and self.values else None
        text = kind == "text" and one_of is None
        return Column(
            type=kind, required=self.seen == rows,
            min=self.least if kind in ("integer", "number") else None,
            max=self.most if kind in ("integer", "number") else None,
            min_length=1 if text and (self.shortest or 0) > 0 else None,
            max_length=_rounded(self.longest * _ROOM) if text else None,
            one_of=one_of, unique=unique,
            classed="personal" if self.addresses else "internal",
        )  # fmt: skip

    def _kind(self) -> str:
        if self.types == {"integer", "number"}:
            return "number"
        return self.types.pop() if len(self.types) == 1 else "any"


def infer(rows: Iterable[Record]) -> Contract:
    """Return a contract that all these rows keep.

    Few different texts become categories, the extremes of numbers a range, the
    longest text twice over a limit; columns with mail addresses are classed personal.
    """
    looks: dict[str, _Look] = {}
    distinct: dict[str, set[bytes] | None] = {}
    count = 0
    for row in rows:
        count += 1
        for name, value in row.items():
            if name in RESERVED:
                continue
            look = looks.setdefault(name, _Look())
            if value is not None:
                look.add(value)
                _distinct(distinct, name, value)
    columns = {
        name: look.column(count, unique=distinct.get(name) is not None and look.seen >= _ENOUGH)
        for name, look in looks.items()
    }
    return Contract(columns, "refuse")


def _distinct(distinct: dict[str, set[bytes] | None], name: str, value: Any) -> None:
    """Note short texts and whole numbers that may be keys; a column with a repetition is none."""
    known = distinct.setdefault(name, set())
    if known is None:
        return
    short = isinstance(value, str) and len(value) <= 40
    try:
        key = (
            canonical(value)
            if short or (isinstance(value, int) and not isinstance(value, bool))
            else None
        )
    except NotCanonicalError:
        key = None
    if key is None or key in known or len(known) >= 1_000_000:
        distinct[name] = None
    else:
        known.add(key)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {
        str: "text",
        int: "integer",
        float: "number",
        dict: "object",
        list: "list",
    }
    return names.get(type(value), "any")


def _rounded(number: int) -> int:
    """Return the next number with one digit that is not zero."""
    unit = 10 ** max(0, len(str(number)) - 1)
    return -(-number // unit) * unit

"""A filter in SQL: one condition that SQLite and DuckDB read alike, over `calls` or over `spans`.

A condition on a field that the table lacks is false there. A comparison with a
value that is not there is false, also `!=`; `not` turns it: it is two-valued logic, where
SQL's own has three. Above a `not` the NULLs of SQL need no care, so that indexes are used.

Two things are no columns and are looked at row by row, through functions that
the reader gives its database (`FUNCTIONS`): words in texts (`~`; where such a
condition stands at the top, `split` takes it out for the index of words), and
attributes, which are compressed JSON: these always scan.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import zstandard

from volano.traces.filter.fields import Field, field_of
from volano.traces.filter.nodes import Among, And, Compare, Has, Node, Not, Or, Place, Says, all_of
from volano.traces.filter.values import (
    Ago,
    Amount,
    Duration,
    Flag,
    Moment,
    Number,
    Prefix,
    Share,
    Text,
    Value,
)
from volano.traces.sealed.function import Function
from volano.traces.search import words_of

Table = Literal["calls", "spans"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What stands behind WHERE, and the values for its `?`."""

    where: str
    params: list[Any] = field(default_factory=list)


def compiled(node: Node | None, table: Table, now_us: int) -> Condition:
    """Return the condition; `now_us` is what `-24h` counts from."""
    if node is None:
        return Condition("TRUE")
    return _Compiler(table, now_us).condition(node)


def split(node: Node | None) -> tuple[tuple[Says, ...], Node | None]:
    """Take the words that must be there out of a filter: they are for the index; return the rest."""
    if isinstance(node, Says) and node.place.name in INDEXED:
        return (node,), None
    if not isinstance(node, And):
        return (), node
    words: list[Says] = []
    rest: list[Node | None] = []
    for part in node.parts:
        found, left = split(part)
        words += found
        rest.append(left)
    return tuple(words), all_of(rest)


_OUTCOME = Place("outcome")
INDEXED = {"text": "", "input": "{input} : ", "output": "{output} : "}
"""What the index of words answers, and its columns there."""


def match(words: tuple[Says, ...]) -> str:
    """Return the question to the index of words."""
    return " AND ".join(f"{INDEXED[s.place.name]}({words_of(s.words).match()})" for s in words)


class _Compiler:
    def __init__(self, table: Table, now_us: int):
        self._table, self._now_us = table, now_us

    def condition(self, node: Node, *, turned: bool = False) -> Condition:
        match node:
            case And(parts):
                return self._joined(" AND ", parts, turned=turned)
            case Or(parts):
                return self._joined(" OR ", parts, turned=turned)
            case Not(part):
                inner = self.condition(part, turned=True)
                return Condition(f"NOT {inner.where}", inner.params)
            case Compare(place, op, value):
                found = self._compare(place, op, value)
            case Among(place, values):
                found = self._among(place, values)
            case Has(place):
                found = self._has(place)
            case Says(place, words):
                found = self._says(place, words)
        if turned and found.where != "FALSE":
            return Condition(f"coalesce({found.where}, FALSE)", found.params)
        return found

    def _joined(self, word: str, parts: tuple[Node, ...], *, turned: bool) -> Condition:
        found = [self.condition(part, turned=turned) for part in parts]
        params = [value for each in found for value in each.params]
        return Condition(f"({word.join(each.where for each in found)})", params)

    def _among(self, place: Place, values: tuple[Value, ...]) -> Condition:
        found = [self._compare(place, "=", value) for value in values]
        params = [value for each in found for value in each.params]
        return Condition(f"({' OR '.join(each.where for each in found)})", params)

    def _compare(self, place: Place, op: str, value: Value) -> Condition:
        about = field_of(place)
        if self._column(about) is None:
            return Condition("FALSE")
        sign = "<>" if op == "!=" else op
        if isinstance(value, Amount):
            where = f"(cost_currency = ? AND cost_nano {sign} ?)"
            return Condition(where, [value.money.currency, value.money.nano])
        left = self._left(place, about, value)
        if isinstance(value, Flag) and not place.of:
            true = value.true == (op == "=")
            return Condition(left.where if true else f"(NOT {left.where})", left.params)
        if isinstance(value, Text) and place == _OUTCOME and op == "=" and value.text != "ok":
            # said twice, so that the index of what is not ok is used
            return Condition("(outcome = ? AND outcome <> 'ok')", [self._plain(value)])
        if isinstance(value, Prefix):
            where = f"(substr({left.where}, 1, ?) {sign} ?)"
            return Condition(where, [*left.params, len(value.text), value.text])
        return Condition(f"({left.where} {sign} ?)", [*left.params, self._plain(value)])

    def _left(self, place: Place, about: Field, value: Value | None) -> Condition:
        column = self._column(about)
        assert column is not None
        if place.of == "tag":
            return Condition("(tags ->> ?)", [f'$."{place.name}"'])
        if place.of == "attr":
            kind = "number" if isinstance(value, Number) else "text"
            return Condition(f"volano_{kind}(attributes, ?)", [place.name])
        return Condition(column)

    def _has(self, place: Place) -> Condition:
        about = field_of(place)
        column = self._column(about)
        if place.name == "text" and not place.of:
            return self._joined(
                " OR ", tuple(Has(Place(n)) for n in ("input", "output")), turned=False
            )
        if column is None:
            return Condition("FALSE")
        if about.kind == "money":
            return Condition("(cost_nano IS NOT NULL)")
        left = self._left(place, about, None)
        if about.kind in ("text", "words", "any"):
            return Condition(f"({left.where} <> '')", left.params)
        return Condition(f"({left.where} IS NOT NULL)", left.params)

    def _says(self, place: Place, words: str) -> Condition:
        column = self._column(field_of(place))
        if column is None:
            return Condition("FALSE")
        if place.name == "text":
            name = "name" if self._table == "spans" else "''"
            texts = f"input_text, output_text, error, {name}"
        else:
            texts = f"{column}, '', '', ''"
        return Condition(f"volano_says(?, {texts})", [words])

    def _column(self, about: Field) -> str | None:
        return about.calls if self._table == "calls" else about.spans

    def _plain(self, value: Value) -> Any:
        match value:
            case Text(text):
                return text
            case Number(number):
                return number
            case Duration(us) | Moment(us):
                return us
            case Ago(us):
                return self._now_us - us
            case Share(millionths):
                return millionths
            case Flag(true):
                return "true" if true else "false"
        raise AssertionError(value)


def _says(
    words: str, asked: str | None, answered: str | None, error: str | None, name: str | None
) -> bool:
    return words_of(words).said_in(asked, answered, error, name)


def _number(attributes: bytes | None, name: str) -> float | None:
    found = _attribute(attributes, name)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _text(attributes: bytes | None, name: str) -> str | None:
    found = _attribute(attributes, name)
    if found is None:
        return None
    if isinstance(found, str):
        return found.encode("utf-8", "replace").decode()
    if isinstance(found, bool):
        return "true" if found else "false"
    return json.dumps(found, ensure_ascii=False)


def _attribute(attributes: bytes | None, name: str) -> Any:
    """Return an attribute of the span, else of its resource; what cannot be read has none."""
    if not attributes:
        return None
    try:
        whole = attributes.startswith(b"{")
        said = json.loads(
            attributes if whole else zstandard.ZstdDecompressor().decompress(attributes)
        )
    except (zstandard.ZstdError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    for part in (said, said.get("attributes"), said.get("resource")):
        if isinstance(part, dict) and name in part:
            return part[name]
    return None


FUNCTIONS = (
    Function("volano_says", _says, ("VARCHAR",) * 5, "BOOLEAN"),
    Function("volano_number", _number, ("BLOB", "VARCHAR"), "DOUBLE"),
    Function("volano_text", _text, ("BLOB", "VARCHAR"), "VARCHAR"),
)

"""A Contract says what rows of a dataset must be: types, ranges, patterns, categories.

It is a YAML file:

    contract: 1
    extra: refuse                  # columns that are not named below; else `allow`
    columns:
      text: {type: text, required: true, max_length: 2000, class: personal}
      label: {type: text, required: true, one_of: [billing, returns]}
      score: {type: number, min: 0, max: 1}
      order: {type: text, regex: "[A-Z]{2}-[0-9]+", unique: true}

A pattern must fit the whole text and is run by RE2, whose time is linear in the text: no text can
make it hang, and what RE2 cannot do (backreferences, lookarounds) is refused when the contract is
read. `class` says who a column is about: public, internal, personal or secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import yaml

from volano.core.lazy import lazy
from volano.data.contracts.errors import BadContractError
from volano.data.sources.front import plain_yaml

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

VERSION = 1
TYPES = ("text", "integer", "number", "boolean", "object", "list", "any")
CLASSES = ("public", "internal", "personal", "secret")
EXTRAS = ("allow", "refuse")
RESERVED = ("id", "origin", "split")
_MOST_PATTERN = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """What one column must be. A value that is null or absent breaks `required` only."""

    type: str = "any"
    required: bool = False
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    regex: str | None = None
    one_of: tuple[Any, ...] | None = None
    unique: bool = False
    classed: str = "internal"

    def to_dict(self) -> dict[str, Any]:
        """Return what the file says of it, without what is said by saying nothing."""
        found = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value != one.default:
                name = "class" if one.name == "classed" else one.name
                found[name] = list(value) if isinstance(value, tuple) else value
        return found


@dataclass(frozen=True, slots=True)
class Contract:
    """What all rows must be."""

    columns: Mapping[str, Column] = field(default_factory=dict)
    extra: str = "allow"

    @classmethod
    def from_yaml(cls, text: str, where: str = "the contract") -> Contract:
        """Read a contract.

        Raises:
            BadContractError: it is none; says where and why.
        """
        try:
            raw = plain_yaml(text)
        except ValueError as error:
            raise BadContractError(path=where, why=str(error)) from error
        return cls.from_dict(raw, where)

    @classmethod
    def from_dict(cls, raw: Any, where: str = "the contract") -> Contract:
        """Read a contract from plain values.

        Raises:
            BadContractError: it is none; says where and why.
        """
        if not isinstance(raw, dict) or not isinstance(raw.get("columns"), dict):
            raise BadContractError(path=where, why="it has no mapping `columns`")
        if unknown := set(raw) - {"contract", "extra", "columns"}:
            raise BadContractError(path=where, why=f"`{min(map(str, unknown))}` is unknown")
        if raw.get("contract", VERSION) != VERSION:
            raise BadContractError(path=where, why=f"version {raw['contract']!r} is unknown")
        extra = raw.get("extra", "allow")
        if extra not in EXTRAS:
            raise BadContractError(path=where, why="`extra` is allow or refuse")
        columns = {str(name): _column(name, one, where) for name, one in raw["columns"].items()}
        return cls(columns, extra)

    def to_dict(self) -> dict[str, Any]:
        """Return the contract as plain values."""
        columns = {name: column.to_dict() for name, column in self.columns.items()}
        return {"contract": VERSION, "extra": self.extra, "columns": columns}

    def to_yaml(self) -> str:
        """Return the contract as a file has it."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=100)


def matcher(regex: str) -> str:
    """Return the pattern that fits whole texts."""
    return f"\\A(?:{regex})\\z"


_KEYS = {one.name for one in fields(Column)} - {"classed"} | {"class"}
_WHOLE = ("min_length", "max_length")


def _column(name: Any, raw: Any, where: str) -> Column:
    why = "volano fills it by itself" if name in RESERVED else _wrong({} if raw is None else raw)
    if why:
        raise BadContractError(path=where, why=f"column `{name}`: {why}")
    raw = raw or {}
    given = {key: value for key, value in raw.items() if key not in ("class", "one_of")}
    one_of = raw.get("one_of")
    return Column(
        **given, classed=raw.get("class", "internal"),
        one_of=None if one_of is None else tuple(one_of),
    )  # fmt: skip


def _wrong(raw: Any) -> str:
    """Return why this says nothing of a column; empty when it does."""
    if not isinstance(raw, dict):
        return "it is no mapping"
    if unknown := set(raw) - _KEYS:
        return f"`{min(map(str, unknown))}` is unknown; known are {', '.join(sorted(_KEYS))}"
    for key, allowed in (("type", TYPES), ("class", CLASSES)):
        if key in raw and raw[key] not in allowed:
            return f"`{key}` is one of {', '.join(allowed)}"
    for key in ("required", "unique"):
        if not isinstance(raw.get(key, False), bool):
            return f"`{key}` is true or false"
    one_of = raw.get("one_of")
    if one_of is not None and (not isinstance(one_of, list) or not one_of):
        return "`one_of` is a list of values"
    why = _bad_regex(raw.get("regex"))
    return f"`regex` {why}" if why else _wrong_limits(raw)


def _wrong_limits(raw: Mapping[str, Any]) -> str:
    for key in ("min", "max", *_WHOLE):
        if why := _bad_number(raw.get(key), whole=key in _WHOLE):
            return f"`{key}` {why}"
    for least, most in (("min", "max"), _WHOLE):
        if None not in (raw.get(least), raw.get(most)) and raw[least] > raw[most]:
            return f"`{least}` is above `{most}`"
    return ""


def _bad_number(value: Any, *, whole: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return "is a whole number" if whole else "is a number"
    if value != value or (whole and value < 0):
        return "is 0 or more" if whole else "is a number"
    return ""


def _bad_regex(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return "is a text in quotes"
    if len(value) > _MOST_PATTERN:
        return f"is longer than {_MOST_PATTERN} characters"
    try:
        pc.match_substring_regex(pa.array([""]), matcher(value))
    except (pa.ArrowException, UnicodeEncodeError) as error:
        return f"cannot be run in linear time or is none: {str(error).split(chr(10))[0]}"
    return ""

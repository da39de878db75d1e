"""Columns: one Arrow schema for all rows, found by looking at every one of them.

Rows of JSON have no schema, and a Parquet file has exactly one. So all rows are looked at first,
and types widen: whole numbers and others become floats, objects with the same keys become structs.
A column that no type fits (mixed values, objects whose keys differ) is kept as JSON
text. Which columns are, and which are absent from some rows, stands in the schema's metadata, so
that reading gives the same rows again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.data.step import Record

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")

META = b"volano"
MOST_FIELDS = 100
_INT64 = 2**63


@dataclass(slots=True)
class Shape:
    """What values of one place looked like so far."""

    kinds: set[str] = field(default_factory=set)
    seen: int = 0
    items: Shape | None = None
    fields: dict[str, Shape] | None = None
    uneven: bool = False

    def add(self, value: Any) -> None:
        """Look at one more value."""
        self.seen += 1
        kind = _kind(value)
        self.kinds.add(kind)
        if kind == "list":
            self.items = self.items or Shape()
            for item in value:
                self.items.add(item)
        elif kind == "object" and not self.uneven:
            self._fields(value)

    def arrow(self) -> pa.DataType | None:
        """Return the Arrow type that all of them fit; None when there is none."""
        kinds = self.kinds - {"null"}
        if not kinds:
            return pa.string()
        if kinds <= {"int", "float"}:
            return pa.int64() if kinds == {"int"} else pa.float64()
        if len(kinds) > 1:
            return None
        (kind,) = kinds
        if kind == "list":
            inner = self.items.arrow() if self.items else pa.string()
            return None if inner is None else pa.list_(inner)
        if kind == "object":
            return self._struct()
        return {"text": pa.string(), "bool": pa.bool_()}.get(kind)

    def _fields(self, value: Mapping[str, Any]) -> None:
        if self.fields is None:
            self.fields = {name: Shape() for name in value}
        if value.keys() != self.fields.keys() or len(value) > MOST_FIELDS:
            self.uneven, self.fields = True, None
            return
        for name, item in value.items():
            self.fields[name].add(item)

    def _struct(self) -> pa.DataType | None:
        if self.uneven or not self.fields:
            return None
        types = {name: shape.arrow() for name, shape in self.fields.items()}
        if any(kind is None for kind in types.values()):
            return None
        return pa.struct([pa.field(name, kind) for name, kind in types.items()])


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_INT64 <= value < _INT64 else "big"
    kinds: dict[type, str] = {
        float: "float",
        str: "text",
        list: "list",
        tuple: "list",
        dict: "object",
    }
    return kinds.get(type(value), "other")


@dataclass(frozen=True, slots=True)
class Columns:
    """The schema of all rows; which columns are JSON text, and which some rows lack."""

    schema: pa.Schema
    as_json: frozenset[str]
    absent: frozenset[str]

    def batch(self, rows: Sequence[Record]) -> pa.RecordBatch:
        """Return rows as Arrow has them."""
        as_json = self.as_json
        ready = [
            {
                name: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                if name in as_json
                else value
                for name, value in row.items()
            }
            for row in rows
        ]
        return pa.RecordBatch.from_pylist(ready, schema=self.schema)


def columns_of(rows: Iterable[Record]) -> tuple[Columns, dict[str, int]]:
    """Look at all rows; return their columns, and how many rows each split has."""
    shapes: dict[str, Shape] = {}
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            if name != "split":
                shapes.setdefault(name, Shape()).add(value)
        split = row.get("split") or "train"
        counts[split] = counts.get(split, 0) + 1
    total = sum(counts.values())
    absent = {name for name, shape in shapes.items() if shape.seen < total}
    torn = {name for name in absent if "null" in shapes[name].kinds}
    types = {name: None if name in torn else shape.arrow() for name, shape in shapes.items()}
    as_json = {name for name, kind in types.items() if kind is None}
    fields = [pa.field(name, kind or pa.string()) for name, kind in types.items()]
    meta = {"format": 1, "json": sorted(as_json), "absent": sorted(absent)}
    schema = pa.schema(fields, {META: json.dumps(meta, ensure_ascii=False).encode()})
    return Columns(schema, frozenset(as_json), frozenset(absent)), counts


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the schema as the `dataset_info` of a dataset's card on the Hugging Face Hub has it."""
    return [{"name": item.name, **_feature(item.type)} for item in schema]


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"list": _inner(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"struct": [{"name": item.name, **_feature(item.type)} for item in kind]}
    return {"dtype": _DTYPES.get(str(kind), str(kind))}


def _inner(kind: pa.DataType) -> Any:
    told = _feature(kind)
    return told.get("dtype") or told.get("struct") or told


_DTYPES = {"double": "float64", "bool": "bool"}

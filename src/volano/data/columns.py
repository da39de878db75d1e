"""What the rows of a version have in common: their columns, and the schema of text and label."""

from typing import Any

from volano.data.row import Schema, json_type
from volano.data.step import Record

MOST_COLUMNS = 500
"""So many columns are named; rows may have more."""


class Columns:
    """Looks at each row once and tells the columns with their JSON types, as they first came."""

    def __init__(self) -> None:
        self._types: dict[str, dict[str, None]] = {}
        self._fields: dict[str, dict[str, None]] | None = None
        self._labelled = True

    def see(self, columns: Record) -> None:
        """Take the columns of one row into account."""
        for name, value in columns.items():
            self._note(name, json_type(value))
        if self._labelled:
            text, label = columns.get("text"), columns.get("label")
            self._labelled = isinstance(text, str) and self._fits(label)

    def to_list(self) -> list[dict[str, Any]]:
        """Return the columns: name and JSON types."""
        return [{"name": name, "types": list(types)} for name, types in self._types.items()]

    def schema(self) -> Schema | None:
        """Return the schema of the labels, where every row is a text and a label of one shape."""
        if not self._labelled or self._fields is None:
            return None
        return Schema({name: tuple(types) for name, types in self._fields.items()})

    def _note(self, name: str, kind: str) -> None:
        types = self._types.get(name)
        if types is None:
            if len(self._types) >= MOST_COLUMNS:
                return
            types = self._types[name] = {}
        types[kind] = None

    def _fits(self, label: Any) -> bool:
        if isinstance(label, str):
            self._fields = {} if self._fields is None else self._fields
            return not self._fields
        if not isinstance(label, dict) or not label:
            return False
        if self._fields is None:
            self._fields = {name: {} for name in label}
        if self._fields.keys() != label.keys():
            return False
        for name, value in label.items():
            self._fields[name][json_type(value)] = None
        return True

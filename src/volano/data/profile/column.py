"""What one column holds: types, what is missing, how many values differ, which are frequent."""

from collections import Counter
from typing import Any

from volano.data.facts import said
from volano.data.profile.distinct import Distinct
from volano.data.profile.place import Place, Tally
from volano.data.row import json_type
from volano.stats.sketch import Sketch

MOST_VALUES = 1_000
"""So many values are counted one by one; a column with more has no list of values."""
LONGEST_VALUE = 200
SHOWN = 50


class Column:
    """Looks at the values of one column."""

    def __init__(self, name: str):
        self.name = name
        self.types: Counter[str] = Counter()
        self.missing = Tally()
        self._distinct = Distinct()
        self._values: dict[str, Tally] | None = {}
        self._lengths = Sketch()
        self._numbers: list[float] = []

    def see(self, value: Any, place: Place) -> None:
        """Take a row's value into account; None and an empty text are missing."""
        if value is None or value == "":
            self.missing.add(place)
            return
        self.types[json_type(value)] += 1
        text = value if isinstance(value, str) else said(value)
        self._distinct.add(text)
        self._count(text, place)
        if isinstance(value, str):
            self._lengths.add(len(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            least, most = self._numbers or (value, value)
            self._numbers = [min(least, value), max(most, value)]

    def _count(self, text: str, place: Place) -> None:
        if self._values is None:
            return
        if len(text) > LONGEST_VALUE or (
            text not in self._values and len(self._values) >= MOST_VALUES
        ):
            self._values = None
            return
        self._values.setdefault(text, Tally()).add(place)

    @property
    def distinct(self) -> int:
        """How many values differ; beyond 4,095 an estimate."""
        return self._distinct.count

    def values(self, most: int = SHOWN) -> list[dict[str, Any]]:
        """Return the values by how many rows have them; none where they are too many to count."""
        ranked = sorted((self._values or {}).items(), key=lambda one: (-one[1].rows, one[0]))
        return [{"value": value, **tally.to_dict()} for value, tally in ranked[:most]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = self.values()
        repeated = bool(values) and values[0]["rows"] > 1
        return {
            "name": self.name,
            "types": dict(self.types.most_common()),
            "missing": self.missing.to_dict(),
            "distinct": self.distinct,
            "distinct_is": "counted" if self._distinct.exact else "estimated",
            **({"values": values} if repeated else {}),
            **({"least": self._numbers[0], "most": self._numbers[1]} if self._numbers else {}),
            **({"characters": quantiles(self._lengths)} if self._lengths.count else {}),
        }


class Columns:
    """All columns of the rows; a field of an object counts as one too (`label.queue`)."""

    MOST = 200

    def __init__(self, sure: str = "") -> None:
        """`sure` is a column that is looked at however many came before it."""
        self._sure = sure
        self._columns: dict[str, Column] = {}
        self._rows = 0
        self._first: list[Place] = []
        self.more = False

    def see(self, row: dict[str, Any], place: Place) -> None:
        """Take a row into account."""
        flat = flattened(row)
        for name in flat:
            if name not in self._columns:
                self._add(name)
        for name, column in self._columns.items():
            column.see(flat.get(name), place)
        self._rows += 1
        if len(self._first) < 12:
            self._first.append(place)

    def _add(self, name: str) -> None:
        if len(self._columns) >= self.MOST and name != self._sure:
            self.more = True
            return
        column = self._columns[name] = Column(name)
        column.missing.rows = self._rows
        column.missing.places = list(self._first)

    def get(self, name: str) -> Column | None:
        """Return a column by its name."""
        return self._columns.get(name)

    def all(self) -> list[Column]:
        """Return all columns, as they first came."""
        return list(self._columns.values())


def flattened(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that say something, and the fields of objects: `label.queue`."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("id", "origin", "split"):
            continue
        if isinstance(value, dict) and value:
            found.update({f"{name}.{field}": item for field, item in value.items()})
        else:
            found[name] = value
    return found


def quantiles(sketch: Sketch) -> dict[str, int]:
    """Return what a tenth, half, nine tenths and 99 of 100 do not exceed, and the most."""
    shares = {"p10": 0.1, "p50": 0.5, "p90": 0.9, "p99": 0.99, "most": 1.0}
    return {name: round(sketch.quantile(share) or 0) for name, share in shares.items()}

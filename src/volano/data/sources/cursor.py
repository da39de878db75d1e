"""Cursor values: what a column says of "since when", as JSON and back."""

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from volano.data.sources.spec import bad

Value = Any

_TYPES: Mapping[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "datetime": (
        dt.datetime, dt.datetime.isoformat, dt.datetime.fromisoformat,
    ),
    "date": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "decimal": (decimal.Decimal, str, decimal.Decimal),
    "uuid": (uuid.UUID, str, uuid.UUID),
    "int": (int, str, int),
    "float": (float, float, float),
    "text": (str, str, str),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}  # fmt: skip
"""A datetime is a date too, so the order counts."""


def dump(value: Value) -> dict[str, Any] | None:
    """Return the value as JSON.

    Raises:
        BadSourceError: a type that has no order that we know.
    """
    if value is None:
        return None
    for name, (kind, out, _) in _TYPES.items():
        if isinstance(value, kind):
            return {"type": name, "value": out(value)}
    raise bad(f"a column of type {type(value).__name__} cannot be the cursor")


def load(told: Any) -> Value:
    """Return the value that `dump` told.

    Raises:
        BadSourceError: it is none.
    """
    if told is None:
        return None
    try:
        return _TYPES[told["type"]][2](told["value"])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise bad("the state of the source holds no cursor") from None

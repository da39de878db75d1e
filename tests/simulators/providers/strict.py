"""Check a JSON value against a shape, as strictly as a real API: unknown fields are errors.

A shape is
    str int float bool object     a value of that type (float takes whole numbers too)
    "regex"                       a string that matches wholly
    {"a", "b"}                    one of these strings
    [shape]                       an array of such values
    {"name!": shape, "name": s}   an object; `!` marks required fields
    One(name=shape, ...)          an object with exactly one of these fields
    a function                    called with (value, where); raises BadRequestError itself
"""

import base64
import binascii
import re
from typing import Any


class BadRequestError(Exception):
    """The request is not what the API promises to take."""


class One:
    """Exactly one of the fields."""

    def __init__(self, **shapes: Any):
        self.shapes = shapes


def check(value: Any, shape: Any, where: str = "") -> None:
    """Raises BadRequestError, saying where."""
    if isinstance(shape, type):
        _typed(value, shape, where)
    elif isinstance(shape, str):
        if not isinstance(value, str) or not re.fullmatch(shape, value, re.DOTALL):
            raise BadRequestError(f"{where}: {value!r} does not match {shape}")
    elif isinstance(shape, set):
        if not isinstance(value, str) or value not in shape:
            raise BadRequestError(f"{where}: {value!r} is none of {sorted(shape)}")
    elif isinstance(shape, list):
        _typed(value, list, where)
        for at, each in enumerate(value):
            check(each, shape[0], f"{where}[{at}]")
    elif isinstance(shape, One):
        _typed(value, dict, where)
        if len(value) != 1:
            raise BadRequestError(f"{where}: exactly one field is wanted, not {sorted(value)}")
        _fields(value, shape.shapes, where)
    elif isinstance(shape, dict):
        _typed(value, dict, where)
        _fields(value, {name.rstrip("!"): each for name, each in shape.items()}, where)
        for name in shape:
            if name.endswith("!") and name[:-1] not in value:
                raise BadRequestError(f"{where}.{name[:-1]} is required")
    else:
        shape(value, where)


def _typed(value: Any, kind: type, where: str) -> None:
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind in (int, float)):
        raise BadRequestError(f"{where}: {value!r} is no {kind.__name__}")


def _fields(value: dict, shapes: dict, where: str) -> None:
    for name, each in value.items():
        if name not in shapes:
            raise BadRequestError(f"{where}: unknown field {name!r}")
        check(each, shapes[name], f"{where}.{name}")


def between(low: float, high: float, kind: type = float):
    """A number within bounds."""

    def look(value: Any, where: str) -> None:
        _typed(value, kind, where)
        if not low <= value <= high:
            raise BadRequestError(f"{where}: {value} is not between {low} and {high}")

    return look


def some(shape: Any, low: int = 1, high: int = 1 << 30):
    """An array or object with so many members."""

    def look(value: Any, where: str) -> None:
        check(value, shape, where)
        if not low <= len(value) <= high:
            raise BadRequestError(f"{where}: {len(value)} members, not {low} to {high}")

    return look


def base64_data(value: Any, where: str) -> None:
    """Bytes in base64."""
    _typed(value, str, where)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequestError(f"{where}: no base64") from None


def any_json(value: Any, where: str) -> None:
    """Whatever it is."""

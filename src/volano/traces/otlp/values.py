"""How single attributes are read; what is of no use there is None, never an error."""

import math
from collections.abc import Callable
from typing import Any

import msgspec

from volano.traces.content import clean
from volano.traces.otlp.conventions import PROVIDERS

MAX_CHARS = 1000
"""Names, models, users and the like end here; the whole is in the attributes."""
_MAX_COUNT = 1 << 53
_NANO = 1_000_000_000
_MOST_KNOWN = 4096
_LONGEST_KNOWN = 100
_loads = msgspec.json.Decoder().decode


def short(value: Any) -> str | None:
    """A text for a column: no lone surrogates, no NUL, NFC, of bounded length."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    if text.isascii() and text.isprintable() and len(text) <= MAX_CHARS:
        return text or None
    return clean(text[:MAX_CHARS])


def count(value: Any) -> int | None:
    """A count of tokens."""
    if isinstance(value, str | float):
        try:
            value = int(value)
        except (ValueError, OverflowError):
            return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT:
        return value
    return None


def seconds(value: Any) -> int | None:
    """Microseconds, of seconds."""
    number = _number(value)
    return None if number is None or number > _MAX_COUNT / _NANO else round(number * 1_000_000)


def money(value: Any) -> int | None:
    """Nano-units, of whole units of a currency."""
    number = _number(value)
    return None if number is None or number > _MAX_COUNT / _NANO else round(number * _NANO)


def first(value: Any) -> str | None:
    """The first of a list, also of one in JSON."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = _loads(value)
        except (msgspec.DecodeError, RecursionError):
            return short(value)
    if isinstance(value, list):
        value = value[0] if value else None
    return short(value)


def provider(value: Any) -> str | None:
    """The name that the provider has here."""
    name = short(value)
    if name is None:
        return None
    name = name.lower()
    return PROVIDERS.get(name, name)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


class Known(dict[str | int, Any]):
    """What texts and whole numbers were read as: most of them come again and again.

    Ask it for plain `str` and `int` only (True equals 1); forgotten all at once when too many.
    """

    def __init__(self, read: Callable[[Any], Any]):
        super().__init__()
        self.read = read

    def __missing__(self, value: str | int) -> Any:
        found = self.read(value)
        if isinstance(value, int) or len(value) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[value] = found
        return found


CONVERT: dict[str, Callable[[Any], Any]] = {
    "text": short,
    "count": count,
    "seconds": seconds,
    "money": money,
    "first": first,
    "provider": provider,
}
"""What the words in `conventions.COLUMNS` mean."""

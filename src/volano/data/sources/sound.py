"""Sound values: what comes from files and tables becomes what JSON can hold, or is refused.

JSON numbers are doubles (RFC 8785): a whole number beyond 2^53 - 1 becomes
text, so that no digit is lost. Times become ISO 8601, decimals and UUIDs text,
bytes an object `{"base64": ...}`; NaN, which tables use for "missing", null.
"""

import base64
import datetime as dt
import decimal
import math
import uuid
from typing import Any

from volano.core.canon import MAX_SAFE_INTEGER
from volano.core.text import nfc
from volano.data.sources import reasons


class UnsoundError(ValueError):
    """A value that no row can hold; `reason` is one of few."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def sound(value: Any, depth: int) -> Any:
    """Return the value as JSON holds it, at most `depth` levels deep.

    Raises:
        UnsoundError: too deep, an infinity, half a character, equal keys, an unknown type.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(int(value))
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict | list | tuple):
        if depth < 1:
            raise UnsoundError(reasons.TOO_DEEP, "")
        if isinstance(value, dict):
            return _object(value, depth - 1)
        return [sound(item, depth - 1) for item in value]
    return _other(value)


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UnsoundError(
                reasons.VALUE, f"half a character at {error.start + 1} (a lone surrogate)"
            ) from None
    return value


def _float(value: float) -> float | None:
    if math.isinf(value):
        raise UnsoundError(reasons.VALUE, "a number without end")
    return None if math.isnan(value) else value


def _object(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    found = {_text(str(key)): sound(item, depth) for key, item in value.items()}
    if len(found) != len(value) or (
        not all(map(str.isascii, found)) and len({nfc(key) for key in found}) != len(found)
    ):
        raise UnsoundError(reasons.KEY_TWICE, "two keys are the same text")
    return found


def _other(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    raise UnsoundError(reasons.VALUE, f"a value of type {type(value).__name__}")

"""Canonical JSON (RFC 8785, JCS): one byte string for one value, so that digests agree.

Source: RFC 8785, "JSON Canonicalization Scheme". Keys are sorted by UTF-16
code units, numbers print as ECMAScript prints them, strings escape only what
must be escaped. Text is NFC before it is written: RFC 8785 leaves that to the
application, and volano decides for NFC.
"""

import json
import math
import unicodedata
from typing import Any

import msgspec

from volano.core.errors import InvalidError
from volano.core.text import nfc

MAX_SAFE_INTEGER = 2**53 - 1
_encode = msgspec.json.Encoder(order="sorted").encode


class NotCanonicalError(InvalidError):
    """The value `{value}` has no canonical JSON form."""

    hint = "Use text, booleans, null, lists, objects, and numbers within ±(2^53 - 1)."


def canonical(value: Any) -> bytes:
    """Return the canonical JSON bytes of a plain value.

    Raises:
        NotCanonicalError: a NaN, an infinity, an integer beyond 2^53 - 1, a
            key that is not text, a lone surrogate, or a type JSON does not know.
    """
    try:
        return _encode(value) if _usual(value) else _text(value).encode()
    except UnicodeEncodeError as error:
        raise NotCanonicalError(value=repr(error.object)[:80]) from error


def _usual(value: Any) -> bool:
    """Whether msgspec, which is much faster, writes this value canonically.

    It does so for NFC text, keys of ASCII, and numbers that it and ECMAScript print alike.
    """
    kind = type(value)
    if kind is str:
        return value.isascii() or unicodedata.is_normalized("NFC", value)
    if value is None or kind is bool:
        return True
    if kind is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    if kind is float:
        return 1e-4 <= abs(value) < 1e16 and not value.is_integer()
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii() or not _usual(item):
                return False
        return True
    return kind is list and all(map(_usual, value))


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(nfc(value), ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise NotCanonicalError(value=value)
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        return _object(value)
    raise NotCanonicalError(value=repr(value)[:80])


def _object(value: dict[Any, Any]) -> str:
    if not all(isinstance(key, str) for key in value):
        raise NotCanonicalError(value=repr(value)[:80])
    pairs = {nfc(key): item for key, item in value.items()}
    if len(pairs) != len(value):
        raise NotCanonicalError("Two keys of an object are the same text in NFC.")
    keys = sorted(pairs, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{_text(key)}:{_text(pairs[key])}" for key in keys) + "}"


def _number(value: float) -> str:
    """Print a double as ECMAScript's Number::toString does (ECMA-262 §6.1.6.1.20)."""
    if not math.isfinite(value):
        raise NotCanonicalError(value=value)
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)
    if whole == "0":
        point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0") or "0"
    return sign + _layout(digits, point)


def _layout(digits: str, point: int) -> str:
    """Place the decimal point: `digits` are significant, `point` is their distance from 0."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{point - 1:+d}"
    return digits + exponent if len(digits) == 1 else f"{digits[0]}.{digits[1:]}{exponent}"

"""Lines of JSON: fast, and for any text."""

import json
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def dumped(value: Any) -> bytes:
    """Return a value, or a dataclass, as JSON without a line's end; half a surrogate becomes `?`."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(value)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def exact(value: Any) -> bytes:
    """Return a value, or a dataclass, as JSON that is read back as it was, half a surrogate also."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()

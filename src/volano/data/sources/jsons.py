"""JSON as RFC 8259 has it, for whatever somebody else wrote."""

import json
from typing import Any


class DuplicateKeyError(ValueError):
    """An object names a key twice."""


def loads_strict(text: str) -> Any:
    """Read JSON as RFC 8259 has it: no NaN, no key twice in an object.

    Raises:
        DuplicateKeyError: a key twice (its name is the message).
        ValueError: not JSON.
        RecursionError: nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DuplicateKeyError(key)
        found[key] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")

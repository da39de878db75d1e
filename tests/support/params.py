"""Checks a request against the official clients' TypedDicts, to the last nested field."""

from typing import Any

from pydantic import ConfigDict, TypeAdapter


def adapter(kind: Any) -> TypeAdapter:
    """An adapter that refuses fields which the client's types do not have."""
    return TypeAdapter(kind, config=ConfigDict(extra="forbid"))


def check(kind: TypeAdapter, value: Any) -> None:
    """Raises ValidationError; iterables, which pydantic checks lazily, are walked."""
    _walk(kind.validate_python(value))


def _walk(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _walk(inner)
    elif not isinstance(value, (str, bytes, int, float, type(None))):
        for inner in value:
            _walk(inner)

"""Turn what keepers return into plain JSON values, whatever it is made of."""

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def plain(value: Any) -> Any:
    """Return JSON values for dataclasses, structs, mappings, bytes and the rest."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if names := getattr(value, "__struct_fields__", None):
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return str(value)


def parse(data: bytes | str | None) -> Any:
    """Return the JSON value in these bytes, or None where they are not JSON."""
    if not data:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _bytes(data: bytes) -> Any:
    value = parse(data)
    if value is not None:
        return value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}

"""Schemas of answers: the plain part of JSON Schema, checked strictly.

Taken: type, properties, required, additionalProperties (true or false), items,
enum, const, minLength, maxLength, minItems, maxItems, minimum, maximum, and
words that only describe. Anything else is refused when the recipe is read, so
that no rule is passed over in silence.
"""

import json
from collections.abc import Mapping
from typing import Any

DEEPEST = 20
_TELLING = {"$schema", "title", "description", "default", "examples"}
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int,
    "boolean": bool, "null": type(None),
}  # fmt: skip
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
_RANGES = ("minimum", "maximum")
_KNOWN = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const",
    *_COUNTS, *_RANGES, *_TELLING,
}  # fmt: skip


def wrong_schema(schema: Any, depth: int = 0) -> str:
    """Return what is wrong with a schema; nothing when it can be checked."""
    if not isinstance(schema, Mapping):
        return "a schema is an object"
    if depth > DEEPEST:
        return f"it is deeper than {DEEPEST}"
    if unknown := set(schema) - _KNOWN:
        return f"`{min(map(str, unknown))}` is not taken; known are {', '.join(sorted(_KNOWN))}"
    types = schema.get("type", [])
    for one in types if isinstance(types, list | tuple) else [types]:
        if one not in _TYPES:
            return f"`type` is one of {', '.join(_TYPES)}"
    if not isinstance(schema.get("additionalProperties", True), bool):
        return "`additionalProperties` is true or false"
    for name in (*_COUNTS, *_RANGES):
        value = schema.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"`{name}` is a number"
    for name in ("enum", "required"):
        if not isinstance(schema.get(name, []), list | tuple):
            return f"`{name}` is a list"
    parts = schema.get("properties", {})
    if not isinstance(parts, Mapping):
        return "`properties` is an object"
    inner = [*parts.values(), *([schema["items"]] if "items" in schema else [])]
    return next((why for one in inner if (why := wrong_schema(one, depth + 1))), "")


def parsed(text: str) -> Any:
    """Return the JSON value of an answer that is nothing else.

    Raises:
        ValueError: it is not.
    """

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def misfit(value: Any, schema: Mapping[str, Any], at: str = "the answer") -> str:
    """Return where and why a value does not fit a schema; nothing when it does."""
    types = schema.get("type")
    listed = types if isinstance(types, list | tuple) else [types] if types else []
    if listed and not any(_is(value, one) for one in listed):
        return f"{at} is no {' or '.join(listed)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{at} is none of those allowed"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{at} is not what it must be"
    if isinstance(value, str):
        return _sized(len(value), schema, "Length", f"the length of {at}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within(value, schema.get("minimum"), schema.get("maximum"), at)
    if isinstance(value, list):
        found = _sized(len(value), schema, "Items", f"the number of items of {at}")
        inner = enumerate(value) if "items" in schema else ()
        return found or next(
            (why for n, one in inner if (why := misfit(one, schema["items"], f"{at}[{n}]"))), ""
        )
    return _fields(value, schema, at) if isinstance(value, dict) else ""


def _fields(value: dict[str, Any], schema: Mapping[str, Any], at: str) -> str:
    parts = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{at} lacks `{name}`"
    if not schema.get("additionalProperties", True) and (extra := set(value) - set(parts)):
        return f"{at} has `{min(extra)}`, which is not asked for"
    names = (name for name in parts if name in value)
    return next((w for n in names if (w := misfit(value[n], parts[n], f"{at}.{n}"))), "")


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def _same(value: Any, other: Any) -> bool:
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _sized(size: int, schema: Mapping[str, Any], what: str, at: str) -> str:
    return _within(size, schema.get(f"min{what}"), schema.get(f"max{what}"), at)


def _within(value: float, least: float | None, most: float | None, at: str) -> str:
    if least is not None and value < least:
        return f"{at} is below {least}"
    if most is not None and value > most:
        return f"{at} is above {most}"
    return ""

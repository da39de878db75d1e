"""The part of JSON Schema that answers of models are asked to keep, and how an answer misfits.

Source: JSON Schema 2020-12, the keywords that providers take for structured output
(type, enum, const, properties, required, additionalProperties, items, anyOf, numbers'
and lengths' limits). `pattern` and references are left out: both can be made to hang.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from volano.core.errors import InvalidError

_DEPTH = 32
_TYPES: Mapping[str, Any] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: (
        (isinstance(v, int) and not isinstance(v, bool))
        or (isinstance(v, float) and v.is_integer())
    ),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}
_WORDS = frozenset((
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems",
))  # fmt: skip
_NOTES = frozenset(("title", "description", "default", "examples", "$schema", "format"))
_LIMITS: tuple[tuple[str, str, Any, str], ...] = (
    ("minimum", "number", lambda v, n: v >= n, "less than"),
    ("maximum", "number", lambda v, n: v <= n, "more than"),
    ("exclusiveMinimum", "number", lambda v, n: v > n, "not more than"),
    ("exclusiveMaximum", "number", lambda v, n: v < n, "not less than"),
    ("minLength", "string", lambda v, n: len(v) >= n, "shorter than"),
    ("maxLength", "string", lambda v, n: len(v) <= n, "longer than"),
    ("minItems", "array", lambda v, n: len(v) >= n, "shorter than"),
    ("maxItems", "array", lambda v, n: len(v) <= n, "longer than"),
)


class BadSchemaError(InvalidError):
    """The schema of answers cannot be used: {why}."""

    hint = (
        "It is a JSON schema of an object: type, properties, required, items, enum, anyOf, limits."
    )


def check_schema(schema: Any, where: str = "$", depth: int = 0) -> None:
    """Make sure that a schema says only what is checked here.

    Raises:
        BadSchemaError: it says something else, and where.
    """
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        raise BadSchemaError(why=f"{where} is no schema")
    unknown = set(schema) - _WORDS - _NOTES
    if unknown:
        raise BadSchemaError(why=f"{where} says `{min(map(str, unknown))[:40]}`")
    kinds = schema.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in _TYPES:
            raise BadSchemaError(why=f"{where} has the type `{str(kind)[:40]}`")
    if not isinstance(schema.get("required", []), list) or not isinstance(
        schema.get("enum", []), list
    ):
        raise BadSchemaError(why=f"{where}: `required` and `enum` are lists")
    for word, *_ in _LIMITS:
        if not _TYPES["number"](schema.get(word, 0)):
            raise BadSchemaError(why=f"{where}: `{word}` is a number")
    properties, variants = schema.get("properties", {}), schema.get("anyOf", [])
    if not isinstance(properties, Mapping) or not isinstance(variants, list):
        raise BadSchemaError(why=f"{where}: `properties` is an object, `anyOf` a list")
    for name, one in properties.items():
        check_schema(one, f"{where}.{name}", depth + 1)
    for one in variants:
        check_schema(one, f"{where} anyOf", depth + 1)
    if "items" in schema:
        check_schema(schema["items"], f"{where}[]", depth + 1)
    rest = schema.get("additionalProperties", True)
    if not isinstance(rest, bool):
        check_schema(rest, f"{where}.*", depth + 1)


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenAI's chat is told of it; strict where the schema is as strict as that needs."""
    said: dict[str, Any] = {"name": "answer", "schema": dict(schema)}
    if _strict(schema):
        said["strict"] = True
    return {"type": "json_schema", "json_schema": said}


def _strict(schema: Any) -> bool:
    """Whether each object says all its fields and wants them all."""
    if not isinstance(schema, Mapping):
        return False
    properties = schema.get("properties", {})
    if schema.get("type") == "object" and (
        schema.get("additionalProperties", True) is not False
        or set(schema.get("required", ())) != set(properties)
    ):
        return False
    inner = [*properties.values(), *schema.get("anyOf", ())]
    return all(map(_strict, inner + ([schema["items"]] if "items" in schema else [])))


def misfit(answer: str, schema: Mapping[str, Any]) -> str | None:
    """Return why the text of an answer does not keep the schema; None where it does."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return "it is no JSON"
    return next(_misfits(value, schema, "$", 0), None)


def _misfits(value: Any, schema: Mapping[str, Any], where: str, depth: int) -> Iterator[str]:
    if depth > _DEPTH:
        yield f"{where} is nested too deeply"
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_TYPES[kind](value) for kind in kinds):
        yield f"{where} is no {' or '.join(kinds)}"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where} is none of {json.dumps(schema['enum'], ensure_ascii=False)[:80]}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} is not {json.dumps(schema['const'], ensure_ascii=False)[:80]}"
    for word, kind, holds, text in _LIMITS:
        if word in schema and _TYPES[kind](value) and not holds(value, schema[word]):
            yield f"{where} is {text} {schema[word]}"
    variants = schema.get("anyOf", [])
    if variants and all(next(_misfits(value, v, where, depth + 1), None) for v in variants):
        yield f"{where} is none of the {len(variants)} forms"
    if isinstance(value, dict):
        yield from _of_object(value, schema, where, depth)
    if isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            yield from _misfits(item, schema["items"], f"{where}[{at}]", depth + 1)


def _of_object(
    value: dict[str, Any], schema: Mapping[str, Any], where: str, depth: int
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}.{name} is missing"
    rest = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from _misfits(item, properties[name], f"{where}.{name}", depth + 1)
        elif rest is False:
            yield f"{where}.{name} is not in the schema"
        elif isinstance(rest, Mapping):
            yield from _misfits(item, rest, f"{where}.{name}", depth + 1)


def _same(a: Any, b: Any) -> bool:
    """As JSON compares: 1 is 1.0, and neither is true."""
    return bool(a == b) and isinstance(a, bool) is isinstance(b, bool)

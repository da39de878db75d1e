"""What a client sent, taken apart field by field, so that a wrong one is named by its path.

msgspec names the list but not the place in it; decoding lists element by element
gives `messages[2].content[0].text`. Skipping over what is not read costs little.
"""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw

from volano.wire.openai import FieldError, MalformedError

Value = TypeVar("Value")
Decode = Callable[[Raw], Value]

Count = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
"""A count that every JSON reader holds exactly (RFC 8259 §6)."""
Seed = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_AT = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"contains unknown field `([^`]*)`")
NULL = Raw(b"null")


def decoder(kind: Any) -> Decode[Any]:
    """Return a function that decodes JSON as this type."""
    return msgspec.json.Decoder(kind).decode


def opened(body: bytes) -> dict[str, Raw]:
    """The top-level fields of a body; those that are null are not there.

    Raises:
        MalformedError: not JSON in UTF-8, or nested beyond reason.
        FieldError: JSON, but not an object.
    """
    try:
        if not body.isascii():
            body.decode()
        fields = _fields(body)
    except msgspec.ValidationError:
        raise FieldError("The request must be a JSON object.", None) from None
    except UnicodeDecodeError as error:
        raise MalformedError(f"byte {error.start} is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise MalformedError(str(error)) from None
    except RecursionError:
        raise MalformedError("nested too deeply") from None
    return {name: raw for name, raw in fields.items() if not is_null(raw)}


def is_null(raw: Raw) -> bool:
    """Whether this is JSON's null."""
    return bytes(memoryview(raw)[:4]) == b"null"


def required(fields: dict[str, Raw], name: str) -> Raw:
    """Take a field out that must be there."""
    if name not in fields:
        raise FieldError(f"The field `{name}` is required.", name)
    return fields.pop(name)


def value(raw: Raw, decode: Decode[Value], path: str) -> Value:
    """Decode the field at this path.

    Raises:
        FieldError: it has another type; the innermost wrong field is named.
        MalformedError: a string in it is no text (half of a surrogate pair).
    """
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), path) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError(f"in `{path}`: {error}") from None
    except RecursionError:
        raise MalformedError(f"`{path}` is nested too deeply") from None


def _wrong(text: str, path: str) -> FieldError:
    if at := _AT.search(text):
        text, path = text[: at.start()], path + at[1]
    if missing := _MISSING.search(text):
        path = f"{path}.{missing[1]}"
        return FieldError(f"The field `{path}` is required.", path)
    if unknown := _UNKNOWN.search(text):
        path = f"{path}.{unknown[1]}"
        return FieldError(f"The field `{path}` is not known here.", path)
    return FieldError(f"The field `{path}` is wrong: {text}.", path)


def elements(raw: Raw, path: str) -> Iterator[tuple[str, Raw]]:
    """Yield each element of a list with its path."""
    for index, element in enumerate(value(raw, _list, path)):
        yield f"{path}[{index}]", element


def is_string(raw: Raw) -> bool:
    """Whether this is a JSON string."""
    return bytes(memoryview(raw)[:1]) == b'"'


def json_object(raw: Raw, path: str) -> Raw:
    """Return it if it is a JSON object."""
    if bytes(memoryview(raw)[:1]) != b"{":
        raise FieldError(f"The field `{path}` must be an object.", path)
    return raw

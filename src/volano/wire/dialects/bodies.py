"""Decode what came from outside, so that nothing hostile gets past the seam's errors.

What a client sent fails as `MalformedError` or, with the path of the field, as
`FieldError`; what a provider sent fails as `BadAnswerError`. Nothing else leaves
these functions, whatever the bytes are.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Raw

from volano.wire.dialect import BadAnswerError
from volano.wire.openai import FieldError, MalformedError

T = TypeVar("T")

_AT = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")


def asked(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode a client's body.

    Raises:
        MalformedError: not JSON, not UTF-8, or nested beyond reason.
        FieldError: a field is missing, unknown or has the wrong type; `param` is its path.
    """
    try:
        if not body.isascii():
            body.decode()
        return decode(body)
    except msgspec.ValidationError as error:
        raise _field_error(str(error)) from None
    except msgspec.DecodeError as error:
        raise MalformedError(str(error)) from None
    except UnicodeDecodeError as error:
        raise MalformedError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise MalformedError("nested too deeply") from None


def _field_error(text: str) -> FieldError:
    at = _AT.search(text)
    path = at[1] if at else ""
    if missing := _MISSING.search(text):
        param = f"{path}.{missing[1]}".lstrip(".")
        return FieldError(f"The field `{param}` is required.", param)
    if unknown := _UNKNOWN.search(text):
        param = f"{path}.{unknown[1]}".lstrip(".")
        return FieldError(f"The field `{param}` is not known here.", param)
    if at and path:
        wanted = text[: at.start()]
        return FieldError(f"The field `{path}` has the wrong type: {wanted}.", path)
    return FieldError(f"The request has the wrong shape: {text}.", None)


def answered(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode a provider's body.

    Raises:
        BadAnswerError: it is not the JSON that its API promises.
    """
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswerError(f"The provider's answer cannot be read: {error}.") from None


def raw_object(value: Raw | msgspec.UnsetType, param: str) -> Raw | None:
    """Return a JSON object unread, None for null or nothing.

    Raises:
        FieldError: it is another kind of value.
    """
    if isinstance(value, msgspec.UnsetType) or bytes(value) == b"null":
        return None
    if bytes(memoryview(value)[:1]) != b"{":
        raise FieldError(f"The field `{param}` must be an object.", param)
    return Raw(bytes(value))


def split_data_url(url: str) -> tuple[str, str] | None:
    """Return (media type, base64 text) of a data URL (RFC 2397), None for other text."""
    if not url.startswith("data:"):
        return None
    head, comma, data = url[5:].partition(",")
    media_type, mark, _ = head.partition(";base64")
    return (media_type, data) if comma and mark else None


def data_url(data: str, media_type: str) -> str:
    """A data URL of base64 text."""
    return f"data:{media_type};base64,{data}"

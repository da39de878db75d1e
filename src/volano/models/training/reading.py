"""Reading: plain values become a frozen dataclass; a word or a type that is wrong is named."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from volano.models.training.recipe import BadRecipeError

T = TypeVar("T")

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
HINT = "The fields of a recipe stand in `docs/howto/train-a-model.md`."


def into(kind: type[T], raw: Mapping[str, Any], at: str = "") -> T:
    """Return a `kind` with the fields that `raw` gives.

    Raises:
        BadRecipeError: a field that `kind` does not have, or a value of another type.
    """
    types = get_type_hints(kind)
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    for name in raw:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            more = f" (did you mean `{near[0]}`?)" if near else f"; there are {', '.join(known)}"
            raise BadRecipeError(reason=f"unknown field `{at}{name}`{more}", hint=HINT)
    return kind(**{name: _value(types[name], value, f"{at}{name}") for name, value in raw.items()})


def _value(kind: Any, value: Any, at: str) -> Any:
    if isinstance(kind, UnionType):
        if value is None:
            return None
        return _value(next(one for one in get_args(kind) if one is not NoneType), value, at)
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise _misfit(at, "fields of its own", value)
        return into(kind, value, f"{at}.")  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_value(inner, item, at) for item in items)
    if get_origin(kind) is not None:
        return _mapping(get_args(kind)[1], value, at)
    return value if kind is Any else _scalar(kind, value, at)


def _mapping(inner: Any, value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _misfit(at, "fields of its own", value)
    return {str(key): _value(inner, item, f"{at}.{key}") for key, item in value.items()}


def _scalar(kind: type, value: Any, at: str) -> Any:
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # `hardware: 2` is what people write
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    if wrong or (isinstance(value, float) and not math.isfinite(value)):
        raise _misfit(at, WORDS[kind], value)
    return value


def _misfit(at: str, wanted: str, value: Any) -> BadRecipeError:
    return BadRecipeError(reason=f"`{at}` is {wanted}, not {value!r:.80}", hint=HINT)

"""The filters and tests that templates may use; what makes texts longer looks at the length first."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.template.errors import FillError
from volano.core.template.limits import LOOP, OUTPUT_CHARS
from volano.core.template.missing import Missing
from volano.core.template.written import written


@dataclass(frozen=True, slots=True)
class Tool:
    """A filter or a test, and how many arguments it takes."""

    apply: Callable[..., Any]
    least: int = 0
    most: int = 0


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FillError(why=f"{written(value)[:40]} is no text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FillError(why=f"{written(value)[:40]} is no whole number")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise FillError(why=f"{written(value)[:40]} is no list")
    return list(value)


def _room(chars: int) -> None:
    if chars > OUTPUT_CHARS:
        raise FillError(why=f"a text of more than {OUTPUT_CHARS:,} characters would be made")


def _default(value: Any, other: Any = "", also_empty: Any = False) -> Any:
    return other if isinstance(value, Missing) or (also_empty and not value) else value


def _join(value: Any, between: Any = "") -> str:
    parts = [written(item) for item in _list(value)]
    _room(sum(map(len, parts)) + len(_text(between)) * len(parts))
    return _text(between).join(parts)


def _replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = _text(value), _text(old), _text(new)
    _room(len(text) + text.count(old) * max(0, len(new) - len(old)))
    return text.replace(old, new)


def _truncate(value: Any, length: Any = 255, end: Any = "…") -> str:
    text, length = _text(value), max(0, _whole(length))
    return text if len(text) <= length else text[: max(0, length - len(_text(end)))] + end


def _indent(value: Any, width: Any = 4) -> str:
    text, width = _text(value), min(40, max(0, _whole(width)))
    _room(len(text) + text.count("\n") * width)
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * width + line if line else line for line in rest)])


def _length(value: Any) -> int:
    if not isinstance(value, str | list | tuple | dict):
        raise FillError(why=f"{written(value)[:40]} has no length")
    return len(value)


def _end(at: int) -> Callable[[Any], Any]:
    def taken(value: Any) -> Any:
        items = value if isinstance(value, str) else _list(value)
        return items[at] if items else Missing("first" if at == 0 else "last")

    return taken


def _items(value: Any) -> list[list[Any]]:
    if not isinstance(value, dict):
        raise FillError(why=f"{written(value)[:40]} is no object")
    return [[key, item] for key, item in value.items()]


def _lines(value: Any) -> list[str]:
    found = _text(value).splitlines()
    if len(found) > LOOP:
        raise FillError(why=f"it has more than {LOOP:,} lines")
    return found


def _round(value: Any, places: Any = 0) -> float:
    if not is_number(value):
        raise FillError(why=f"{written(value)[:40]} is no number")
    return round(float(value), min(15, max(0, _whole(places))))


def _tojson(value: Any, indent: Any = None) -> str:
    width = None if indent is None else min(8, max(0, _whole(indent)))
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=width)


def _divisible(value: Any, by: Any) -> bool:
    return _whole(value) % _whole(by) == 0


FILTERS: Mapping[str, Tool] = {
    "capitalize": Tool(lambda value: _text(value).capitalize()),
    "count": Tool(_length),
    "default": Tool(_default, 0, 2),
    "first": Tool(_end(0)),
    "indent": Tool(_indent, 0, 1),
    "items": Tool(_items),
    "join": Tool(_join, 0, 1),
    "last": Tool(_end(-1)),
    "length": Tool(_length),
    "lines": Tool(_lines),
    "lower": Tool(lambda value: _text(value).lower()),
    "replace": Tool(_replace, 2, 2),
    "round": Tool(_round, 0, 1),
    "string": Tool(written),
    "title": Tool(lambda value: _text(value).title()),
    "tojson": Tool(_tojson, 0, 1),
    "trim": Tool(lambda value: _text(value).strip()),
    "truncate": Tool(_truncate, 0, 2),
    "upper": Tool(lambda value: _text(value).upper()),
}
"""Jinja's meanings, but that `tojson` escapes nothing for HTML, and `lines` is ours."""

TESTS: Mapping[str, Tool] = {
    "boolean": Tool(lambda value: isinstance(value, bool)),
    "defined": Tool(lambda value: not isinstance(value, Missing)),
    "divisibleby": Tool(_divisible, 1, 1),
    "even": Tool(lambda value: _divisible(value, 2)),
    "mapping": Tool(lambda value: isinstance(value, dict)),
    "none": Tool(lambda value: value is None),
    "number": Tool(is_number),
    "odd": Tool(lambda value: not _divisible(value, 2)),
    "sequence": Tool(lambda value: isinstance(value, list | tuple | str)),
    "string": Tool(lambda value: isinstance(value, str)),
    "undefined": Tool(lambda value: isinstance(value, Missing)),
}

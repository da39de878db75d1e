"""What is taken of a value that passes through a span: a copy within limits, made at once.

At once, because the host may change or free the value a moment later. Only plain values,
containers and the fields of dataclasses and pydantic models are entered; of any other
object the type is named. No code of the user runs here: no `__repr__`, no `__str__`, no
property, so that nothing of the user's can be slow, fail or call back.
"""

from collections.abc import Iterable
from typing import Any

MAX_CHARS = 16_384
MAX_NODES = 128
MAX_DEPTH = 6
_SCALARS = frozenset({int, float, bool, type(None)})
_NODE_BYTES = 64


class Taking:
    """One copy in the making. `chars` and `nodes` are what it may still hold."""

    __slots__ = ("chars", "nodes")

    def __init__(self, chars: int = MAX_CHARS, nodes: int = MAX_NODES):
        self.chars, self.nodes = chars, nodes

    def take(self, value: Any, depth: int = 0) -> Any:
        """Return the copy: None, bool, int, float, str, list and dict with text keys."""
        kind = type(value)
        if kind is str:
            return self._text(value)
        self.nodes -= 1
        if kind in _SCALARS:
            return value
        if depth >= MAX_DEPTH or self.nodes <= 0:
            return _CUT
        if isinstance(value, dict):
            return self._fields(dict.items(value), depth)
        if isinstance(value, list):
            return self._items(list.__iter__(value), depth)
        if isinstance(value, tuple):
            return self._items(tuple.__iter__(value), depth)
        return self._odd(value, depth)

    def _text(self, text: str) -> str:
        self.nodes -= 1
        size = len(text)
        if size <= self.chars:
            self.chars -= size
            return text
        kept, self.chars = text[: max(self.chars, 0)], 0
        return f"{kept}… ({size - len(kept)} more)"

    def _fields(self, fields: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in fields:
            if self.nodes <= 0:
                found["…"] = _CUT
                break
            name = key if type(key) is str and len(key) <= _KEY_CHARS else _key(key)
            found[name] = self.take(value, depth + 1)
        return found

    def _items(self, items: Iterable[Any], depth: int) -> list[Any]:
        found = []
        for item in items:
            if self.nodes <= 0:
                found.append(_CUT)
                break
            found.append(self.take(item, depth + 1))
        return found

    def _odd(self, value: Any, depth: int) -> Any:
        kind = type(value)
        for plain in (str, int, float):
            if isinstance(value, plain):
                return self.take(_EXACT[plain](value), depth)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        if isinstance(value, set | frozenset):
            return self._items(list(value), depth)
        fields = _fields_of(kind)
        if fields is not None:
            held = object.__getattribute__(value, "__dict__")
            return self._fields([(name, held[name]) for name in fields if name in held], depth)
        return f"<{kind.__module__}.{kind.__qualname__}>"


def taken(value: Any) -> tuple[Any, int]:
    """Return a copy of the value within limits, and about how many bytes it holds."""
    if type(value) is str and len(value) <= MAX_CHARS:
        return value, len(value)
    taking = Taking()
    copy = taking.take(value)
    return copy, MAX_CHARS - taking.chars + (MAX_NODES - taking.nodes) * _NODE_BYTES


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)[:_KEY_CHARS]
    if type(key) in _SCALARS:
        return str(key) if not isinstance(key, int) or key.bit_length() <= _BITS else "<int>"
    return f"<{type(key).__qualname__}>"


def _fields_of(kind: type) -> Iterable[str] | None:
    """Return the names of the fields of a dataclass or a pydantic model; None of other types."""
    for where in ("__dataclass_fields__", "__pydantic_fields__"):
        for base in kind.__mro__:
            found = base.__dict__.get(where)
            if isinstance(found, dict):
                return found if base.__dictoffset__ or kind.__dictoffset__ else None
    return None


_EXACT: dict[type, Any] = {str: str.__str__, int: int.__int__, float: float.__float__}
_CUT = "…"
_KEY_CHARS = 256
_BITS = 256

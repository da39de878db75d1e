"""Values: JSON as it was read is searched in all its texts, and put together again.

Names of fields are texts too; a long whole number is one as well, as a card's may be written
so. A text that is JSON itself (arguments of a tool) is searched inside.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

Named = Callable[[str], str | None]
"""What stands in place of the value of this name; None: nothing does."""
_LONG_NUMBER = 10**7


def texts_of(value: Any, named: Named, found: list[str]) -> list[str]:
    """Add all texts in a value to `found`, but those that are hidden by name."""
    if isinstance(value, str):
        found.append(value)
        inner = _inner(value)
        if inner is not None:
            texts_of(inner, named, found)
    elif isinstance(value, bytes):
        found.append(value.decode("utf-8", "replace"))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            found.append(name)
            if named(name) is None:
                texts_of(one, named, found)
    elif isinstance(value, list | tuple):
        for one in value:
            texts_of(one, named, found)
    elif _is_long(value):
        found.append(str(value))
    return found


def changed(value: Any, named: Named, hidden: Mapping[str, str]) -> Any:
    """Return the value with what is hidden; the same object where nothing is."""
    if isinstance(value, str):
        return _text(value, named, hidden)
    if isinstance(value, bytes):
        return hidden.get(value.decode("utf-8", "replace"), value)
    if isinstance(value, Mapping):
        made = {hidden.get(k, k): _named(k, v, named, hidden) for k, v in value.items()}
        same = len(made) == len(value) and all(made.get(k, made) is v for k, v in value.items())
        return value if same else made
    if isinstance(value, list | tuple):
        items = [changed(one, named, hidden) for one in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return hidden.get(str(value), value) if _is_long(value) else value


def _named(name: str, value: Any, named: Named, hidden: Mapping[str, str]) -> Any:
    instead = named(name)
    return changed(value, named, hidden) if instead is None or value is None else instead


def _text(value: str, named: Named, hidden: Mapping[str, str]) -> str:
    inner = _inner(value)
    if inner is not None:
        made = changed(inner, named, hidden)
        if made is not inner:
            return json.dumps(made, ensure_ascii=False)
    return hidden.get(value, value)


def _inner(text: str) -> Any:
    """The JSON that a text is; None where it is none."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _is_long(value: Any) -> bool:
    return isinstance(value, int) and abs(value) >= _LONG_NUMBER

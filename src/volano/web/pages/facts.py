"""Show a free object (an artifact's `meta`, a plan, an outcome) as names and values."""

from collections.abc import Iterator, Mapping
from typing import Any

from volano.web.pages import words
from volano.web.pages.view import Cell

MAX_FACTS = 40


def of(meta: Mapping[str, Any], *, skip: frozenset[str] = frozenset()) -> list[tuple[str, Cell]]:
    """Return facts, nested objects flattened as `a · b`; at most MAX_FACTS of them."""
    kept = [(name, each) for name, each in _flat(meta, ()) if name.split(" · ")[0] not in skip]
    return [(name.replace("_", " "), cell(each)) for name, each in kept[:MAX_FACTS]]


def cell(value: Any) -> Cell:
    """Return one value as a cell."""
    if isinstance(value, bool):
        return Cell("text", "yes" if value else "no")
    if isinstance(value, int | float):
        return Cell("number", words.number(value))
    if isinstance(value, list | tuple):
        between = "; " if any(isinstance(each, Mapping) for each in value) else ", "
        return Cell("text", words.clip(between.join(map(_told, value)), 300))
    text = "–" if value is None else str(value)
    return Cell("code" if text.startswith("sha256:") else "text", words.clip(text, 300))


def _told(each: Any) -> str:
    """Say one of several: an object as its names and values, not as Python writes it."""
    if not isinstance(each, Mapping):
        return str(each)
    return ", ".join(
        f"{name.replace('_', ' ')} {words.number(value) if isinstance(value, float) else value}"
        for name, value in each.items()
        if value not in (None, "", [])
    )


def _flat(meta: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, each in meta.items():
        if isinstance(each, Mapping) and len(path) < 3:
            yield from _flat(each, (*path, str(name)))
        elif each not in (None, "", []):
            yield " · ".join((*path, str(name))), each

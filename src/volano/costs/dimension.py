"""Dimensions: what spend can be summed by, and how one says which calls are meant."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volano.core.text import nfc
from volano.costs.errors import BadDimensionError, BadOnlyError
from volano.traces.spend import TAG
from volano.traces.trace import Spent

COLUMN = {
    "key": "key_id",
    "group": "group",
    "group-tree": "group",
    "channel": "channel",
    "release": "release",
    "model": "model",
    "target": "target",
    "provider": "provider",
    "environment": "environment",
    "user": "unit",
    "arm": "arm",
    "day": "day",
    "hour": "hour",
    "region": "tag:region",
}
REPORTED = {
    name: COLUMN.get(name, name)
    for name in (
        "service", "model", "provider", "key", "group", "release", "environment", "user", "day", "region",
    )
}  # fmt: skip
"""What reported spend can be summed by: it has no channel and no target. A region is a tag."""
TREE = "group-tree"
Sums = Sequence[tuple[tuple[Any, ...], Spent]]


def column(dimension: str) -> str:
    """Return the traces' name of a dimension; a tag is one too: `tag:team`.

    Raises:
        BadDimensionError: there is no such dimension.
    """
    return _name(dimension, COLUMN)


def reported_column(dimension: str) -> str:
    """Return the spans' name of a dimension; a tag is one too: `tag:team`.

    Raises:
        BadDimensionError: there is no such dimension.
    """
    return _name(dimension, REPORTED)


def _name(dimension: str, known: Mapping[str, str]) -> str:
    if dimension.startswith(TAG) and len(dimension) > len(TAG):
        return nfc(dimension)
    if dimension not in known:
        raise BadDimensionError(dimension=ascii(dimension)[1:-1][:40], known=", ".join(known))
    return known[dimension]


def only(text: str) -> dict[str, str]:
    """Return which calls are meant: `group:shop` has all groups below it too; empty: all calls.

    Raises:
        BadOnlyError: it names nothing that calls have.
    """
    if not text:
        return {}
    kind, _, name = nfc(text).partition(":")
    if kind == "tag":
        tag, equals, value = name.partition("=")
        if tag and equals:
            return {f"{TAG}{tag}": value}
    elif kind in COLUMN and kind not in (TREE, "day", "hour") and name.isprintable():
        name = name.removeprefix("vk_") if kind == "key" else name
        return {COLUMN[kind]: name.strip("/") if kind == "group" else name}
    raise BadOnlyError(only=ascii(text)[1:-1][:80])


def with_ancestors(rows: Sums, at: int) -> Sums:
    """Count each group in all that are above it too: `shop/support` in `shop`. Sums overlap."""
    found: dict[tuple[Any, ...], Spent] = {}
    for by, spent in rows:
        for group in _line(by[at]):
            name = (*by[:at], group, *by[at + 1 :])
            found[name] = add(found[name], spent) if name in found else spent
    return [*found.items()]


def add(one: Spent, other: Spent) -> Spent:
    """Return both together. They are of the same currency."""
    return Spent(
        one.calls + other.calls,
        one.unpriced + other.unpriced,
        one.nano + other.nano,
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
    )


def _line(group: str) -> Iterable[str]:
    parts = group.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]

"""Plans: what to do with a span, worked out once for each set of attribute names.

An application makes few shapes of spans and millions of each. To look each
attribute of each span up in the tables of conventions costs more than all else;
so the tables are asked once a shape, and the answer is kept.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from volano.traces.otlp.conventions import (
    COLUMNS,
    KINDS,
    MARKS,
    TAG_LISTS,
    TAG_PREFIXES,
    TAGS,
)
from volano.traces.otlp.messages import Reader, readers
from volano.traces.otlp.values import CONVERT, Known

_MOST_PLANS = 1024
_MOST_NAMES = 96
"""Longer shapes are planned each time: every length of a conversation would be one of its own."""
_READ = {name for rows in COLUMNS.values() for name, _ in rows}


class Plan(msgspec.Struct, frozen=True):
    """The steps for one shape. `columns` are in the order of doing: the best of a column is last."""

    dialect: str
    columns: tuple[tuple[str, str, Known], ...]
    kinds: tuple[tuple[str, Mapping[str, str]], ...]
    tags: tuple[tuple[str, str], ...]
    tag_lists: tuple[str, ...]
    inputs: tuple[Reader, ...]
    outputs: tuple[Reader, ...]


def make(names: tuple[str, ...], known: Mapping[str, Known]) -> Plan:
    """Ask the tables what to do with a span that has these attributes."""
    there = set(names)
    return Plan(
        dialect=next((dialect for name, dialect in MARKS if name in there), ""),
        columns=tuple(
            (column, name, known[how])
            for column, rows in COLUMNS.items()
            for name, how in reversed(rows)
            if name in there
        ),
        kinds=tuple((name, meanings) for name, meanings in KINDS if name in there),
        tags=tuple((tag, name) for name in sorted(names, key=_is_said) if (tag := _tag(name))),
        tag_lists=tuple(name for name in TAG_LISTS if name in there),
        inputs=readers("input", names),
        outputs=readers("output", names),
    )


class Plans:
    """The plans of the shapes that came by; forgotten all at once when they are too many."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._known = {how: Known(read) for how, read in CONVERT.items()}

    def of(self, attributes: Mapping[str, Any]) -> Plan:
        """Return the plan for a span with these attributes."""
        names = tuple(attributes)
        plan = self._plans.get(names)
        if plan is None:
            plan = make(names, self._known)
            if len(names) <= _MOST_NAMES:
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[names] = plan
        return plan


def _is_said(name: str) -> bool:
    """Whether it is no attribute of another meaning: what was said to be a tag comes last, and holds."""
    return name not in TAGS


def _tag(name: str) -> str:
    """Return the tag that an attribute is; empty where it is none."""
    if name in TAGS:
        return TAGS[name]
    if name in _READ:
        return ""
    return next((name[len(p) :] for p in TAG_PREFIXES if name.startswith(p)), "")

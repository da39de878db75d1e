"""What a row says, for telling whether two say the same."""

import json
from typing import Any

from volano.data.step import Record

ASIDE = frozenset(("origin", "split", "id"))
"""Columns that say where a row comes from and goes to, not what it says."""


def text_of(row: Record, column: str) -> str:
    """Return the column's text; an empty one where there is none."""
    value = row.get(column)
    return value if isinstance(value, str) else ""


def said(value: Any) -> str:
    """Return a text that is the same for equal JSON values only, whatever order their names have."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def content(row: Record) -> Record:
    """Return the columns that say something."""
    return {name: value for name, value in row.items() if name not in ASIDE}

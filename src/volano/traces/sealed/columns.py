"""Columns: what a hot table has, taken from its definition, so that tables may grow."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

Kind = Literal["INTEGER", "REAL", "TEXT", "BLOB"]

BODIES = ("request", "response", "attributes", "input_text", "output_text")
"""Columns with what was said: they may be deleted before the row's numbers are."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `default` is the SQL literal for rows older than the column."""

    name: str
    kind: Kind
    default: str

    @property
    def quoted(self) -> str:
        """The name as SQL takes it."""
        return f'"{self.name}"'


def columns_of(conn: sqlite3.Connection, table: str) -> tuple[Column, ...]:
    """Return the columns of a table, `seq` first."""
    rows = conn.execute(f'PRAGMA table_info("{table}")').fetchall()
    return tuple(Column(name, kind, default or "NULL") for _, name, kind, _, default, _ in rows)

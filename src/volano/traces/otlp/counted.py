"""Counted: what sums, sessions and tags need of rows, taken while the rows are at hand.

To ask the table for it after the rows were written takes several times as long. It
holds only where all of these rows were new and fitted; else the table is asked.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from volano.traces.rollup import MEASURED, Key, Sum, pour, summed
from volano.traces.tables import (
    SESSION_SEEN,
    SESSIONS_OF_NEW_SPANS,
    SPAN_COLUMNS,
    TAGS_OF_NEW_SPANS,
)

_NAMES = ("kind", "service", "release", "model", "key_id", "group", "provider", "environment")
_measured = itemgetter(*(SPAN_COLUMNS.index(name) for name in (*MEASURED, *_NAMES, "outcome")))
_sessions = itemgetter(*(SPAN_COLUMNS.index(name) for name in ("session", "began_us")))
_TAGS = SPAN_COLUMNS.index("tags")


@dataclass(slots=True)
class Counted:
    """So many rows, their sums by ten seconds and names, when each session was seen last."""

    rows: int = 0
    sums: dict[Key, Sum] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    tagged: bool = False

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> "Counted":
        """Count these rows, as `INSERT_SPAN` takes them."""
        made = cls(len(rows), summed(map(_measured, rows)))
        seen = made.sessions
        for session, began_us in map(_sessions, rows):
            if session and began_us > seen.get(session, 0):
                seen[session] = began_us
        made.tagged = any(row[_TAGS] != "{}" for row in rows)
        return made

    def add(self, other: "Counted") -> None:
        """Count what another has, too."""
        self.rows += other.rows
        self.tagged |= other.tagged
        pour(self.sums, other.sums)
        for session, began_us in other.sessions.items():
            self.sessions[session] = max(began_us, self.sessions.get(session, 0))

    def full(self) -> dict[Key, Sum]:
        """Return the sums by all the names that a series has."""
        return {(at, _named(names)): one for (at, names), one in self.sums.items()}

    def write(self, conn: sqlite3.Connection, newest: int) -> None:
        """Write sessions and tags of the rows behind this `seq`, which are these."""
        conn.executemany(SESSION_SEEN, self.sessions.items())
        if self.tagged:
            conn.execute(TAGS_OF_NEW_SPANS, (newest,))


def ask(conn: sqlite3.Connection, newest: int) -> None:
    """Write sessions and tags of the rows behind this `seq`, as the table has them."""
    conn.execute(SESSIONS_OF_NEW_SPANS, (newest,))
    conn.execute(TAGS_OF_NEW_SPANS, (newest,))


def _named(names: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put the names of spans where `rollup.DIMENSIONS` has them."""
    kind, service, release, model, key_id, group, provider, environment, outcome = names
    return ("span", kind, service, "", release, model, key_id, group, "", provider, environment,
            outcome, 0)  # fmt: skip

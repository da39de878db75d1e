"""The feedback table in the hot records, and the sink by which the recorder fills it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from volano.feedback.record import Feedback

COLUMNS = (
    *("id", "trace_id", "at_us", "by", "group", "name", "value", "comment", "correction"),
    *("level", "subject", "metric", "number", "category", "nano", "currency"),
    *("source", "source_name", "confidence", "supersedes", "retracted", "thread", "current"),
    "probability",
)

TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE, trace_id TEXT NOT NULL, at_us INTEGER NOT NULL,
  "by" TEXT NOT NULL, "group" TEXT NOT NULL, name TEXT NOT NULL,
  value REAL, comment TEXT, correction TEXT
) STRICT
"""
ADDED = {
    "level": "TEXT NOT NULL DEFAULT 'trace'",
    "subject": "TEXT NOT NULL DEFAULT ''",
    "metric": "TEXT NOT NULL DEFAULT ''",
    "number": "REAL",
    "category": "TEXT",
    "nano": "INTEGER",
    "currency": "TEXT",
    "source": "TEXT NOT NULL DEFAULT 'person'",
    "source_name": "TEXT NOT NULL DEFAULT ''",
    "confidence": "REAL",
    "supersedes": "TEXT",
    "retracted": "INTEGER NOT NULL DEFAULT 0",
    "thread": "TEXT NOT NULL DEFAULT ''",
    "current": "INTEGER NOT NULL DEFAULT 1",
    "probability": "REAL",
}
"""Columns that came later, each with what it is in older rows; the thread of those is their id."""

INDEXES = (
    "CREATE INDEX IF NOT EXISTS feedback_by_trace ON feedback (trace_id)",
    "CREATE INDEX IF NOT EXISTS feedback_by_time ON feedback (at_us)",
    """CREATE INDEX IF NOT EXISTS feedback_corrections ON feedback (at_us)
       WHERE correction IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS feedback_by_thread ON feedback (thread)",
    """CREATE INDEX IF NOT EXISTS feedback_by_subject ON feedback (subject)
       WHERE level <> 'trace'""",
)

_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
INSERT = (
    f"INSERT INTO feedback ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (id) DO NOTHING"
)

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Feedback).decode


def prepare(conn: sqlite3.Connection) -> None:
    """Make the table, or bring one of an older volano up to date. The recorder's process only."""
    conn.execute(TABLE)
    known = _known(conn)
    for name, kind in ADDED.items():
        if name not in known:
            conn.execute(f"ALTER TABLE feedback ADD COLUMN {name} {kind}")
    if "thread" not in known:
        conn.execute("UPDATE feedback SET thread = id, subject = trace_id")
    for statement in INDEXES:
        conn.execute(statement)


def select(conn: sqlite3.Connection) -> str | None:
    """Return the statement that reads all columns as `Feedback` has them; None: no table yet.

    Between an upgrade and the recorder's start the newer columns are not there: then each
    reads as what it will be.
    """
    known = _known(conn)
    if not known:
        return None
    told = [f'"{name}"' if name in known else _older(name) for name in Feedback.__match_args__]
    return f"SELECT {', '.join(told)} FROM feedback"  # noqa: S608 - constants


def _known(conn: sqlite3.Connection) -> set[str]:
    return {row[1] for row in conn.execute("PRAGMA table_info(feedback)")}


def _older(name: str) -> str:
    own = {"thread": "id", "subject": "trace_id"}.get(name)
    default = own or ADDED[name].partition("DEFAULT ")[2] or "NULL"
    return f"{default} AS {name}"


def sink(conn: sqlite3.Connection, payloads: Sequence[bytes]) -> Sequence[int]:
    """Write feedback frames into the table, repeats dropped by id; return what is unreadable."""
    prepare(conn)
    unreadable = []
    for n, payload in enumerate(payloads):
        try:
            _write(conn, _decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, sqlite3.IntegrityError):
            unreadable.append(n)
    return unreadable


def _write(conn: sqlite3.Connection, said: Feedback) -> None:
    """Write one record; what it supersedes is not current any more.

    The thread is that of the record it names, so that two who change the same one at once
    end in one thread, where the later of them holds. Whatever the order of arrival, a first
    record that comes after its successors is not current.
    """
    if conn.execute("SELECT 1 FROM feedback WHERE id = ?", (said.id,)).fetchone():
        return
    thread = said.id
    if said.supersedes is not None:
        row = conn.execute(
            "SELECT thread FROM feedback WHERE id = ?", (said.supersedes,)
        ).fetchone()
        thread = row[0] if row else said.thread or said.supersedes
        conn.execute("UPDATE feedback SET current = 0 WHERE thread = ? AND current = 1", (thread,))
        current = not said.retracted
    else:
        later = conn.execute("SELECT 1 FROM feedback WHERE thread = ? LIMIT 1", (thread,))
        current = later.fetchone() is None
    said = replace(said, thread=thread, current=current, subject=said.subject or said.trace_id)
    conn.execute(INSERT, [getattr(said, name) for name in COLUMNS])

"""The feedback table in the hot records, and the sink by which the recorder fills it."""

import sqlite3
from collections.abc import Sequence

import msgspec

from volano.feedback.record import Feedback

COLUMNS = ("id", "trace_id", "at_us", "by", "group", "name", "value", "comment", "correction")

TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE, trace_id TEXT NOT NULL, at_us INTEGER NOT NULL,
  "by" TEXT NOT NULL, "group" TEXT NOT NULL, name TEXT NOT NULL,
  value REAL, comment TEXT, correction TEXT
) STRICT
"""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS feedback_by_trace ON feedback (trace_id)",
    "CREATE INDEX IF NOT EXISTS feedback_by_time ON feedback (at_us)",
    """CREATE INDEX IF NOT EXISTS feedback_corrections ON feedback (at_us)
       WHERE correction IS NOT NULL""",
)

_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
INSERT = (
    f"INSERT INTO feedback ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (id) DO NOTHING"
)
SELECT = f"SELECT {_NAMES}, seq FROM feedback"  # noqa: S608 - constants

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Feedback).decode


def sink(conn: sqlite3.Connection, payloads: Sequence[bytes]) -> Sequence[int]:
    """Write feedback frames into the table, repeats dropped by id; return what is unreadable."""
    for statement in (TABLE, *INDEXES):
        conn.execute(statement)
    unreadable = []
    for n, payload in enumerate(payloads):
        try:
            said = _decode(payload)
            conn.execute(INSERT, [getattr(said, name) for name in COLUMNS])
        except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, sqlite3.IntegrityError):
            unreadable.append(n)
    return unreadable

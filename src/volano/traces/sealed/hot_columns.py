"""Hot columns: hot rows as Arrow, kept between questions, so that sums over them need not read all anew.

Rows are only added at the end and taken from the beginning (by sealing); what changes in between
is seen by the counter `touches` and by the number of rows: then everything is read again. Columns
of texts and bodies are not kept.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from volano.traces.sealed.columns import BODIES, Column
from volano.traces.sealed.engine import arrow

_MOST_SETS = 8
_MOST_ROWS = 4_000_000
_STATE = """
SELECT coalesce(min(seq), 0), coalesce(max(seq), 0), count(*),
       (SELECT count FROM touches WHERE "table" = '{0}') FROM {0}
"""


@dataclass(frozen=True, slots=True)
class _Known:
    touches: int
    rows: pa.Table


class HotColumns:
    """Keeps the columns that were asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, tuple[str, ...]], _Known] = OrderedDict()

    def rows(
        self, conn: sqlite3.Connection, table: str, columns: Sequence[Column]
    ) -> pa.Table | None:
        """Return these columns of all hot rows as they are in this snapshot; None: too much to keep.

        `seq` is among the columns.
        """
        names = tuple(column.name for column in columns)
        low, high, count, touches = conn.execute(_STATE.format(table)).fetchone()
        if count > _MOST_ROWS or any(name in BODIES for name in names):
            return None
        with self._lock:
            known = self._known.pop((table, names), None)
            rows = _kept(known, low, high, touches)
            last = rows["seq"][-1].as_py() if rows is not None and rows.num_rows else 0
            new = _read(conn, table, columns, last)
            rows = new if rows is None else pa.concat_tables([rows, new])
            if rows.num_rows != count:
                rows = _read(conn, table, columns, 0)
            self._known[table, names] = _Known(touches, rows)
            while len(self._known) > _MOST_SETS:
                self._known.popitem(last=False)
            return rows


def _kept(known: _Known | None, low: int, high: int, touches: int) -> pa.Table | None:
    """Return what is known and still true."""
    if known is None or known.touches != touches or not known.rows.num_rows:
        return None
    seqs = known.rows["seq"]
    if seqs[-1].as_py() > high:
        return None  # an older snapshot than the one that was asked before
    start, end = 0, len(seqs)
    while start < end:
        middle = (start + end) // 2
        start, end = (middle + 1, end) if seqs[middle].as_py() < low else (start, middle)
    rows = known.rows.slice(start)
    return rows.combine_chunks() if rows["seq"].num_chunks > 64 else rows


def _read(conn: sqlite3.Connection, table: str, columns: Sequence[Column], after: int) -> pa.Table:
    names = ", ".join(column.quoted for column in columns)
    sql = f"SELECT {names} FROM {table} WHERE seq > ? ORDER BY seq"  # noqa: S608 - constants
    return arrow(columns, conn.execute(sql, (after,)).fetchall())

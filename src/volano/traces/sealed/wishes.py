"""Wishes: changes wanted of rows that are sealed already, carried out a bounded step at a time.

A room that changes hot rows (re-pricing) leaves a wish in the same transaction for the sealed
ones. A step reads some rows, asks the room for their new prices, and in one transaction writes
these beside the files (`repriced`), moves the sums of costs, and notes how far it came: killed
anywhere, it goes on from there. The files take the prices in when they are written anew.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from volano.traces.hot import HotStore, reading
from volano.traces.sealed.records import OLDEST, Records
from volano.traces.sealed.within import Within
from volano.traces.tables import SPEND_ADD, SPEND_TAKE

_ROWS_A_STEP = 1_000
_SPEND = ("began_us", "key_id", "group", "channel", "release", "model", "life", "held")

Price = tuple[int | None, str | None, str | None]
"""Cost in nano-units, its currency, and whose price it is."""


class Repricer(Protocol):
    """The room that knows prices."""

    @property
    def columns(self) -> Sequence[str]:
        """What it wants to see of a call."""
        ...

    def scope(self, payload: bytes) -> tuple[str, Sequence[Any], Within]:
        """Return which calls a wish is of: a WHERE, its values, and bounds."""
        ...

    def price(self, row: dict[str, Any]) -> Price | None:
        """Return the new price of a call; None leaves it as it is."""
        ...


def wish(conn: sqlite3.Connection, kind: str, payload: bytes) -> None:
    """Want a change of the calls that are sealed now; nothing, where none is."""
    conn.execute(
        "INSERT INTO wishes (kind, payload, below) "
        "SELECT ?, ?, max(max_seq) FROM sealed WHERE \"table\" = 'calls' HAVING count(*)",
        (kind, payload),
    )


class Wishes:
    """Carries out wishes, the oldest first."""

    def __init__(self, hot: HotStore, records: Records, repricers: Mapping[str, Repricer]):
        self._hot, self._records, self._repricers = hot, records, repricers

    def step(self) -> bool:
        """Carry out a part of one wish; False: there was none that anyone here can carry out.

        Raises:
            sqlite3.Error, VolanoError: it could not be done; call again.
        """
        found = self._next()
        if found is None:
            return False
        seq, kind, payload, below, done = found
        repricer = self._repricers[kind]
        where, params, bounds = repricer.scope(payload)
        within = Within(bounds.since_us, bounds.until_us, done, below + 1)
        names = tuple(dict.fromkeys(("seq", "outcome", *_SPEND, *_TOKENS, *repricer.columns)))
        rows = self._records.select(
            "calls", names, where, params, order=OLDEST, limit=_ROWS_A_STEP, within=within
        )
        changes = []
        for values in rows:
            row = dict(zip(names, values, strict=True))
            was = row["cost_nano"], row["cost_currency"], row["priced_by"]
            price = repricer.price(dict(row))
            if price is not None and price != was:
                changes.append((row, price))
        self._write(seq, changes, done=rows[-1][0] if len(rows) == _ROWS_A_STEP else None)
        return True

    def _next(self) -> tuple[int, str, bytes, int, int] | None:
        sql = "SELECT seq, kind, payload, below, done FROM wishes ORDER BY seq"
        with reading(self._hot.path) as conn:
            rows = [] if conn is None else conn.execute(sql).fetchall()
        return next((row for row in rows if row[1] in self._repricers), None)

    def _write(
        self, seq: int, changes: Sequence[tuple[dict[str, Any], Price]], *, done: int | None
    ) -> None:
        with self._hot.transaction() as conn:
            for row, price in changes:
                conn.execute(
                    "INSERT OR REPLACE INTO repriced VALUES (?, ?, ?, ?)", (row["seq"], *price)
                )
                if row["outcome"] != "refused":
                    now = dict(zip(("cost_nano", "cost_currency"), price, strict=False))
                    conn.execute(SPEND_TAKE, row)
                    conn.execute(SPEND_ADD, row | now)
            conn.execute("DELETE FROM spend WHERE calls = 0")
            if done is None:
                conn.execute("DELETE FROM wishes WHERE seq = ?", (seq,))
            else:
                conn.execute("UPDATE wishes SET done = ? WHERE seq = ?", (done, seq))


_TOKENS = ("prompt_tokens", "completion_tokens", "cost_nano", "cost_currency", "priced_by")

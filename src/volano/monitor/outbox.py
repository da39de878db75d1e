"""The outbox: notices wait in the catalog until their receiver has taken them.

A receiver is told at most so many times a minute; what comes in between is told
together, "and 17 more". One that does not answer is tried again, later and later, for
a day; it holds up nobody else. Killed between telling and noting it, the same notice is
told again with the same id: at least once.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Row, delete, select, update

from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.core.ports.notify import Change, Notice, Receivers
from volano.monitor import tables
from volano.monitor.book import AlertBook
from volano.monitor.rule import DAY_US, MINUTE_US

log = logging.getLogger(__name__)

A_MINUTE = 6
"""Notices to one receiver within a minute, at most."""
MOST_CHANGES = 500
_FIRST_WAIT_US = 2_000_000
_LONGEST_WAIT_US = 10 * MINUTE_US
_KEPT_US = 7 * DAY_US


class Outbox:
    """Tells receivers what is due."""

    def __init__(
        self, book: AlertBook, receivers: Receivers, clock: Clock, *, workspace: str, url: str
    ):
        self._book = book
        self._receivers = receivers
        self._clock = clock
        self._workspace = workspace
        self._url = url
        self._told: dict[str, list[int]] = {}

    def deliver(self) -> int:
        """Tell all receivers what is due; return how many notices were taken."""
        now = self._clock.now_us()
        t = tables.alert_outbox
        with self._book.db.read() as conn:
            rows = conn.execute(
                select(t).where(t.c.state == "waiting", t.c.due_us <= now).order_by(t.c.id)
            ).all()
        by: dict[str, list[Row[Any]]] = {}
        for row in rows:
            by.setdefault(row.receiver, []).append(row)
        due = [(name, found[:MOST_CHANGES]) for name, found in by.items() if self._may(name, now)]
        if not due:
            return 0
        said = self._book.receivers()
        with ThreadPoolExecutor(max_workers=8) as pool:
            return sum(pool.map(lambda one: self._tell(one[0], one[1], said.get(one[0]), now), due))

    def waiting(self) -> Sequence[dict[str, Any]]:
        """Return by receiver how many changes wait, or were given up, and what went wrong last."""
        t = tables.alert_outbox
        with self._book.db.read() as conn:
            rows = conn.execute(select(t).where(t.c.state != "sent").order_by(t.c.id)).all()
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            one = found.setdefault(
                row.receiver, {"receiver": row.receiver, "waiting": 0, "given_up": 0, "error": ""}
            )
            one["waiting" if row.state == "waiting" else "given_up"] += 1
            one["error"] = row.error or one["error"]
        return [*found.values()]

    def _may(self, name: str, now: int) -> bool:
        told = [us for us in self._told.get(name, ()) if 0 <= now - us < MINUTE_US]
        self._told[name] = told
        return len(told) < A_MINUTE

    def _tell(self, name: str, rows: Sequence[Row[Any]], said: Any, now: int) -> bool:
        ids = [row.id for row in rows]
        notice = Notice(
            hashlib.sha256("".join(ids).encode()).hexdigest()[:32], self._workspace,
            [Change(**json.loads(row.change)) for row in rows], f"{self._url}/alerts",
        )  # fmt: skip
        self._told[name].append(now)
        try:
            if said is None:
                self._note(ids, now, state="given up", error="the receiver was taken away")
                return False
            self._receivers(said)(notice)
        except Exception as error:  # noqa: BLE001 - foreign code: it is noted, and tried again
            self._put_off(name, rows, error, now)
            return False
        self._note(ids, now, state="sent", error="")
        return True

    def _put_off(self, name: str, rows: Sequence[Row[Any]], error: Exception, now: int) -> None:
        """Try again later: 2 s, 4 s, 8 s … 10 minutes, for a day."""
        why = (
            error.message if isinstance(error, VolanoError) else f"{type(error).__name__}: {error}"
        )
        tries = min(row.tries for row in rows)
        log.log(
            logging.WARNING if tries == 0 else logging.INFO,
            "The receiver %s could not be told of alerts (%s); it is tried again.", name, why,
        )  # fmt: skip
        wait_us = min(_FIRST_WAIT_US << min(tries, 20), _LONGEST_WAIT_US)
        t = tables.alert_outbox
        with self._book.db.write() as conn:
            for row in rows:
                old = now - row.created_us > DAY_US
                conn.execute(
                    update(t).where(t.c.id == row.id).values(
                        tries=row.tries + 1, due_us=now + wait_us, error=why[:500],
                        state="given up" if old else "waiting")
                )  # fmt: skip

    def _note(self, ids: Sequence[str], now: int, *, state: str, error: str) -> None:
        t = tables.alert_outbox
        with self._book.db.write() as conn:
            conn.execute(
                update(t).where(t.c.id.in_(ids)).values(state=state, error=error, done_us=now)
            )
            conn.execute(delete(t).where(t.c.state != "waiting", t.c.done_us < now - _KEPT_US))

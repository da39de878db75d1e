"""Upkeep: the thread in the recorder's process that seals, folds, deletes and watches.

It waits for its turn at the hot store as recording does, holds it for one batch at most, and
stops at the next step. DuckDB and pyarrow come into the process when there is something to do.
"""

import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from volano.core.clock import Clock, SystemClock
from volano.traces.hot import HotStore, reading
from volano.traces.tables import SEALED_TABLES

if TYPE_CHECKING:
    from volano.traces.sealed.chores import Chores
    from volano.traces.sealed.wishes import Repricer

log = logging.getLogger(__name__)

POLL_S = 5.0
TIDY_EVERY_US = 60_000_000
_BREATH_S = 0.02
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """What stays hot (rows of each table, hours), and where control says how long all is kept."""

    policy: Path
    hot_rows: int = 200_000
    hot_hours: int = 24


class Upkeep:
    """Runs beside the recorder."""

    def __init__(
        self,
        hot: HotStore,
        keeping: Keeping,
        repricers: "Mapping[str, Repricer] | None" = None,
        clock: Clock | None = None,
    ):
        self._hot, self._keeping, self._repricers = hot, keeping, repricers
        self._clock = clock or SystemClock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._trouble = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the step under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._needed():
            if self._stop.wait(POLL_S):
                return
        from volano.traces.sealed.chores import Chores
        from volano.traces.sealed.sealer import Hot

        keep = Hot(self._keeping.hot_rows, self._keeping.hot_hours)
        chores = Chores(
            self._hot, self._clock, keep=keep,
            policy=self._keeping.policy, repricers=self._repricers,
        )  # fmt: skip
        try:
            self._work(chores)
        finally:
            chores.close()

    def _work(self, chores: "Chores") -> None:
        tidied_us, pause_s = 0, 0.0
        while not self._stop.wait(pause_s):
            pause_s = POLL_S
            try:
                if self._clock.monotonic_us() - tidied_us > TIDY_EVERY_US:
                    tidied_us = self._clock.monotonic_us()
                    chores.tidy()
                if chores.step():
                    pause_s = _BREATH_S
                self._tell(None)
            except Exception as error:  # noqa: BLE001 - recording goes on, and this is tried again
                self._tell(error)

    def _needed(self) -> bool:
        """Whether there are sealed files, or rows that should be."""
        old_us = self._clock.now_us() - self._keeping.hot_hours * _HOUR_US
        try:
            with reading(self._hot.path) as conn:
                return conn is not None and (
                    conn.execute("SELECT 1 FROM sealed").fetchone() is not None
                    or any(self._beyond(conn, table, old_us) for table in SEALED_TABLES)
                )
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(error)
            return False

    def _beyond(self, conn: sqlite3.Connection, table: str, old_us: int) -> bool:
        sql = f"SELECT seq, began_us FROM {table} ORDER BY seq"  # noqa: S608 - constants
        first = conn.execute(f"{sql} LIMIT 1").fetchone()
        last = conn.execute(f"{sql} DESC LIMIT 1").fetchone()
        if first is None:
            return False
        return bool(last[0] - first[0] >= self._keeping.hot_rows or first[1] < old_us)

    def _tell(self, error: Exception | None) -> None:
        """Say it once when old records cannot be kept as they should, and once when they can."""
        trouble = "" if error is None else f"{type(error).__name__}: {error}"
        if trouble and trouble != self._trouble:
            log.error(
                "Old records cannot be sealed (%s). Nothing is lost: they stay where they are, and it "
                "is tried again. Free space on that disk, or look with `volano doctor`.",
                trouble,
            )
        elif self._trouble and not trouble:
            log.warning("Old records are sealed again.")
        self._trouble = trouble

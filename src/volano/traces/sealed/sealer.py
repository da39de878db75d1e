"""Sealer: moves the oldest hot rows into a sealed file, one bounded batch at a time.

Due are rows beyond the number that stays hot, and rows older than an age; the
latter wait until an hour of them is there, so that quiet times make few files.
No row goes that was not there a minute ago. Rows go in the order of recording and the newest row of a table always stays
hot, because the next row's `seq` is counted from it.

The order of steps makes it safe to be killed anywhere: (1) the file under a
temporary name, (2) fsync and rename, (3) one transaction: manifest line in,
rows out. Rows that were changed after they were read are not deleted: the
counter `touches` says so, the file is thrown away, and the batch is tried again.
"""

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.clock import Clock
from volano.traces.hot import HotStore, reading
from volano.traces.sealed import manifest
from volano.traces.sealed.columns import Column, columns_of
from volano.traces.sealed.file import GROUP_ROWS, QUICK, Batch, Writer, day_of, opened_bytes
from volano.traces.sealed.manifest import SealedFile
from volano.traces.tables import SEALED_TABLES

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
BATCH_ROWS = GROUP_ROWS // 4
BATCH_BYTES = 24 << 20
_FETCH = 256


@dataclass(frozen=True, slots=True)
class Hot:
    """How much stays hot: rows of each table, and hours; and any row for some seconds."""

    rows: int = 200_000
    hours: int = 24
    settle_s: int = 60


@dataclass(frozen=True, slots=True)
class _Taken:
    """Rows as they were read, and how often rows had been changed by then."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]
    touches: int


class Sealer:
    """Seals. `longest_s` is how long the recorder had to wait for it at worst."""

    def __init__(
        self,
        hot: HotStore,
        clock: Clock,
        keep: Hot | None = None,
        *,
        batch_rows: int = BATCH_ROWS,
        at: Callable[[str], None] = lambda _: None,
    ):
        """`at` is told each step before it is done: a test may stop there."""
        self._hot, self._clock, self._keep = hot, clock, keep or Hot()
        self._batch_rows, self._at = batch_rows, at
        self._folder = manifest.folder_of(hot.path)
        self._seen: dict[str, deque[tuple[int, int]]] = {t: deque() for t in SEALED_TABLES}
        self.longest_s = 0.0

    def step(self) -> int:
        """Seal one batch of each table where something is due; return the number of rows.

        Raises:
            sqlite3.Error, OSError: it could not be written; nothing was lost, call again.
        """
        return sum(self._seal(table, self._due(table)) for table in SEALED_TABLES)

    def seal_all(self, *, keep: int = 1) -> int:
        """Seal everything but the newest rows now; return the number of rows."""
        total = 0
        for table in SEALED_TABLES:
            while rows := self._seal(table, self._beyond(table, keep)):
                total += rows
        return total

    def _beyond(self, table: str, keep: int) -> "_Due":
        newest = self._newest(table)
        return _Due(newest - max(1, keep), None)

    def _due(self, table: str) -> "_Due":
        """Return the last `seq` that may go, and the moment that others must be older than."""
        now_us, newest = self._clock.now_us(), self._newest(table)
        settled = self._settled(table, newest)
        by_rows = min(settled, newest - max(1, self._keep.rows))
        oldest = self._oldest(table)
        if oldest is None:
            return _Due(0, None)
        first, began_us = oldest
        if by_rows - first >= self._batch_rows // 4:
            return _Due(by_rows, None)
        age_us = self._keep.hours * HOUR_US
        if began_us < now_us - age_us - HOUR_US:
            return _Due(min(settled, newest - 1), now_us - age_us)
        return _Due(0, None)

    def _settled(self, table: str, newest: int) -> int:
        """Return the last `seq` that was there a while ago: a repeat of younger rows may yet come.

        Senders that got no answer send again, and only the hot table knows a row by its id.
        """
        seen, now_us = self._seen[table], self._clock.monotonic_us()
        if not seen or now_us - seen[-1][0] >= self._keep.settle_s * 100_000:
            seen.append((now_us, newest))
        settled = 0
        while seen and seen[0][0] <= now_us - self._keep.settle_s * 1_000_000:
            settled = seen[0][1]
            if len(seen) == 1 or seen[1][0] > now_us - self._keep.settle_s * 1_000_000:
                break
            seen.popleft()
        return settled

    def _newest(self, table: str) -> int:
        with reading(self._hot.path) as conn:
            found = conn and conn.execute(f"SELECT max(seq) FROM {table}").fetchone()[0]  # noqa: S608
        return found or 0

    def _oldest(self, table: str) -> tuple[int, int] | None:
        """Return the first `seq`, and when most of the oldest rows had begun."""
        sql = f"SELECT seq, began_us FROM {table} ORDER BY seq LIMIT 9"  # noqa: S608
        with reading(self._hot.path) as conn:
            rows = conn.execute(sql).fetchall() if conn else []
        if len(rows) < 2:  # the newest row stays
            return None
        began = sorted(us for _, us in rows)
        return rows[0][0], began[len(began) // 2]

    def _seal(self, table: str, due: "_Due") -> int:
        taken = self._take(table, due)
        if not taken.rows:
            return 0
        file, bits = self._write(table, taken)
        self._at("commit")
        if self._commit(file, bits, taken.touches):
            self._at("committed")
            return file.rows
        (self._folder / file.path).unlink(missing_ok=True)
        return 0

    def _take(self, table: str, due: "_Due") -> _Taken:
        with reading(self._hot.path) as conn:
            if conn is None or due.last < 1:
                return _Taken((), [], 0)
            conn.execute("BEGIN")
            touches = _touches(conn, table)
            columns = columns_of(conn, table)
            names = ", ".join(column.quoted for column in columns)
            cursor = conn.execute(
                f"SELECT {names} FROM {table} WHERE seq <= ? ORDER BY seq LIMIT ?",  # noqa: S608
                (due.last, self._batch_rows),
            )
            rows = _bounded(cursor, columns)
        if due.before_us is not None:
            began = [column.name for column in columns].index("began_us")
            while rows and rows[-1][began] >= due.before_us:
                rows.pop()
        return _Taken(columns, rows, touches)

    def _write(self, table: str, taken: _Taken) -> tuple[SealedFile, bytes]:
        batch = Batch(taken.columns, taken.rows)
        began = sorted(batch.record.column("began_us").to_pylist())
        writer = Writer(self._folder, table, batch.record.schema, batch.squeezed, level=QUICK)
        try:
            self._at("write")
            writer.write(batch.record)
            self._at("rename")
            day = day_of(began[len(began) // 2])
            return writer.finish(day=day, now_us=self._clock.now_us())
        finally:
            writer.drop()

    def _commit(self, file: SealedFile, bits: bytes, touches: int) -> bool:
        """Name the file and delete its rows, if they are what was read."""
        rows = f"FROM {file.table} WHERE seq BETWEEN ? AND ?"
        bounds = (file.min_seq, file.max_seq)
        began_s = time.monotonic()
        try:
            with self._hot.transaction() as conn:
                waited_s = time.monotonic() - began_s
                if _touches(conn, file.table) != touches:
                    return False
                deleted = conn.execute(f"DELETE {rows}", bounds).rowcount
                if deleted != file.rows:
                    raise _ChangedError
                manifest.add(conn, file, bits)
                self._at("in the transaction")
        except _ChangedError:
            return False
        self.longest_s = max(self.longest_s, time.monotonic() - began_s - waited_s)
        return True


@dataclass(frozen=True, slots=True)
class _Due:
    last: int
    before_us: int | None


class _ChangedError(Exception):
    """Rows went while they were being sealed: the transaction is rolled back."""


def _touches(conn: sqlite3.Connection, table: str) -> int:
    sql = 'SELECT count FROM touches WHERE "table" = ?'
    return int(conn.execute(sql, (table,)).fetchone()[0])


def _bounded(cursor: sqlite3.Cursor, columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    """Read rows until they are enough for one batch's memory."""
    blobs = [n for n, column in enumerate(columns) if column.kind == "BLOB"]
    texts = [n for n, column in enumerate(columns) if column.kind == "TEXT"]
    rows: list[tuple[Any, ...]] = []
    size = 0
    while size < BATCH_BYTES and (part := cursor.fetchmany(_FETCH)):
        for row in part:
            size += sum(max(len(row[n] or b""), opened_bytes(row[n])) for n in blobs)
            size += sum(len(row[n] or "") for n in texts)
            rows.append(row)
            if size >= BATCH_BYTES:
                break
    return rows


def sweep(hot: HotStore, now_us: int, *, after_us: int) -> int:
    """Unlink what no line names: files of a seal that was killed, and those taken out a while ago.

    Only while nothing is being sealed. Returns how many went.
    """
    folder = manifest.folder_of(hot.path)
    with reading(hot.path) as conn:
        if conn is None:
            return 0
        named = {file.path for file in manifest.load(conn)}
        named |= {*manifest.gone(conn, now_us + 1)}
        ended = manifest.gone(conn, now_us - after_us)
    strays = [path for path in _files(folder) if str(path.relative_to(folder)) not in named]
    for path in (*strays, *(folder / name for name in ended)):
        path.unlink(missing_ok=True)
    if ended:
        with hot.transaction() as conn:
            conn.executemany("DELETE FROM sealed_gone WHERE path = ?", [(name,) for name in ended])
    for day in folder.glob("*-*-*"):
        if day.is_dir() and not any(day.iterdir()):
            day.rmdir()
    if strays:
        log.info("%d files of a sealing that was broken off were swept away.", len(strays))
    return len(strays) + len(ended)


def _files(folder: Path) -> list[Path]:
    return [path for pattern in ("*.new", "*/*.parquet") for path in folder.glob(pattern)]

"""Rewriting: sealed files become one new file, row group by row group, in bounded memory.

Three things are done on the way, whoever asked for the rewriting: newer prices are
folded in, rows that retention has done with are left out, and bodies that may be
kept no longer are emptied. The old files' lines and the new one's change places in
one transaction.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from volano.core.clock import Clock
from volano.traces.hot import HotStore, reading
from volano.traces.sealed import manifest
from volano.traces.sealed.columns import BODIES, columns_of
from volano.traces.sealed.engine import Engine, arrow
from volano.traces.sealed.file import Writer
from volano.traces.sealed.manifest import SealedFile

_BATCH_ROWS = 2_048
_PRICED = ("cost_nano", "cost_currency", "priced_by")


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a file goes: SQL conditions on its rows, in the engine's words."""

    rows: str = "FALSE"
    bodies: str = "FALSE"


NOTHING = Selection()


class Rewriting:
    """Writes files anew. Only the recorder's process does so, one at a time."""

    def __init__(
        self,
        hot: HotStore,
        clock: Clock,
        engine: Engine,
        at: Callable[[str], None] = lambda _: None,
    ):
        self._hot, self._clock, self._engine, self._at = hot, clock, engine, at
        self._folder = manifest.folder_of(hot.path)

    def __call__(
        self,
        files: Sequence[SealedFile],
        gone: Selection = NOTHING,
        *,
        still: Callable[[], bool] = lambda: True,
        also: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> SealedFile | None:
        """Make one file of these (of one table, one shape, neighbours); None: nothing was left.

        `still` is asked at the end whether it is wanted yet; `also` writes in the transaction
        in which the files change places.

        Raises:
            OSError, sqlite3.Error, Failed: it could not be done; all is as it was.
            NotWantedError: `still` said no; all is as it was.
        """
        first = files[0]
        prices = self._prices(files)
        shape = self._shape(first)
        writer = Writer(self._folder, first.table, shape, _names(first.squeezed))
        made: tuple[SealedFile, bytes] | None = None
        try:
            for file in files:
                for batch in self._batches(file, gone, prices):
                    writer.write(batch)
            self._at("rename")
            if writer.rows:
                made = writer.finish(day=first.day, now_us=self._clock.now_us())
            self._at("commit")
            if not still():
                raise NotWantedError
            self._exchange(files, made, also)
        except BaseException:
            if made is not None and not self._named(made[0]):
                (self._folder / made[0].path).unlink(missing_ok=True)
            raise
        finally:
            writer.drop()
        return made[0] if made else None

    def _exchange(
        self,
        files: Sequence[SealedFile],
        made: tuple[SealedFile, bytes] | None,
        also: Callable[[sqlite3.Connection], None],
    ) -> None:
        with self._hot.transaction() as conn:
            manifest.drop(conn, files, self._clock.now_us())
            if made is not None:
                manifest.add(conn, *made)
            if files[0].table == "calls":
                bounds = [(file.min_seq, file.max_seq) for file in files]
                conn.executemany("DELETE FROM repriced WHERE seq BETWEEN ? AND ?", bounds)
            also(conn)
            self._at("in the transaction")

    def _named(self, file: SealedFile) -> bool:
        with reading(self._hot.path) as conn:
            return conn is not None and any(one.path == file.path for one in manifest.load(conn))

    def _prices(self, files: Sequence[SealedFile]) -> pa.Table | None:
        if files[0].table != "calls":
            return None
        sql = "SELECT * FROM repriced WHERE seq BETWEEN ? AND ?"
        with reading(self._hot.path) as conn:
            if conn is None:
                return None
            rows = conn.execute(sql, (files[0].min_seq, files[-1].max_seq)).fetchall()
            return arrow(columns_of(conn, "repriced"), rows) if rows else None

    def _shape(self, file: SealedFile) -> pa.Schema:
        return pq.read_schema(self._folder / file.path).remove_metadata()

    def _batches(
        self, file: SealedFile, gone: Selection, prices: pa.Table | None
    ) -> Iterator[pa.RecordBatch]:
        """Read a file's rows as they shall be from now on."""
        schema = self._shape(file)
        names = []
        for name in schema.names:
            value = f'p."{name}"'
            if prices is not None and name in _PRICED:
                value = f"CASE WHEN n.seq IS NULL THEN {value} ELSE n.{name} END"
            if name in BODIES and gone.bodies != "FALSE":
                value = f"CASE WHEN {gone.bodies} THEN NULL ELSE {value} END"
            names.append(f'{value} AS "{name}"')
        join = "" if prices is None else " LEFT JOIN newer_prices n ON n.seq = p.seq"
        sql = (
            f"SELECT {', '.join(names)} FROM batch p{join} "  # noqa: S608 - our own conditions
            f"WHERE NOT ({gone.rows}) ORDER BY p.seq"
        )
        with pq.ParquetFile(self._folder / file.path, page_checksum_verification=True) as source:
            for batch in source.iter_batches(batch_size=_BATCH_ROWS):
                yield from self._engine.batches(sql, batch, prices, schema)


class NotWantedError(Exception):
    """What was to be done is not wanted any more: a hold came in between."""


def _names(listed: str) -> list[str]:
    return listed.split(",") if listed else []

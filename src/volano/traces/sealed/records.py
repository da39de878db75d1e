"""Records: rows of a table, hot and sealed as one. The one place where a WHERE is asked of both.

    records.select("calls", ("id", "began_us"), "channel = ? AND outcome = ?", ["faq", "error"])
    records.aggregate("calls", "count(*), sum(cost_nano)", by=("key_id",), within=Within(since_us=t))

A WHERE (and what is asked of its rows) is SQL over the columns of the table that SQLite and DuckDB
both take, with `?` for values:

- columns by name, `"group"` in double quotes; texts in single quotes; compare with = <> < > <= >=,
  IN, BETWEEN, IS NULL, AND, OR, NOT, CASE. Texts compare by code points. No LIKE (SQLite folds
  ASCII's case, DuckDB does not): `has(column, ?)` is true where the column contains the needle
  whatever the case, in any language; give the needle casefolded.
- count, sum, min, max, avg, total by `FILTER (WHERE …)`; `quantile_disc(column, 0.95)` is the
  nearest rank; `/` of whole numbers is a whole number; NULL sorts first; sums of conditions count.
- a tag: `(tags ->> '$."team"') = 'red'`; the brackets are needed (DuckDB binds `->>` loosely).
- a flag is a whole number: `streamed <> 0`.
- BLOBs can be selected (they come as they lie in the hot table: zstd frames), and asked about by
  the reader's own functions only (`Function`).

Bounds of time, `seq` and trace id belong into `within`: they spare the opening of files. Hot and
sealed rows are of one moment: one SQLite snapshot has the manifest and the hot rows. A file that
turns out missing or damaged is left out and said once in the log; the rest is answered.
"""

import logging
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from volano.traces.errors import BadQuestionError
from volano.traces.hot import reading
from volano.traces.sealed import manifest
from volano.traces.sealed.columns import Column, columns_of
from volano.traces.sealed.function import Function
from volano.traces.sealed.ids import mark, may_have
from volano.traces.sealed.manifest import SealedFile
from volano.traces.sealed.quantile import NearestRank
from volano.traces.sealed.within import EVERYTHING, Within

if TYPE_CHECKING:
    from volano.traces.sealed.engine import Engine
    from volano.traces.sealed.hot_columns import HotColumns

log = logging.getLogger(__name__)

Row = tuple[Any, ...]
T = TypeVar("T")
NEWEST, OLDEST = "seq DESC", "seq"
_PRICES = frozenset({"cost_nano", "cost_currency", "priced_by"})
_WORD = re.compile(r"\w+")
_TRIES = 4


class Records:
    """Reads. A file of hot records that is not there yet holds nothing."""

    def __init__(self, hot_path: Path, functions: Sequence[Function] = ()):
        """`functions` may be used in a WHERE, besides what both databases have."""
        self._path = hot_path
        self._functions = functions
        self._bad: dict[str, str] = {}
        self._engine_of_mine: Engine | None = None
        self._columns_of_mine: HotColumns | None = None
        self._lock = threading.Lock()

    def select(
        self,
        table: str,
        columns: Sequence[str],
        where: str = "TRUE",
        params: Sequence[Any] = (),
        *,
        order: str = NEWEST,
        limit: int | None = None,
        within: Within = EVERYTHING,
    ) -> list[Row]:
        """Return columns of rows. By `seq`, which is the order of recording, is the quick order.

        Raises:
            BadQuestionError: the WHERE or the order is no SQL over these columns.
        """

        def ask(snap: "_Snapshot") -> list[Row]:
            wanted = snap.named(columns)
            if order in (NEWEST, OLDEST):
                return self._in_turn(snap, wanted, where, params, newest=order == NEWEST,
                                     limit=limit, within=within)  # fmt: skip
            return self._sorted(snap, wanted, where, params, order, limit, within)

        return self._asking(table, ask) or []

    def aggregate(
        self,
        table: str,
        values: str,
        where: str = "TRUE",
        params: Sequence[Any] = (),
        *,
        by: Sequence[str] = (),
        order: str = "",
        limit: int | None = None,
        within: Within = EVERYTHING,
    ) -> list[Row]:
        """Return one row for each group of rows: the expressions of `by`, then `values`.

        Raises:
            BadQuestionError: something in it is no SQL over these columns.
        """
        tail = f" GROUP BY {', '.join(map(str, range(1, len(by) + 1)))}" if by else ""
        tail += f" ORDER BY {order}" if order else ""
        tail += f" LIMIT {limit:d}" if limit is not None else ""
        what = f"SELECT {', '.join([*by, values])}"

        def ask(snap: "_Snapshot") -> list[Row]:
            clause, given = within.clause(where, params)
            files = snap.files(within)
            if not files:
                return snap.rows(f"{what} FROM {table} WHERE {clause}{tail}", given)
            needed = snap.mentioned(f"{what} {tail}")
            whole = f"{what} FROM ({{}}) AS {table}{tail}"
            return self._both(snap, files, needed, whole, clause, given)

        return self._asking(table, ask) or []

    def bounds(self, table: str) -> tuple[int, int]:
        """Return the first and the last `seq` there is; (0, 0) where there is nothing."""

        def ask(snap: "_Snapshot") -> tuple[int, int]:
            low, high = snap.rows(f"SELECT min(seq), max(seq) FROM {table}", [])[0]  # noqa: S608
            ends = [(file.min_seq, file.max_seq) for file in snap.files(EVERYTHING)]
            ends += [] if low is None else [(low, high)]
            return (min(ends)[0], max(high for _, high in ends)) if ends else (0, 0)

        return self._asking(table, ask) or (0, 0)

    def is_sealed(self, table: str, within: Within = EVERYTHING) -> bool:
        """Whether there are sealed files that may have rows within these bounds."""
        return bool(self._asking(table, lambda snap: bool(snap.files(within))))

    def deleted(self) -> int:
        """Return a number that grows whenever retention deletes something."""

        def ask(snap: "_Snapshot") -> int:
            return int(snap.rows("SELECT coalesce(max(seq), 0) FROM deletions", [])[0][0])

        return self._asking("calls", ask) or 0

    def columns(self, table: str) -> tuple[Column, ...]:
        """Return the columns of a table, `seq` first; none, where nothing was recorded yet."""
        with reading(self._path) as conn:
            return () if conn is None else columns_of(conn, table)

    def close(self) -> None:
        """Let go of the engine, if one was needed."""
        if self._engine_of_mine is not None:
            self._engine_of_mine.close()
            self._engine_of_mine = None

    # the two ways to select

    def _in_turn(
        self, snap: "_Snapshot", columns: Sequence[Column], where: str, params: Sequence[Any],
        *, newest: bool, limit: int | None, within: Within,
    ) -> list[Row]:  # fmt: skip
        """Take hot rows and files one after another, as `seq` has them, until it is enough."""
        files = snap.files(within)
        found: list[Row] = []
        if newest:
            files.reverse()
            found = snap.hot(columns, where, params, within, "seq DESC", limit)
        size = 1
        while files and (limit is None or len(found) < limit):
            part, files = files[:size], files[size:]
            left = None if limit is None else limit - len(found)
            found += self._from_files(snap, part, columns, where, params, newest, left, within)
            size *= 2
        if not newest and (limit is None or len(found) < limit):
            left = None if limit is None else limit - len(found)
            found += snap.hot(columns, where, params, within, "seq", left)
        return found

    def _from_files(
        self, snap: "_Snapshot", files: list[SealedFile], columns: Sequence[Column],
        where: str, params: Sequence[Any], newest: bool, limit: int | None, within: Within,
    ) -> list[Row]:  # fmt: skip
        """Find which rows first, then read their columns: the texts of other rows stay unread."""
        clause, given = within.clause(where, params)
        way = "DESC" if newest else "ASC"
        some = "" if limit is None else f" LIMIT {limit:d}"
        source = self._source(snap, files, snap.named(("seq",)), clause)
        seqs = [row[0] for row in self._put(snap, f"{source} ORDER BY 1 {way}{some}", given, files)]
        if not seqs:
            return []
        few = f"seq BETWEEN {min(seqs):d} AND {max(seqs):d}"
        if limit is not None and len(seqs) == limit:
            few += f" AND seq IN ({', '.join(map(str, seqs))})"
            clause, given = few, []
        else:
            clause = f"{few} AND {clause}"
        with_seq = (*snap.named(("seq",)), *columns)
        source = self._source(snap, files, with_seq, clause)
        rows = self._put(snap, source, given, files)
        rows.sort(key=lambda row: row[0], reverse=newest)
        return [_as_hot(columns, row[1:]) for row in rows]

    def _sorted(
        self, snap: "_Snapshot", columns: Sequence[Column], where: str, params: Sequence[Any],
        order: str, limit: int | None, within: Within,
    ) -> list[Row]:  # fmt: skip
        """Sort hot and sealed rows together, by whatever."""
        files = snap.files(within)
        if not files:
            return snap.hot(columns, where, params, within, order, limit)
        keys = snap.mentioned(f"seq {order}")
        clause, given = within.clause(where, params)
        some = "" if limit is None else f" LIMIT {limit:d}"
        whole = f"SELECT seq FROM ({{}}) ORDER BY {order}{some}"  # noqa: S608
        seqs = [row[0] for row in self._both(snap, files, keys, whole, clause, given)]
        rows: dict[int, Row] = {}
        for start in range(0, len(seqs), 10_000):
            part = seqs[start : start + 10_000]
            bounds = Within(after=min(part) - 1, before=max(part) + 1)
            chosen = f"seq IN ({', '.join(map(str, part))})"
            wanted = (*snap.named(("seq",)), *columns)
            found = self._in_turn(snap, wanted, chosen, (), newest=True, limit=None, within=bounds)
            rows |= {row[0]: row[1:] for row in found}
        return [rows[seq] for seq in seqs if seq in rows]

    # asking

    def _both(
        self, snap: "_Snapshot", files: Sequence[SealedFile], columns: Sequence[Column],
        whole: str, clause: str, params: Sequence[Any],
    ) -> list[Row]:  # fmt: skip
        """Ask `whole` of columns of sealed and hot rows together, put in for its `{}`."""
        from volano.traces.sealed.engine import arrow

        names = ", ".join(column.quoted for column in columns)
        sealed = self._source(snap, files, columns, clause)
        inner = snap.mentioned(f"{clause} {names}")
        hot = self._hot_columns().rows(snap.conn, snap.table, inner)
        if hot is not None:
            params = [*params, *params]
            beside = f"SELECT {names} FROM hot_rows WHERE {clause}"  # noqa: S608
        else:
            beside = f"SELECT {names} FROM hot_rows"  # noqa: S608
            hot = arrow(columns, snap.hot(columns, clause, params, EVERYTHING))
        sql = whole.replace("{}", f"{sealed} UNION ALL {beside}", 1)
        return self._put(snap, sql, params, files, hot=hot)

    def _source(
        self, snap: "_Snapshot", files: Sequence[SealedFile], columns: Sequence[Column], clause: str
    ) -> str:
        """Return a SELECT of columns of these files' rows."""
        names = ", ".join(column.quoted for column in columns)
        inner = snap.mentioned(f"{clause} {names}")
        repriced = snap.repriced and any(column.name in _PRICES for column in inner)
        source = self._engine().source(files, inner, repriced=repriced)
        return f"SELECT {names} FROM ({source}) WHERE {clause}"  # noqa: S608

    def _put(
        self, snap: "_Snapshot", sql: str, params: Sequence[Any], files: Sequence[SealedFile],
        *, hot: Any = None,
    ) -> list[Row]:  # fmt: skip
        from volano.traces.sealed.engine import Failed, arrow

        prices = None
        if snap.repriced:
            prices = arrow(snap.columns_of("repriced"), snap.rows("SELECT * FROM repriced", []))
        try:
            return self._engine().ask(sql, params, hot=hot, prices=prices)
        except Failed as error:
            raise _FileTrouble(files, error) from error

    def _asking(self, table: str, ask: "Callable[[_Snapshot], T]") -> T | None:
        """Ask on one snapshot; again, when a file went meanwhile, or was found damaged."""
        for _ in range(_TRIES):
            with self._snapshot(table) as snap:
                if snap is None:
                    return None
                try:
                    return ask(snap)
                except _FileTrouble as trouble:
                    if not self._blame(trouble.files):
                        raise BadQuestionError(why=_first_line(trouble.error)) from trouble.error
                except sqlite3.OperationalError as error:
                    if _is_sql(error):
                        raise BadQuestionError(why=error) from error
                    raise
        raise BadQuestionError(why="files were written anew all the time; ask again")

    def _blame(self, files: Sequence[SealedFile]) -> bool:
        """Find files that are not what the manifest says, and leave them out from now on."""
        from volano.traces.sealed.health import trouble_with

        folder = manifest.folder_of(self._path)
        found = {file.path: why for file in files if (why := trouble_with(folder, file))}
        with reading(self._path) as conn:
            named = set() if conn is None else {file.path for file in manifest.load(conn)}
        for path, why in found.items():
            if path in named and path not in self._bad:
                self._bad[path] = why
                log.error(
                    "The sealed file %s is left out of all answers: %s. "
                    "Look with `volano doctor`, and restore it from a backup.",
                    folder / path,
                    why,
                )
        return bool(found)

    def _engine(self) -> "Engine":
        from volano.traces.sealed.engine import Engine

        with self._lock:
            if self._engine_of_mine is None:
                self._engine_of_mine = Engine(manifest.folder_of(self._path), self._functions)
            return self._engine_of_mine

    def _hot_columns(self) -> "HotColumns":
        from volano.traces.sealed.hot_columns import HotColumns

        with self._lock:
            if self._columns_of_mine is None:
                self._columns_of_mine = HotColumns()
            return self._columns_of_mine

    @contextmanager
    def _snapshot(self, table: str) -> "Iterator[_Snapshot | None]":
        with reading(self._path) as conn:
            if conn is None:
                yield None
                return
            conn.create_function("has", 2, _has, deterministic=True)
            for own in self._functions:
                conn.create_function(own.name, len(own.takes), own.call, deterministic=True)
            conn.create_aggregate("quantile_disc", 2, NearestRank)  # type: ignore[arg-type]
            conn.execute("BEGIN")
            yield _Snapshot(conn, table, self._bad)


class _Snapshot:
    """Manifest and hot rows of one moment."""

    def __init__(self, conn: sqlite3.Connection, table: str, bad: "dict[str, str]"):
        self.conn, self.table = conn, table
        self._columns = columns_of(conn, table)
        files = manifest.load(conn, table)
        self._files = [file for file in files if not file.why and file.path not in bad]
        some = table == "calls" and bool(self._files)
        self.repriced = some and conn.execute("SELECT 1 FROM repriced").fetchone() is not None

    def rows(self, sql: str, params: Sequence[Any]) -> list[Row]:
        """Ask SQLite."""
        return self.conn.execute(sql, list(params)).fetchall()

    def hot(
        self, columns: Sequence[Column], where: str, params: Sequence[Any], within: Within,
        order: str = "", limit: int | None = None,
    ) -> list[Row]:  # fmt: skip
        """Return hot rows."""
        clause, given = within.clause(where, params)
        tail = f" ORDER BY {order}" if order else ""
        tail += f" LIMIT {limit:d}" if limit is not None else ""
        names = ", ".join(column.quoted for column in columns)
        return self.rows(f"SELECT {names} FROM {self.table} WHERE {clause}{tail}", given)  # noqa: S608

    def files(self, within: Within) -> list[SealedFile]:
        """Return the files that may have rows within these bounds, in the order of recording."""
        files = [file for file in self._files if within.touches(file)]
        if within.ids is None or not files:
            return files
        marks = [mark(one) for one in within.ids]
        paths = ", ".join("?" * len(files))
        bits = self.conn.execute(
            f"SELECT path, bits FROM sealed_ids WHERE path IN ({paths})",  # noqa: S608
            [file.path for file in files],
        )
        hits = {path for path, its in bits if any(may_have(its, one) for one in marks)}
        return [file for file in files if file.path in hits]

    def named(self, names: Sequence[str]) -> tuple[Column, ...]:
        """Return columns by their names.

        Raises:
            BadQuestionError: there is no such column.
        """
        known = {column.name: column for column in self._columns}
        for name in names:
            if name not in known:
                raise BadQuestionError(why=f"{self.table} has no column {name}")
        return tuple(known[name] for name in names)

    def mentioned(self, sql: str) -> tuple[Column, ...]:
        """Return the columns whose names stand in a piece of SQL; at least `seq`."""
        words = {word.lower() for word in _WORD.findall(sql)} | {"seq"}
        return tuple(column for column in self._columns if column.name in words)

    def columns_of(self, table: str) -> tuple[Column, ...]:
        """Return the columns of another table."""
        return columns_of(self.conn, table)


class _FileTrouble(Exception):
    """The engine could not read these files, or could not understand the question."""

    def __init__(self, files: Sequence[SealedFile], error: Exception):
        super().__init__(str(error))
        self.files, self.error = files, error


def _as_hot(columns: Sequence[Column], row: Row) -> Row:
    if not any(column.kind == "BLOB" for column in columns):
        return row
    from volano.traces.sealed.engine import plain

    pairs = zip(columns, row, strict=True)
    return tuple(plain(value) if column.kind == "BLOB" else value for column, value in pairs)


def _has(text: str | None, needle: str) -> bool:
    return text is not None and needle in text.casefold()


def _is_sql(error: sqlite3.OperationalError) -> bool:
    return (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_ERROR


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

"""SQL: a table or a query of any database that SQLAlchemy reaches, streamed, read only.

    {sql: "postgresql+psycopg://reader:${PGPASSWORD}@db/shop", table: tickets, cursor: updated_at}
    {sql: "sqlite:///tickets.db", query: "SELECT id, body FROM tickets WHERE open = 1"}

With a `cursor` column the next run reads on from the last value: rows with that
value are read again and those that were given before are left out, so that rows
that share it are neither lost nor doubled. A transaction that commits late with
an earlier value than one already read is missed: that is the cursor's limit.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)

from volano.data.errors import (
    MissingExtraError,
    RefusedQueryError,
    SourceAwayError,
    TooManyTiesError,
)
from volano.data.sources import reasons
from volano.data.sources.address import asked, place
from volano.data.sources.cursor import Value, dump, load
from volano.data.sources.limits import Limits, limits_of
from volano.data.sources.pieces import Columns, columns_of, finished
from volano.data.sources.secret import VARIABLE, filled
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside, with_origin
from volano.data.sources.spec import bad, check_keys, number, text
from volano.data.step import Record

_TIES = 100_000
_BATCH = 500
_READ_ONLY, _WRONG = "25006", ("22", "42")
"""A write in a transaction that only reads, and the classes of values and of words: SQLSTATE."""
_OF_MYSQL = (1054, 1064, 1146, 1792)
"""The same by MySQL's numbers: no such column, syntax, no such table, a write."""


@dataclass(slots=True)
class Sql:
    """Rows of a table or a query. The state holds the last cursor and the rows that share it."""

    url: sqlalchemy.URL
    select: str
    name: str
    """The table, or a digest of the query: what an origin says."""
    columns: Columns
    limits: Limits
    params: Mapping[str, Any]
    cursor: str | None = None
    batch: int = _BATCH
    since: Mapping[str, Any] | None = None
    _last: Value = field(default=None, init=False)
    _ties: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._last, self._ties = self._before()

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows in the order of the cursor, else as the database gives them.

        Raises:
            SourceAwayError: the database does not answer.
            RefusedQueryError: it does not know the table, or cannot read the query.
            TooManyTiesError: too many rows share one value of the cursor.
        """
        return finished(self._rows(reject), self.columns, self.limits.depth, reject)

    def fingerprint(self) -> str:
        """Return a digest of the count of rows and the newest cursor; of all rows without one."""
        told = hashlib.sha256(f"{self._place}\0{self.select}\0{self.cursor}".encode())
        with self._connected() as conn:
            if self.cursor:
                found = conn.execute(
                    self._query(f"count(*), max({self._quoted(conn)})"), self.params
                )
                told.update(repr([dump(value) for value in found.one()]).encode())
            else:
                rows = conn.execute(self._query("*"), self.params)
                sums = [0, 0]  # a sum, because the order of rows is the database's
                for row in rows:
                    sums[0] += int(_digest(tuple(row)), 16)
                    sums[1] += 1
                told.update(repr(sums).encode())
        return told.hexdigest()

    def state(self) -> Mapping[str, Any]:
        """Return the last cursor, and digests of the rows that have it."""
        if not self.cursor or self._last is None:
            return {}
        return {"cursor": dump(self._last), "ties": sorted(self._ties)}

    def _before(self) -> tuple[Value, set[str]]:
        since = self.since or {}
        return load(since.get("cursor")), set(since.get("ties", ()))

    def _rows(self, reject: Reject) -> Iterator[Record]:
        self._last, self._ties = self._before()
        last, ties = self._last, frozenset(self._ties)
        with self._connected() as conn:
            params, rest = dict(self.params), ""
            if self.cursor:
                column = self._quoted(conn)
                if last is not None:
                    rest = f" WHERE {column} >= :volano_last"
                    params["volano_last"] = last
                rest += f" ORDER BY {column}"
            found = conn.execute(self._query("*", rest), params)
            names = list(found.keys())
            self._check(names)
            for count, values in enumerate(found, 1):
                row = dict(zip(names, values, strict=True))
                origin = {"source": self._place, "table": self.name, "row": count}
                if self.cursor and row[self.cursor] is None:
                    set_aside(reject, origin, reasons.NO_CURSOR, f"`{self.cursor}` is null")
                    continue
                if self.cursor:
                    origin["cursor"] = str(row[self.cursor])
                    content = _digest(tuple(values))
                    if last is not None and row[self.cursor] == last and content in ties:
                        continue
                if (size := _size(values)) > self.limits.line:
                    set_aside(reject, origin, reasons.TOO_LARGE, f"about {size} bytes")
                else:
                    yield with_origin(row, origin)
                if self.cursor:
                    self._note(row[self.cursor], content)

    def _note(self, value: Value, content: str) -> None:
        """Remember a row that was given, while its cursor is the last."""
        if value != self._last:
            self._last = value
            self._ties.clear()
        self._ties.add(content)
        if len(self._ties) > _TIES:
            raise TooManyTiesError(
                limit=_TIES, source=self._place, cursor=self.cursor, value=str(value)[:60]
            )

    def _check(self, names: list[str]) -> None:
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise bad(f"the query names `{twice}` twice; give each column a name of its own")
        if self.cursor and self.cursor not in names:
            raise bad(f"there is no column `{self.cursor}` to be the cursor", names)

    @property
    def _place(self) -> str:
        """Where the database is, without who asks and how."""
        return place(self.url)

    def _quoted(self, conn: sqlalchemy.Connection) -> str:
        return conn.dialect.identifier_preparer.quote_identifier(self.cursor or "")

    def _query(self, what: str, rest: str = "") -> sqlalchemy.TextClause:
        """Return the statement. Its parts are the recipe's own, and names that were quoted."""
        return sqlalchemy.text(f"SELECT {what} FROM {self.select}{rest}")  # noqa: S608

    @contextmanager
    def _connected(self) -> Iterator[sqlalchemy.Connection]:
        """Give a connection that can only read, in one transaction that is rolled back."""
        options: dict[str, Any] = {"stream_results": True, "yield_per": self.batch}
        backend = self.url.get_backend_name()
        if backend == "postgresql":
            options |= {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        if backend == "sqlite" and not Path(self.url.database or "").is_file():
            raise SourceAwayError(
                source=self._place, reason="there is no such file",
                hint="Check the path; a relative one counts from the folder of the recipe.",
            )  # fmt: skip
        try:
            engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                what=f"a {backend} database", package=error.name, extra="scale"
            ) from None
        except (NoSuchModuleError, ArgumentError) as error:
            raise bad(f"no driver is known for `{self.url.drivername}`") from error
        try:
            with engine.connect().execution_options(**options) as conn:
                if backend == "sqlite":
                    conn.exec_driver_sql("PRAGMA query_only = ON")
                elif backend in ("mysql", "mariadb"):
                    conn.exec_driver_sql("SET TRANSACTION READ ONLY")
                yield conn
                conn.rollback()
        except DBAPIError as error:
            kind = RefusedQueryError if _refused(error) else SourceAwayError
            raise kind(source=self._place, reason=_reason(error)) from None
        except SQLAlchemyError as error:
            raise SourceAwayError(source=self._place, reason=type(error).__name__) from None
        finally:
            engine.dispose()


@SOURCES.register("sql")
def by_sql(spec: Mapping[str, Any], around: Around) -> Source:
    """Open a table or a query."""
    known = ("sql", "table", "query", "params", "cursor", "batch", "columns", "limits")
    check_keys(spec, known, "a source of SQL")
    if ("table" in spec) == ("query" in spec):
        raise bad("it takes a `table` or a `query`")
    url = _url(text(spec["sql"], "sql"), around.root)
    if "table" in spec:
        name = text(spec["table"], "table")
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)?", name):
            raise bad("a `table` is a plain name, perhaps with its schema; else give a `query`")
        select = ".".join(f'"{part}"' for part in name.split("."))
        if url.get_backend_name() in ("mysql", "mariadb"):
            select = select.replace('"', "`")
    else:
        query = text(spec["query"], "query").strip().rstrip(";")
        name = asked(spec)
        select = f"({query}) AS volano_rows"
    params = spec.get("params", {})
    if not isinstance(params, Mapping):
        raise bad("`params` is a mapping")
    cursor = text(spec["cursor"], "cursor") if "cursor" in spec else None
    return Sql(
        url, select, name, columns_of(spec.get("columns", {})),
        limits_of(spec.get("limits", {})), params, cursor,
        number(spec.get("batch", _BATCH), "batch"), around.since,
    )  # fmt: skip


def _url(given: str, root: Path) -> sqlalchemy.URL:
    """Return the address with `${NAME}` filled from the environment; a file counts from the folder."""
    whole = VARIABLE.fullmatch(given.strip())
    try:
        url = sqlalchemy.make_url(filled(given) if whole else given)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        for part in ("username", "password", "host", "database"):
            if not whole and isinstance(value := getattr(url, part), str):
                url = url.set(**{part: filled(value)})  # type: ignore[arg-type]
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise bad("`sql` is an address such as postgresql+psycopg://user@host/database") from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(what="that database", package=error.name, extra="scale") from None
    if backend == "sqlite":
        return url.set(database=str(root / (url.database or "")))
    return url


def _digest(values: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(values).encode(errors="replace")).hexdigest()[:16]


def _size(values: Any) -> int:
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in values)


def _refused(error: DBAPIError) -> bool:
    """Whether the same would be refused again: by code, as drivers class the same errors apart."""
    if error.connection_invalidated:
        return False
    told, state = str(error.orig), str(getattr(error.orig, "sqlstate", None) or "")
    number = next(iter(getattr(error.orig, "args", ())), None)
    return (
        isinstance(error, ProgrammingError | DataError)
        or state == _READ_ONLY
        or state[:2] in _WRONG
        or number in _OF_MYSQL
        or any(sign in told for sign in ("no such ", "syntax error", "readonly database"))
    )


def _reason(error: DBAPIError) -> str:
    """Return what the database said, in one line: neither the statement nor its parameters."""
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0][:200]

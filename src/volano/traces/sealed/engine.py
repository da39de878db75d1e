"""The engine: DuckDB over sealed files, with hot rows as Arrow beside them.

Its SQL is bent to SQLite's where the two differ: whole numbers divide to whole
numbers, NULL sorts first, and `has(text, needle)` looks for a casefolded needle.
It reads files and nothing else: no extension is loaded, no network is asked.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import zstandard
from duckdb.func import FunctionNullHandling

from volano.traces.sealed.columns import Column
from volano.traces.sealed.file import schema_of
from volano.traces.sealed.function import Function
from volano.traces.sealed.manifest import SealedFile

Failed = duckdb.Error
"""What a broken file raises; and a WHERE that is no SQL."""

_CONFIG: Mapping[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "default_null_order": "nulls_first_on_asc_last_on_desc",
    "integer_division": True,
    "preserve_insertion_order": True,
}
_ROWS = "hot_rows"
_PRICES = "newer_prices"
_PRICED = ("cost_nano", "cost_currency", "priced_by")
_SQUEEZE = zstandard.ZstdCompressor(level=3)
_PLAIN, _SQUEEZED = b"\0", b"\1"


class Engine:
    """One DuckDB in this process; each question has a cursor of its own, so threads may ask."""

    def __init__(
        self, folder: Path, functions: Sequence[Function] = (), *,
        threads: int = 2, memory_mib: int = 512,
    ):  # fmt: skip
        """`folder` is where sealed files lie; `functions` are a reader's own."""
        self._folder = folder
        config = {**_CONFIG, "threads": threads, "memory_limit": f"{memory_mib}MB"}
        self._db = duckdb.connect(":memory:", config=config)
        self._db.execute("SET parquet_metadata_cache = true")
        for own in (_HAS, *functions):
            self._db.create_function(
                own.name, _unmarked(own), list(own.takes), own.gives,
                null_handling=FunctionNullHandling.SPECIAL,
            )  # fmt: skip

    def ask(
        self,
        sql: str,
        params: Sequence[Any] = (),
        *,
        hot: pa.Table | None = None,
        prices: pa.Table | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return the rows of an answer.

        Raises:
            Failed: a file cannot be read, or the SQL is none.
        """
        with self._db.cursor() as cursor:
            for name, table in ((_ROWS, hot), (_PRICES, prices)):
                if table is not None:
                    cursor.register(name, table)
            return cursor.execute(sql, list(params)).fetchall()

    def batches(
        self, sql: str, batch: pa.RecordBatch, prices: pa.Table | None, schema: pa.Schema
    ) -> list[pa.RecordBatch]:
        """Return what SQL makes of the rows of one batch, in these types."""
        with self._db.cursor() as cursor:
            cursor.register("batch", pa.Table.from_batches([batch]))
            if prices is not None:
                cursor.register(_PRICES, prices)
            found: pa.Table = cursor.sql(sql).to_arrow_table()
        return found.cast(schema).combine_chunks().to_batches()

    def source(
        self, files: Iterable[SealedFile], columns: Sequence[Column], *, repriced: bool = False
    ) -> str:
        """Return a SELECT of these columns over files; what a file lacks has the column's default.

        BLOBs begin with a byte more: whether they were zstd frames (`plain` takes it off).
        """
        alike: dict[tuple[str, str], list[str]] = {}
        for file in files:
            alike.setdefault((file.columns, file.squeezed), []).append(file.path)
        return " UNION ALL ".join(
            self._select(paths, columns, have.split(","), squeezed.split(","), repriced=repriced)
            for (have, squeezed), paths in alike.items()
        )

    def close(self) -> None:
        """Let go of memory and threads."""
        self._db.close()

    def _select(
        self, paths: Sequence[str], columns: Sequence[Column],
        have: Sequence[str], squeezed: Sequence[str], *, repriced: bool,
    ) -> str:  # fmt: skip
        names = []
        for column in columns:
            value = f"p.{column.quoted}"
            if column.name not in have:
                value = f"CAST({column.default} AS {_DUCK[column.kind]})"
            elif column.kind == "BLOB":
                value = rf"'\x0{int(column.name in squeezed)}'::BLOB || {value}"
            elif repriced and column.name in _PRICED:
                value = f"CASE WHEN n.seq IS NULL THEN {value} ELSE n.{column.quoted} END"
            names.append(f"{value} AS {column.quoted}")
        quoted = ", ".join(
            "'" + str(self._folder / path).replace("'", "''") + "'" for path in paths
        )
        join = f" LEFT JOIN {_PRICES} n ON n.seq = p.seq" if repriced else ""
        return f"SELECT {', '.join(names)} FROM read_parquet([{quoted}]) p{join}"  # noqa: S608


_DUCK = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR", "BLOB": "BLOB"}


def _has(text: str | None, needle: str | None) -> bool:
    return text is not None and needle is not None and needle in text.casefold()


_HAS = Function("has", _has, ("VARCHAR", "VARCHAR"), "BOOLEAN")


def _unmarked(own: Function) -> Callable[..., Any]:
    """The function with its BLOBs as they are, without the byte that files' columns have before."""
    if "BLOB" not in own.takes:
        return own.call

    @wraps(own.call)  # DuckDB looks at its parameters
    def call(*values: Any) -> Any:
        return own.call(*(
            value[1:] if isinstance(value, bytes) and value[:1] in (_PLAIN, _SQUEEZED) else value
            for value in values
        ))  # fmt: skip

    return call


def plain(value: bytes | None) -> bytes | None:
    """Return a BLOB as it was when hot."""
    if value is None:
        return None
    return _SQUEEZE.compress(value[1:]) if value.startswith(_SQUEEZED) else value[1:]


def arrow(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return hot rows as Arrow, with the types that they have in files."""
    schema = schema_of(columns)
    if not rows:
        return schema.empty_table()
    arrays = [
        pa.array(values, kind)
        for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)

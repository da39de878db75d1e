"""Gathered: the rows of one trace or one session, hot and sealed, as one small database.

What pages by parent or sums by session asks SQLite's own indexes. Where all rows are hot,
it asks the hot file itself; where some lie in sealed files, they are put beside the
hot ones into a database in memory, with the same tables and indexes.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from volano.traces.hot import reading
from volano.traces.sealed.records import OLDEST, Records
from volano.traces.sealed.within import EVERYTHING, Within
from volano.traces.tables import SEALED_TABLES

_SCHEMA = """
SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL
ORDER BY type DESC
"""


@contextmanager
def trace(
    path: Path, records: Records, trace_id: str, *, least: int = 1
) -> Iterator[sqlite3.Connection | None]:
    """Open what has all rows of this trace; None where nothing has been recorded yet."""
    within = Within(ids=[trace_id])
    with _open(path, records, "TRUE", (), within, least) as conn:
        yield conn


@contextmanager
def session(
    path: Path, records: Records, name: str, *, least: int = 1
) -> Iterator[sqlite3.Connection | None]:
    """Open what has all rows of this session; None where nothing has been recorded yet."""
    where = "session = ? AND session <> ''"
    with _open(path, records, where, (name,), EVERYTHING, least) as conn:
        yield conn


@contextmanager
def _open(
    path: Path, records: Records, where: str, params: tuple[str, ...], within: Within, least: int
) -> Iterator[sqlite3.Connection | None]:
    with reading(path, least=least) as hot:
        if hot is None or not any(records.is_sealed(table, within) for table in SEALED_TABLES):
            yield hot
            return
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as whole:
            for table in SEALED_TABLES:
                for (statement,) in hot.execute(_SCHEMA, [table]).fetchall():
                    whole.execute(statement)
                columns = [column.name for column in records.columns(table)]
                rows = records.select(table, columns, where, params, order=OLDEST, within=within)
                names = ", ".join(f'"{name}"' for name in columns)
                marks = ", ".join("?" * len(columns))
                whole.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
            yield whole

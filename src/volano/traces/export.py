"""Export: traces leave as Parquet or JSON lines, oldest first, in memory that stays flat.

What was said is written open: bodies and attributes as bytes in Parquet, as text in JSON lines
(base64 with the name `…_base64` where the bytes are no UTF-8), tags as an object. A file is written
under another name and renamed: a broken-off export leaves nothing that looks like one.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TextIO

import zstandard

from volano.access.moment import moment_us
from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.store.ledger import Ledger
from volano.traces.errors import BadExportError
from volano.traces.filter import Node, compiled, parse
from volano.traces.keeper import Traces
from volano.traces.sealed.columns import Column
from volano.traces.sealed.records import OLDEST, Records, Row
from volano.traces.sealed.within import Within
from volano.traces.tables import SEALED_TABLES

Form = Literal["parquet", "jsonl"]
_FORMS: tuple[Form, ...] = ("parquet", "jsonl")
_OURS = ("life", "held")
"""Columns that only mean something to this installation's budgets."""
_FIRST_ROWS, _MOST_ROWS, _CHUNK_BYTES = 64, 4_096, 8 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What lies where now."""

    to: str
    calls: int
    spans: int
    bytes: int


class Exports:
    """Writes traces to files; who did so stands in the ledger."""

    def __init__(self, traces: Traces, ledger: Ledger, clock: Clock):
        self._records, self._ledger, self._clock = traces.records, ledger, clock

    def write(
        self, to: Path, *, since: str = "", until: str = "", channel: str = "", group: str = "",
        where: str = "", what: str = "calls", form: Form = "parquet", by: Principal,
    ) -> Exported:  # fmt: skip
        """Write calls, or spans, into a file; into a folder, both. `where` is a filter.

        Raises:
            FilterError, FilterTooLongError: the filter cannot be read.
            BadExportError: the file's name says no known form, or it cannot be written.
            BadMomentError: `since` or `until` is no moment.
        """
        now = self._clock.now_us()
        start, end = (moment_us(text, now) if text else None for text in (since, until))
        node = parse(where)
        asked = {name: value for name, value in (("channel", channel), ("group", group)) if value}
        self._ledger.append(
            "export", "traces", (),
            {"since": since, "until": until, **asked, "where": where, "to": str(to), "what": what},
            by=by,
        )  # fmt: skip
        within = Within(since_us=start, until_us=end)
        try:
            return self._write(to, asked, node, within, what, form)
        except OSError as error:
            raise BadExportError(place=to, why=error.strerror or error) from error

    def _write(
        self, to: Path, asked: dict[str, str], node: Node | None, within: Within, what: str,
        form: Form,
    ) -> Exported:  # fmt: skip
        rows = dict.fromkeys(SEALED_TABLES, 0)
        size = 0
        for table, path, its_form in _files(to, what, form):
            columns = self._records.columns(table)
            if not set(asked) <= {column.name for column in columns}:
                continue
            chosen = compiled(node, "spans" if table == "spans" else "calls", self._clock.now_us())
            where = " AND ".join([*(f'"{name}" = ?' for name in asked), chosen.where])
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(path.name + ".new")
            shown = [column for column in columns if column.name not in _OURS]
            chunks = _chunks(
                self._records, table, shown, where, [*asked.values(), *chosen.params], within
            )
            try:
                rows[table] = _WRITERS[its_form](new, shown, chunks)
                size += new.stat().st_size
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)
        return Exported(str(to), rows["calls"], rows["spans"], size)


def _files(to: Path, what: str, form: Form) -> Iterator[tuple[str, Path, Form]]:
    suffix = to.suffix.removeprefix(".")
    if to.is_dir() or not suffix:
        for table in SEALED_TABLES:
            yield table, to / f"{table}.{form}", form
        return
    for known in _FORMS:
        if suffix == known:
            yield what, to, known
            return
    raise BadExportError(place=to, why=f"nothing is known of .{suffix}")


def _chunks(
    records: Records, table: str, columns: Sequence[Column], where: str, params: Sequence[Any],
    within: Within,
) -> Iterator[list[Row]]:  # fmt: skip
    """Return rows in pieces, each of a moment of its own; the size of one follows that of rows."""
    names = ("seq", *(column.name for column in columns if column.name != "seq"))
    limit = _FIRST_ROWS
    while rows := records.select(
        table, names, where, params, order=OLDEST, limit=limit, within=within
    ):
        opened = [tuple(map(_opened, row)) for row in rows]
        yield opened
        within = replace(within, after=rows[-1][0])
        size = sum(len(value) for row in opened for value in row if isinstance(value, str | bytes))
        limit = max(1, min(_MOST_ROWS, len(rows) * _CHUNK_BYTES // max(1, size), 4 * limit))


def _opened(value: Any) -> Any:
    if isinstance(value, bytes) and value.startswith(zstandard.FRAME_HEADER):
        return zstandard.ZstdDecompressor().decompress(value)
    return value


def _parquet(path: Path, columns: Sequence[Column], chunks: Iterator[list[Row]]) -> int:
    import pyarrow.parquet as pq  # only who exports loads it

    from volano.traces.sealed.engine import arrow

    total = 0
    with pq.ParquetWriter(path, arrow(columns, []).schema, compression="zstd") as out:
        for rows in chunks:
            out.write_table(arrow(columns, rows))
            total += len(rows)
    return total


def _jsonl(path: Path, columns: Sequence[Column], chunks: Iterator[list[Row]]) -> int:
    total = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for rows in chunks:
            total += len(rows)
            for row in rows:
                _line(out, columns, row)
    return total


def _line(out: TextIO, columns: Sequence[Column], row: Row) -> None:
    said: dict[str, Any] = {}
    for column, value in zip(columns, row, strict=True):
        if column.name == "tags":
            value = json.loads(value)
        if isinstance(value, bytes):
            try:
                said[column.name] = value.decode()
            except UnicodeDecodeError:
                said[f"{column.name}_base64"] = base64.b64encode(value).decode()
            continue
        said[column.name] = value
    json.dump(said, out, ensure_ascii=False)
    out.write("\n")


_WRITERS = {"parquet": _parquet, "jsonl": _jsonl}

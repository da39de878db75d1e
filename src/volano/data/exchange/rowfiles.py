"""Row files: rows leave as JSONL or Parquet, and come back; memory stays flat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from volano.core.lazy import lazy
from volano.data.errors import BadJsonError
from volano.data.exchange.columns import META, Columns, columns_of
from volano.data.exchange.errors import BadParquetError
from volano.data.exchange.plainly import Plainly
from volano.data.lines import read_lines
from volano.data.sources import loads_strict
from volano.data.step import Record

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")
    pq = lazy("pyarrow.parquet")

Form = Literal["jsonl", "parquet"]
Stream = Callable[[], Iterator[Record]]
"""Gives all rows from the beginning, as often as it is called."""

MOST_ROWS, MOST_CHARS = 10_000, 16_000_000
SHARD_CHARS = 500_000_000
MAX_FILE, MAX_LINE = 2**40, 64 * 2**20


@dataclass(slots=True)
class Written:
    """What lies in row files now."""

    counts: dict[str, int] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)
    columns: Columns | None = None


def write_jsonl(rows: Stream, folder: Path) -> Written:
    """Write `<split>.jsonl` files into a folder."""
    done = Written()
    with ExitStack() as stack:
        files: dict[str, TextIO] = {}
        for row in rows():
            split = row.get("split") or "train"
            if split not in files:
                path = folder / f"{split}.jsonl"
                files[split] = stack.enter_context(path.open("w", encoding="utf-8"))
                done.files[split] = [path]
            files[split].write(_line(row))
            done.counts[split] = done.counts.get(split, 0) + 1
    return done


def write_jsonl_file(rows: Stream, path: Path) -> Written:
    """Write all rows into one file; each says its split."""
    done = Written()
    with path.open("w", encoding="utf-8") as file:
        for row in rows():
            file.write(_line(row))
            split = row.get("split") or "train"
            done.counts[split] = done.counts.get(split, 0) + 1
    return done


def write_parquet(
    rows: Stream, folder: Path, name: str = "{split}-{shard:05}-of-{shards:05}.parquet"
) -> Written:
    """Write Parquet files of each split into a folder, all of one schema."""
    columns, counts = columns_of(rows())
    done = Written(counts, {}, columns)
    for split in counts:
        own = (row for row in rows() if (row.get("split") or "train") == split)
        shards = list(_shards(own, columns, folder, split))
        for number, path in enumerate(shards):
            final = folder / name.format(split=split, shard=number, shards=len(shards))
            done.files.setdefault(split, []).append(path.rename(final))
    return done


def write_parquet_file(rows: Stream, path: Path) -> Written:
    """Write all rows into one Parquet file, with a column `split`."""
    columns, counts = columns_of(rows())
    schema = columns.schema.append(pa.field("split", pa.string()))
    columns = Columns(schema, columns.as_json, columns.absent)
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_content_defined_chunking=True
    ) as out:
        for batch in _batches(rows()):
            out.write_batch(columns.batch(batch))
    return Written(counts, {}, columns)


def read_jsonl(path: Path, plainly: Plainly) -> Iterator[Record]:
    """Yield the rows of a JSONL file.

    Raises:
        BadJsonError: a line that is no object.
        The errors of `lines.read_lines`.
    """
    for number, line in read_lines(path, max_file=MAX_FILE, max_line=MAX_LINE):
        if not line.strip():
            continue
        try:
            row = loads_strict(line)
        except (ValueError, RecursionError) as error:
            why = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
            raise BadJsonError(line=number, path=path.name, reason=why) from error
        if not isinstance(row, dict):
            raise BadJsonError(line=number, path=path.name, reason="it is another kind of value")
        yield {name: plainly.value(value, name) for name, value in row.items()}


def read_parquet(path: Path, plainly: Plainly) -> Iterator[Record]:
    """Yield the rows of a Parquet file; what an export of ours made JSON text is what it was.

    Raises:
        BadParquetError: it cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            as_json, absent = _told(file.schema_arrow)
            for batch in file.iter_batches(batch_size=1000):
                for row in _texts(batch).to_pylist():
                    yield _row(row, as_json, absent, plainly)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadParquetError(path=path.name, why=str(error).split("\n")[0][:200]) from error


def _row(row: Record, as_json: set[str], absent: set[str], plainly: Plainly) -> Record:
    found: Record = {}
    for name, value in row.items():
        if value is None and name in absent:
            continue
        if name in as_json:
            found[name] = None if value is None else json.loads(value)
        else:
            found[name] = plainly.value(value, name)
    return found


def _told(schema: pa.Schema) -> tuple[set[str], set[str]]:
    """Return what an export of ours said of its columns: those of JSON, those that may be absent."""
    try:
        meta = json.loads((schema.metadata or {}).get(META, b"{}"))
        return set(meta.get("json", ())), set(meta.get("absent", ()))
    except (ValueError, AttributeError, TypeError):
        return set(), set()


def _texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with moments as text: Python's have no nanoseconds."""
    for at, item in enumerate(batch.schema):
        if pa.types.is_timestamp(item.type):
            text = pc.cast(batch.column(at), pa.string())
            batch = batch.set_column(at, item.name, text)
    return batch


def _shards(rows: Iterator[Record], columns: Columns, folder: Path, split: str) -> Iterator[Path]:
    out: pq.ParquetWriter | None = None
    size, number, path = 0, 0, folder
    try:
        for batch in _batches(rows):
            if out is not None and size > SHARD_CHARS:
                out.close()
                yield path
                out, size, number = None, 0, number + 1
            if out is None:
                path = folder / f"{split}.{number}.part"
                out = pq.ParquetWriter(
                    path, columns.schema, compression="zstd", use_content_defined_chunking=True
                )
            out.write_batch(columns.batch(batch))
            size += sum(map(_chars, batch))
    finally:
        if out is not None:
            out.close()
    if out is not None:
        yield path


def _batches(rows: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += _chars(row)
        if len(batch) >= MOST_ROWS or size >= MOST_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _chars(value: Any) -> int:
    """Return about how much a value weighs."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_chars, value.values())) + 8
    return sum(map(_chars, value)) + 8 if isinstance(value, list | tuple) else 8


def _line(row: Record) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"

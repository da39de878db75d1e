"""Sealed files: how rows become a Parquet file that stays what it is.

Rows come in the order of `seq`. A group of rows is at most `GROUP_ROWS` or about
`GROUP_BYTES` large, so that writing and reading need no more memory than that.
Values that were zstd frames are stored as what they hold: a column of similar
texts becomes smaller together than each by itself.
"""

import hashlib
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from volano.traces.sealed.columns import Column
from volano.traces.sealed.ids import filter_of, mark
from volano.traces.sealed.manifest import SealedFile

GROUP_ROWS = 16_384
GROUP_BYTES = 24 << 20
MAX_BODY_BYTES = 64 << 20
"""A zstd frame that says it holds more is stored as it is."""
NEW = ".new"

QUICK, SMALL = 1, 6
"""Levels of compression: for rows that leave the hot table, and for files that stay."""
_TYPES = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string(), "BLOB": pa.binary()}
_UNIQUE = {"id", "span_id", "parent_span_id", "input_text", "output_text"}
_RISING = {"seq", "began_us", "ended_us", "first_us"}
_MAGIC = zstandard.FRAME_HEADER


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """Return the types that a table's columns have in a file."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])


class Batch:
    """Hot rows on their way into a file, as columns; squeezed values are opened."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[Any]]):
        self.rows = len(rows)
        self.squeezed: list[str] = []
        values = list(zip(*rows, strict=True))
        arrays = []
        for column, given in zip(columns, values, strict=True):
            if column.kind == "BLOB" and all(map(opens, given)):
                self.squeezed.append(column.name)
                unpack = zstandard.ZstdDecompressor().decompress
                given = tuple(None if value is None else unpack(value) for value in given)
            arrays.append(pa.array(given, _TYPES[column.kind]))
        self.record = pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))


def opens(value: bytes | None) -> bool:
    """Whether a value is nothing or a zstd frame that may be stored open."""
    return value is None or (
        value.startswith(_MAGIC) and 0 <= opened_bytes(value) <= MAX_BODY_BYTES
    )


def opened_bytes(value: bytes | None) -> int:
    """Return how large a zstd frame is when open; -1 where it does not say, the size of others."""
    if value is None:
        return 0
    if not value.startswith(_MAGIC):
        return len(value)
    try:
        return zstandard.frame_content_size(value)
    except zstandard.ZstdError:
        return -1


class Writer:
    """Writes one file. Nothing lies under its name before `finish`; `drop` leaves nothing."""

    def __init__(
        self, folder: Path, table: str, schema: pa.Schema, squeezed: Sequence[str],
        *, level: int = SMALL,
    ):  # fmt: skip
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._table, self._schema = folder, table, schema
        self._squeezed = ",".join(squeezed)
        self._new = folder / f"{table}-{secrets.token_hex(8)}{NEW}"
        self._pending: list[pa.RecordBatch] = []
        self._marks: dict[str, tuple[int, int]] = {}
        self._rows = self._min_us = self._max_us = 0
        self._seqs: list[int] = []
        self._out: pq.ParquetWriter | None = pq.ParquetWriter(
            self._new,
            schema,
            compression="zstd",
            compression_level=level,
            use_dictionary=[
                f.name
                for f in schema
                if f.name not in _UNIQUE | _RISING and not pa.types.is_binary(f.type)
            ],
            column_encoding={f.name: "DELTA_BINARY_PACKED" for f in schema if f.name in _RISING},
            write_statistics=[f.name for f in schema if pa.types.is_integer(f.type)],
            write_page_checksum=True,
        )
        self._new.chmod(0o600)

    @property
    def rows(self) -> int:
        """How many were given."""
        return self._rows

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows that come after all before.

        Raises:
            OSError: the disk is full, or fails.
        """
        if not batch.num_rows:
            return
        began, seqs = pc.min_max(batch.column("began_us")), batch.column("seq")
        low, high = began["min"].as_py(), began["max"].as_py()
        self._min_us = min(self._min_us, low) if self._rows else low
        self._max_us = max(self._max_us, high) if self._rows else high
        self._seqs = [self._seqs[0] if self._seqs else seqs[0].as_py(), seqs[-1].as_py()]
        self._rows += batch.num_rows
        for one in pc.unique(batch.column("id")).to_pylist():
            if one not in self._marks:
                self._marks[one] = mark(one)
        self._pending.append(batch)
        if sum(b.num_rows for b in self._pending) >= GROUP_ROWS or self._waiting() >= GROUP_BYTES:
            self._flush()

    def finish(self, *, day: str, now_us: int) -> tuple[SealedFile, bytes]:
        """Put the file on the disk under its name; return its line and the filter of its ids.

        Raises:
            OSError: the disk is full, or fails; nothing lies there then.
        """
        self._flush()
        assert self._out is not None
        self._out.close()
        self._out = None
        with self._new.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        first, last = self._seqs
        name = f"{self._table}-{first:012d}-{last:012d}-{secrets.token_hex(4)}.parquet"
        place = self._folder / day
        place.mkdir(mode=0o700, exist_ok=True)
        size = self._new.stat().st_size
        self._new.rename(place / name)
        for folder in (place, self._folder):
            sync_folder(folder)
        line = SealedFile(
            path=f"{day}/{name}", table=self._table, day=day, rows=self._rows, bytes=size,
            sha256=digest, min_seq=first, max_seq=last, min_us=self._min_us, max_us=self._max_us,
            columns=",".join(self._schema.names), squeezed=self._squeezed, sealed_us=now_us,
        )  # fmt: skip
        return line, filter_of(self._marks.values())

    def drop(self) -> None:
        """Leave nothing behind. After `finish` this does nothing."""
        if self._out is not None:
            self._out.close()
            self._out = None
        self._new.unlink(missing_ok=True)

    def _waiting(self) -> int:
        return sum(batch.nbytes for batch in self._pending)

    def _flush(self) -> None:
        if self._pending and self._out is not None:
            table = pa.Table.from_batches(self._pending, self._schema)
            self._out.write_table(table, row_group_size=max(1, table.num_rows))
            self._pending.clear()


def day_of(us: int) -> str:
    """Return the day of a moment, UTC; moments that no calendar has fall on the nearest that it has."""
    seconds = min(max(us // 1_000_000, 0), 253_402_300_799)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""Parquet: rows by batches of a few megabytes, one row group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.data.sources import reasons
from volano.data.sources.labels import label_names, named
from volano.data.sources.limits import MIB
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject, set_aside, with_origin
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
else:
    pa = lazy("pyarrow")
    pq = lazy("pyarrow.parquet")

_BATCH_BYTES, _MOST_ROWS = 8 * MIB, 4096
_GROUP_BYTES = 4 << 30
"""What a row group may say that it unpacks to."""


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield the rows; a row group that cannot be read is set aside alone."""
    with piece.local(reading.limits) as path:
        try:
            file = pq.ParquetFile(path, pre_buffer=False, buffer_size=MIB)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise BrokenFileError(reasons.BROKEN, str(error)[:200]) from None
        with file:
            yield from _groups(file, piece, reading, reject)


def _groups(
    file: pq.ParquetFile, piece: Piece, reading: Reading, reject: Reject
) -> Iterator[Record]:
    names = label_names(file.schema_arrow) if reading.label_names else {}
    first = 0
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        where = {**piece.origin, "row": first + 1, "row_group": group}
        first_of_next = first + about.num_rows
        if about.total_byte_size > _GROUP_BYTES:
            set_aside(reject, where, reasons.BOMB, f"{about.total_byte_size} bytes in a row group")
        else:
            size = max(1, about.total_byte_size // max(1, about.num_rows))
            rows = max(1, min(_MOST_ROWS, _BATCH_BYTES // size))
            try:
                for batch in file.iter_batches(
                    batch_size=rows, row_groups=[group], use_threads=False
                ):
                    for row in batch_rows(batch):
                        first += 1
                        yield with_origin(named(row, names), {**piece.origin, "row": first})
            except (pa.ArrowException, OSError, ValueError) as error:
                where["row"] = first + 1
                set_aside(reject, where, reasons.BROKEN, str(error)[:200])
        first = first_of_next


def batch_rows(batch: pa.RecordBatch, at_once: int = 256) -> Iterator[dict[str, Any]]:
    """Yield a batch's rows as plain objects, a few at a time."""
    for start in range(0, batch.num_rows, at_once):
        yield from batch.slice(start, at_once).to_pylist()


FORMATS.register("parquet")(
    Format(read, (".parquet", ".pq"), ("application/vnd.apache.parquet", "application/x-parquet"))
)

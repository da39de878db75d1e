"""Arrow IPC: the files that `datasets` writes with `save_to_disk`, streamed or random-access."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.data.sources import reasons
from volano.data.sources.formats.parquet import batch_rows
from volano.data.sources.labels import label_names, named
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject, with_origin
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")

_FILE_MAGIC = b"ARROW1"


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:  # noqa: ARG001 - every format's signature
    """Yield the rows; the rest of a damaged file is set aside."""
    with piece.local(reading.limits) as path:
        try:
            with pa.memory_map(str(path)) as file:
                for number, row in enumerate(_rows(file, reading), 1):
                    yield with_origin(row, {**piece.origin, "row": number})
        except (pa.ArrowException, OSError, ValueError) as error:
            raise BrokenFileError(reasons.BROKEN, str(error)[:200]) from None


def _rows(file: pa.NativeFile, reading: Reading) -> Iterator[dict[str, Any]]:
    head = file.read(len(_FILE_MAGIC))
    file.seek(0)
    if head == _FILE_MAGIC:
        table = pa.ipc.open_file(file)
        batches = (table.get_batch(n) for n in range(table.num_record_batches))
    else:
        table = batches = pa.ipc.open_stream(file)
    names = label_names(table.schema) if reading.label_names else {}
    for batch in batches:
        for row in batch_rows(batch):
            yield named(row, names)


FORMATS.register("arrow")(
    Format(read, (".arrow", ".feather"), ("application/vnd.apache.arrow.stream",))
)

"""DOCX: paragraphs and tables in their order, as one text or one by one."""

from collections.abc import Iterator

from volano.data.sources.formats.told import rows_apart
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject
from volano.data.step import Record

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield one row, or one a paragraph (`rows: paragraph`)."""
    rows = "paragraph" if reading.rows == "paragraph" else "file"
    yield from rows_apart("docx", piece, reading, reject, rows=rows)


FORMATS.register("docx")(Format(read, (".docx",), (_MEDIA_TYPE,)))

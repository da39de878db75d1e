"""PDF: the text of each page, or of the file."""

from collections.abc import Iterator

from volano.data.sources.formats.told import rows_apart
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject
from volano.data.step import Record


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield a row a page, or one for the file (`rows: file`)."""
    rows = "file" if reading.rows == "file" else "page"
    yield from rows_apart("pdf", piece, reading, reject, rows=rows)


FORMATS.register("pdf")(Format(read, (".pdf",), ("application/pdf",)))

"""HTML: the main text of a page with its title and language, and its links if wanted."""

import re
from collections.abc import Iterator

from volano.data.sources import reasons
from volano.data.sources.formats.told import rows_apart
from volano.data.sources.lined import decode, known_encoding
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record

_HEAD = 4096
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE
)


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield one row. The encoding is UTF-8, else what server, page or spec say that it is."""
    raw = piece.whole(reading.limits)
    declared = _CHARSET.search(raw[:_HEAD])
    page = declared[1].decode() if declared else ""
    stated = [name for name in (piece.charset or "", page, *reading.encoding) if name]
    try:
        _, encoding = decode(raw, [name for name in stated if known_encoding(name)])
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is 0x{raw[error.start]:02x}; tried UTF-8"
        raise BrokenFileError(reasons.NOT_ENCODED, ", ".join([why, *stated])) from None
    yield from rows_apart(
        "html", piece, reading, reject, encoding=encoding or "utf-8", links=reading.links
    )


FORMATS.register("html")(
    Format(read, (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml"))
)

"""Rows that the process for documents tells."""

from collections.abc import Iterator
from typing import Any

from volano.data.sources.apart import Apart
from volano.data.sources.piece import Piece
from volano.data.sources.reading import Reading
from volano.data.sources.source import Reject, set_aside
from volano.data.step import Record


def rows_apart(
    kind: str, piece: Piece, reading: Reading, reject: Reject, **settings: Any
) -> Iterator[Record]:
    """Yield the rows of a document, read in a process of its own.

    Raises:
        BrokenFileError: its reader gave up; pages before that were given.
        MissingExtraError: the package for it is not installed.
    """
    apart = piece.apart or Apart()
    try:
        with piece.local(reading.limits) as path:
            for told in apart.read(kind, path, reading.limits, **settings):
                if "aside" in told:
                    reason, detail, where = told["aside"]
                    set_aside(reject, {**piece.origin, **where}, reason, detail or None)
                else:
                    yield {**told["row"], "origin": {**piece.origin, **told.get("where", {})}}
    finally:
        if piece.apart is None:
            apart.close()

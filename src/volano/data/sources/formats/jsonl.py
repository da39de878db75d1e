"""JSONL: an object in each line. JSON: one object, or a list of them, in a whole file."""

from collections.abc import Iterator
from typing import Any

from volano.data.sources import reasons
from volano.data.sources.jsons import DuplicateKeyError, loads_strict
from volano.data.sources.lined import decode, lines
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject, set_aside, with_origin
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record


class _BadJsonError(ValueError):
    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield the object of each line; blank lines are none."""
    with piece.open(reading.limits) as stream:
        for line in lines(stream, limit=reading.limits.line, encodings=reading.encoding):
            origin = {**piece.origin, "line": line.number}
            if line.encoding:
                origin["encoding"] = line.encoding
            where = {**origin, "byte": line.byte}
            if line.text is None:
                set_aside(reject, where, line.reason, line.detail, excerpt=line.raw)
            elif line.text.strip():
                try:
                    yield with_origin(_object(_parsed(line.text)), origin)
                except _BadJsonError as error:
                    set_aside(reject, where, error.reason, error.detail, excerpt=line.text)


def read_whole(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield the objects of a file that is one JSON value, which is held as a whole."""
    try:
        text, _ = decode(piece.whole(reading.limits), reading.encoding)
        found = _parsed(text)
    except UnicodeDecodeError as error:
        raise BrokenFileError(reasons.NOT_ENCODED, f"byte {error.start}") from None
    except _BadJsonError as error:
        raise BrokenFileError(error.reason, error.detail) from None
    for number, item in enumerate(found if isinstance(found, list) else [found], 1):
        origin = {**piece.origin, "row": number}
        try:
            yield with_origin(_object(item), origin)
        except _BadJsonError as error:
            set_aside(reject, origin, error.reason, error.detail)


def _parsed(text: str) -> Any:
    try:
        return loads_strict(text)
    except DuplicateKeyError as error:
        raise _BadJsonError(reasons.KEY_TWICE, f"`{error}`"[:200]) from None
    except RecursionError:
        raise _BadJsonError(reasons.TOO_DEEP, "") from None
    except ValueError as error:
        raise _BadJsonError(reasons.NOT_JSON, str(error)[:200]) from None


def _object(value: Any) -> Record:
    if not isinstance(value, dict):
        raise _BadJsonError(reasons.NOT_OBJECT, f"it is a {type(value).__name__}")
    return value


FORMATS.register("jsonl")(
    Format(
        read, (".jsonl", ".ndjson", ".jsonlines"),
        ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"),
    )
)  # fmt: skip
FORMATS.register("json")(Format(read_whole, (".json",), ("application/json",)))

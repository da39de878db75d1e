"""A Line: one row as it lies in a dataset, canonical JSON that ends with a line end.

    {"id":"9f2c…","label":"refund","text":"I want my money back","origin":{"file":"a.csv"}}

The id stands first: 16 hexadecimal digits of the sha256 of the columns. It
names the content, so that the same row has the same id in every dataset.
Where the row came from (`origin`) and its split are not part of it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from volano.core.canon import MAX_SAFE_INTEGER, NotCanonicalError, canonical
from volano.data.errors import BadRecordError
from volano.data.step import Record

RESERVED = frozenset({"id", "origin", "split"})
OWN_KEY = "source_id"
"""The column that keeps a row's own `id`, where it had one."""
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Line:
    """A row's bytes, with its id and columns. `draw`, below 2^64, is drawn from the content."""

    id: str
    data: bytes
    draw: int
    columns: Record


def line_of(record: Record, number: int = 0) -> Line:
    """Return a row as a line.

    An `id` that is not one of ours (16 hexadecimal digits) is the source's own:
    it becomes the column `source_id`.

    Raises:
        BadRecordError: a row without columns, or with values that JSON cannot say.
    """
    columns = columns_of(record)
    if not columns:
        raise BadRecordError(row=number, why="it has no columns")
    try:
        body, origin = canonical(columns), b"null"
        if record.get("origin") is not None:
            origin = canonical(record["origin"])
    except (NotCanonicalError, RecursionError) as error:
        why = error.message if isinstance(error, NotCanonicalError) else "it is nested too deeply"
        raise BadRecordError(row=number, why=why) from error
    digest = hashlib.sha256(body).digest()
    name = digest[:8].hex()
    data = b'{"id":"%b",%b,"origin":%b}\n' % (name.encode(), body[1:-1], origin)
    return Line(name, data, int.from_bytes(digest[8:16], "big"), columns)


def columns_of(record: Mapping[str, Any]) -> Record:
    """Return the columns of a row: what names its content."""
    columns = {name: value for name, value in record.items() if name not in RESERVED}
    if (own := own_id(record)) is not None:
        columns.setdefault(OWN_KEY, own)
    return columns


def own_id(record: Mapping[str, Any]) -> Any:
    """Return a row's `id` where it is the source's own: not 16 hexadecimal digits, as ours are."""
    own = record.get("id")
    return None if isinstance(own, str) and _ID.fullmatch(own) else own


def id_of(data: bytes) -> str:
    """Return the id that stands in a line."""
    return data[7:23].decode("ascii", "replace")


def record_of(data: bytes, split: str) -> Record:
    """Return the row that a line holds, with its `id`, `origin` and `split`.

    Raises:
        ValueError: these bytes are no line.
    """
    row = _decoded(data)
    if not isinstance(row, dict) or "id" not in row or "origin" not in row:
        raise ValueError("no row")
    row["split"] = split
    return row


def problem_of(data: bytes) -> str | None:
    """Return what is wrong with a line; None when it is what was written."""
    try:
        row = record_of(data, "")
        again = line_of(row)
    except (ValueError, RecursionError, BadRecordError):
        return "it is not a row"
    return None if again.id == row["id"] else "its id is not that of its content"


def _decoded(data: bytes) -> Any:
    """Return the JSON value of a line; fast where no number can be beyond 2^53."""
    if not _LONG.search(data):
        try:
            return _decode(data)
        except msgspec.DecodeError:
            pass  # half a surrogate, say, or NaN: an older version wrote it
    return _DECODER.decode(data.decode())


def _number(text: str) -> int | float:
    """Read a whole number; one beyond 2^53 was a float, which canonical JSON writes without a point."""
    number = int(text) if len(text) < 18 else MAX_SAFE_INTEGER + 1
    return number if abs(number) <= MAX_SAFE_INTEGER else float(text)


_DECODER = json.JSONDecoder(parse_int=_number)
_decode = msgspec.json.Decoder().decode
_LONG = re.compile(rb"[0-9]{16}")

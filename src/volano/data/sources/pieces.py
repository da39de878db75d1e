"""Pieces to rows: what all places that hold files do alike."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from volano.data.sources import reasons
from volano.data.sources.apart import Apart
from volano.data.sources.limits import MIB
from volano.data.sources.piece import Piece
from volano.data.sources.reading import AUTO, FORMATS, Reading, format_of
from volano.data.sources.sound import UnsoundError, sound
from volano.data.sources.source import Reject, set_aside
from volano.data.sources.spec import bad, text
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record

CHEAP_BYTES = 64 * MIB
"""The digest of a file up to this size stands in the origin of its rows."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a row keeps, by their new names; all of them where none are named."""

    named: Mapping[str, str]

    def of(self, row: Record) -> Record:
        """Return the row with its columns. Raises: KeyError: one that it does not have."""
        if not self.named:
            return row
        found = {new: row[old] for new, old in self.named.items()}
        found["origin"] = row["origin"]
        return {**found, "split": row["split"]} if "split" in row else found


def columns_of(given: Any) -> Columns:
    """Return `columns` of a spec. Raises: BadSourceError: something else than names to names."""
    if not isinstance(given, Mapping):
        raise bad("`columns` is a mapping, such as {text: body, label: intent}")
    if "origin" in given:
        raise bad("`origin` is what volano says of a row; choose another name")
    return Columns({text(new, "columns"): text(old, "columns") for new, old in given.items()})


def finished(
    rows: Iterable[Record], columns: Columns, depth: int, reject: Reject
) -> Iterator[Record]:
    """Yield rows with the columns that were named and values that JSON can hold."""
    for row in rows:
        origin = row.pop("origin")
        try:
            if "from" in origin:
                origin = sound(origin, depth + 1)
            found = sound(row, depth + 1)
            found["origin"] = origin
            yield columns.of(found)
        except KeyError as error:
            why = f"{error}; it has {', '.join(row)}"[:300]
            set_aside(reject, origin, reasons.NO_COLUMN, why, excerpt=_shown(row))
        except UnsoundError as error:
            origin = {name: value for name, value in origin.items() if name != "from"}
            set_aside(reject, origin, error.reason, str(error) or None, excerpt=_shown(row))


def _shown(row: Record) -> str:
    """Return how a row begins, whatever is in it."""
    try:
        return repr(row)
    except (RecursionError, ValueError):  # of depth, of digits
        return ""


def read_pieces(
    pieces: Iterable[Piece], reading: Reading, columns: Columns, reject: Reject,
    *, done: Callable[[Piece], None] = lambda _: None,
) -> Iterator[Record]:  # fmt: skip
    """Yield the rows of one piece after the other; what cannot be read on is set aside."""
    with Apart() as apart:
        for piece in pieces:
            piece = replace(piece, apart=apart)
            yield from finished(
                _of_piece(piece, reading, reject), columns, reading.limits.depth, reject
            )
            done(piece)


def _of_piece(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    name = reading.format if reading.format != AUTO else format_of(piece.name)
    if name is None:
        known = ", ".join(FORMATS)
        set_aside(reject, piece.origin, reasons.UNKNOWN, f"say `format`: one of {known}")
        return
    try:
        yield from FORMATS.get(name).read(piece, reading, reject)
    except BrokenFileError as error:
        set_aside(reject, piece.origin, error.reason, error.detail or None)
    except OSError as error:
        set_aside(reject, piece.origin, reasons.UNREADABLE, error.strerror or str(error))


def digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(path: Path) -> tuple[int, int]:
    """Return size and time of change, which tell a file that was surely not touched."""
    found = os.stat(path)  # noqa: PTH116 - follows links
    return found.st_size, max(found.st_mtime_ns, found.st_ctime_ns)

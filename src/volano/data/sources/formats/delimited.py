"""CSV and its kin: records of cells, one at a time, each broken one set aside alone.

The standard `csv` module gives up a file at its first broken quote, and its
limit on fields is the whole process's; so records are cut here, by the rules
of RFC 4180: a field in quotes may hold delimiters and line ends, a quote in it
is written twice. A quote that is never closed is found within the limit of a
record; its first line is set aside and reading goes on with the next one.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from volano.data.sources import reasons
from volano.data.sources.lined import Line, lines
from volano.data.sources.piece import Piece
from volano.data.sources.reading import AUTO, FORMATS, Format, Reading
from volano.data.sources.source import Reject, set_aside, with_origin
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 50
_LEAST_ROOM = 64 << 10
_MOST_LINES = 20_000
"""A record takes no more lines than these: they are held until it is closed."""


class Dialect:
    """How cells are parted and quoted."""

    def __init__(self, delimiter: str, quote: str = '"', escape: str = ""):
        self.delimiter, self.quote, self.escape = delimiter, quote, escape
        d, q, e = re.escape(delimiter), re.escape(quote), re.escape(escape)
        plain = f"[^{d}{e}]*+(?:{e}.[^{d}{e}]*+)*+" if e else f"[^{d}]*+"
        self._plain = re.compile(plain, re.DOTALL)
        twice = f"{q}{q}|{e}." if e else f"{q}{q}"
        self._inside = re.compile(f"[^{q}{e}]*+(?:(?:{twice})[^{q}{e}]*+)*+", re.DOTALL)
        self._escaped = re.compile(f"{e}(.)", re.DOTALL) if e else None

    def bare(self, cell: str, *, quoted: bool) -> str:
        """Return what a cell says, without quotes and escapes."""
        if quoted:
            cell = cell.replace(self.quote * 2, self.quote)
        return self._escaped.sub(r"\1", cell) if self._escaped else cell

    def plain_end(self, text: str, at: int, stop: int) -> int:
        """Return where a cell without quotes ends."""
        match = self._plain.match(text, at, stop)
        return match.end() if match else at

    def inside_end(self, text: str, at: int) -> int:
        """Return where the closing quote stands, or the end of the text."""
        match = self._inside.match(text, at)
        return match.end() if match else at


class Cells:
    """The cells of one record, which may take several lines."""

    def __init__(self, dialect: Dialect):
        self.cells: list[str] = []
        self._dialect = dialect
        self._open: list[str] | None = None

    def feed(self, text: str) -> bool:
        """Take a line with its end; whether the record is complete with it.

        Raises:
            ValueError: something stands between a closing quote and the next delimiter.
        """
        dialect, stop, at = self._dialect, len(text.rstrip("\r\n")), 0
        quote, delimiter = dialect.quote, dialect.delimiter
        if self._open is None and not (quote and quote in text) and not dialect.escape:
            self.cells = text[:stop].split(delimiter)
            return True
        while True:
            if self._open is None and quote and text.startswith(quote, at) and at < stop:
                self._open, at = [], at + 1
            if self._open is not None:
                end = dialect.inside_end(text, at)
                self._open.append(text[at:end])
                if end >= len(text):
                    return False
                self.cells.append(dialect.bare("".join(self._open), quoted=True))
                self._open, at = None, end + 1
                if at < stop and text[at] != delimiter:
                    raise ValueError(f"`{text[at]}` after a closing quote, at character {at + 1}")
            else:
                end = dialect.plain_end(text, at, stop)
                self.cells.append(dialect.bare(text[at:end], quoted=False))
                at = end
            if at >= stop:
                return True
            at += 1


@dataclass(frozen=True, slots=True)
class Cut:
    """A record: where it begins, and its cells, or why it has none."""

    line: Line
    cells: list[str]
    reason: str = ""
    detail: str = ""


def cut(source: Iterator[Line], dialect: Dialect, limit: int) -> Iterator[Cut]:
    """Yield the records; a blank line is none. A record takes at most `limit` bytes."""
    back: deque[Line] = deque()
    room = limit

    def following() -> Line | None:
        return back.popleft() if back else next(source, None)

    while (line := following()) is not None:
        if line.reason == reasons.TOO_LONG:
            yield Cut(line, [], line.reason, line.detail)
        elif _text(line).strip():
            taken = [line]
            cells, why = _record(taken, following, dialect, room)
            if cells:
                bad = next((one for one in taken if one.text is None), None)
                room = limit if len(taken) > 1 else room
                yield Cut(line, cells, bad.reason, bad.detail) if bad else Cut(line, cells)
                continue
            if len(taken) > 1:  # many such lines must not each look through a whole record
                room = max(room // 2, _LEAST_ROOM)
            back.extendleft(reversed(taken[1:]))
            yield Cut(line, [], reasons.QUOTING, why)


def _record(
    taken: list[Line], following: Callable[[], Line | None], dialect: Dialect, room: int
) -> tuple[list[str], str]:
    """Return the cells of the record that begins with this line, or why it has none."""
    cells, size = Cells(dialect), len(taken[0].raw)
    try:
        complete = cells.feed(_text(taken[0]))
        while not complete and size < room and len(taken) < _MOST_LINES:
            if (line := following()) is None:
                break
            taken.append(line)
            size += len(line.raw)
            if line.reason == reasons.TOO_LONG:
                break
            complete = cells.feed(_text(line))
    except ValueError as error:
        return [], str(error)
    return (cells.cells, "") if complete else ([], "a quote is opened and never closed")


def _text(line: Line) -> str:
    """Return a line's text, also where it cannot be decoded: its quotes and delimiters count."""
    return line.text if line.text is not None else line.raw.decode(errors="replace")


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield a row for each record, its columns named by the header."""
    with piece.open(reading.limits) as stream:
        every = lines(stream, limit=reading.limits.line, encodings=reading.encoding)
        head = [*islice(every, _SAMPLE)]
        dialect = _dialect(head, piece, reading)
        records = cut(chain(head, every), dialect, reading.limits.line)
        names, records = _named(records, reading)
        for record in records:
            origin = {**piece.origin, "line": record.line.number}
            if record.line.encoding:
                origin["encoding"] = record.line.encoding
            reason, detail = record.reason, record.detail
            if not reason and len(record.cells) != len(names):
                reason = reasons.RAGGED
                detail = f"{len(record.cells)}; the header has {len(names)}"
            if reason:
                where = {**origin, "byte": record.line.byte}
                set_aside(reject, where, reason, detail, excerpt=record.line.raw)
            else:
                yield with_origin(dict(zip(names, record.cells, strict=True)), origin)


def _named(records: Iterator[Cut], reading: Reading) -> tuple[list[str], Iterator[Cut]]:
    """Return the columns' names, and the records that are rows.

    Raises:
        BrokenFileError: the header is broken, or names a column twice.
    """
    if isinstance(reading.header, tuple):
        return list(reading.header), records
    first = next(records, None)
    if first is None:
        return [], records
    if not reading.header:
        names = [f"column{n}" for n in range(1, len(first.cells) + 1)]
        return names, chain((first,), records)
    if first.reason:
        raise BrokenFileError(reasons.HEADER, f"{first.reason}: {first.detail}")
    names = [cell.strip() or f"column{n}" for n, cell in enumerate(first.cells, 1)]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise BrokenFileError(reasons.HEADER, f"it names `{twice}` twice"[:200])
    return names, records


def _dialect(head: Sequence[Line], piece: Piece, reading: Reading) -> Dialect:
    """Return the stated dialect, else the delimiter with which most records have equal columns."""
    if reading.delimiter != AUTO:
        return Dialect(reading.delimiter, reading.quote, reading.escape)
    if reading.format == "tsv" or ".tsv" in piece.name.lower():
        return Dialect("\t", reading.quote, reading.escape)
    best, most = _DELIMITERS[0], 0.0
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, reading.quote, reading.escape)
        sample = cut(iter(head), dialect, reading.limits.line)
        widths = [len(record.cells) for record in sample if record.cells]
        if not widths or widths[0] < 2:
            continue
        alike = widths.count(widths[0]) / len(widths)
        if alike > most:
            best, most = delimiter, alike
    return Dialect(best, reading.quote, reading.escape)


FORMATS.register("csv")(Format(read, (".csv",), ("text/csv", "application/csv")))
FORMATS.register("tsv")(Format(read, (".tsv", ".tab"), ("text/tab-separated-values",)))

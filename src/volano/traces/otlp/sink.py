"""The sink: spooled export requests become rows, in the recorder's transaction.

What cannot be a row is set aside with its reason and is in nobody's way: a request
that cannot be read goes to the files beside the spool, as every such frame; a
single span to the table `spans_aside`, which keeps the newest of them. A span
that comes again, by the same ids, is one span.
"""

import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from volano.core.ports.annotate import Annotate
from volano.traces.frame import Spans
from volano.traces.mask.masking import Masking
from volano.traces.otlp import json, protobuf
from volano.traces.otlp.row import Base, SpanRows, UnfitError
from volano.traces.otlp.sent import Reading, Sent
from volano.traces.otlp.values import short
from volano.traces.tables import INSERT_SPAN, INSERT_SPANS, SPANS_AT_ONCE
from volano.wire.otlp.answers import JSON, PROTOBUF, MalformedError

log = logging.getLogger(__name__)

MAX_ASIDE = 10_000
"""So many spans that could not be rows are kept."""
MAX_ROWS = 2000
"""So many rows are held before they are written."""
MAX_PLAIN_BYTES = 64 << 20
"""No body is larger, unpacked: the door takes none."""
_GZIP_WINDOW = 31
_INSERT_ASIDE = "INSERT INTO spans_aside VALUES (NULL, ?, ?, ?, ?, ?, ?)"
_FORGET = f"DELETE FROM spans_aside WHERE seq <= (SELECT max(seq) FROM spans_aside) - {MAX_ASIDE}"  # noqa: S608
_UNFIT = (
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError),
    *(sqlite3.ProgrammingError, OverflowError, UnicodeEncodeError, TypeError, ValueError),
)


@dataclass(slots=True)
class Taken:
    """What became of spans: rows, repeats, set aside; and why a frame could not be read."""

    rows: int = 0
    repeats: int = 0
    aside: int = 0
    unread: dict[int, str] = field(default_factory=dict)


class SpanSink:
    """Takes frames of spans. One for each recorder: it remembers shapes of spans."""

    def __init__(self, annotate: Annotate | None = None, masking: Masking | None = None):
        self._rows = SpanRows(annotate, masking)
        self._read: Mapping[str, Callable[[bytes], Reading]] = {
            PROTOBUF: protobuf.Reader().read,
            JSON: json.read,
        }

    def take(self, conn: sqlite3.Connection, frames: Sequence[Spans]) -> Taken:
        """Write all of them; tell which could not be read.

        Raises:
            sqlite3.Error: the caller rolls back, and may take the same frames again.
        """
        taken = Taken()
        writing = _Writing(conn, taken, self._rows)
        for n, frame in enumerate(frames):
            try:
                self._take_one(frame, writing)
            except (MalformedError, KeyError) as error:
                taken.unread[n] = str(error)
        writing.flush()
        if taken.aside:
            conn.execute(_FORGET)
            log.warning("%d spans were set aside; see `volano span refused`.", taken.aside)
        return taken

    def _take_one(self, frame: Spans, writing: "_Writing") -> None:
        body = _unzipped(frame.body) if frame.gzipped else frame.body
        for source, spans in self._read[frame.encoding](body):
            base = self._rows.base(source, frame)
            for whole in spans:
                sent = self._rows.left_of(whole)
                try:
                    values = self._row(sent, base, frame.received_us)
                except (*_UNFIT, RecursionError) as error:
                    writing.set_aside(sent, frame, str(error))
                else:
                    writing.add(values, sent, frame)

    def _row(self, sent: Sent, base: Base, received_us: int) -> tuple[Any, ...]:
        try:
            return self._rows.make(sent, base, received_us)
        except UnfitError:
            raise
        except Exception:  # foreign code: the span is written all the same, showing nothing
            log.exception("The span %s could not be annotated; it is written bare.", sent.span_id)
            return self._rows.withheld(sent, base, received_us)


class _Writing:
    """Rows on their way into the table, some thousand at a time."""

    def __init__(self, conn: sqlite3.Connection, taken: Taken, made_by: SpanRows):
        self._conn, self._taken, self._made_by = conn, taken, made_by
        self._rows: list[tuple[Any, ...]] = []
        self._of: list[tuple[Sent, Spans]] = []

    def add(self, values: tuple[Any, ...], sent: Sent, frame: Spans) -> None:
        self._rows.append(values)
        self._of.append((sent, frame))
        if len(self._rows) >= MAX_ROWS:
            self.flush()

    def set_aside(self, sent: Sent, frame: Spans, why: str) -> None:
        name, kept = short(sent.name) or "", self._made_by.aside(sent)
        values = (frame.received_us, frame.key_id, frame.group, why[:500], name, kept)
        self._conn.execute(_INSERT_ASIDE, values)
        self._taken.aside += 1

    def flush(self) -> None:
        """Insert all at once; where one does not fit, one by one, and that one is set aside."""
        rows, of = self._rows, self._of
        self._rows, self._of = [], []
        if not rows:
            return
        conn, taken = self._conn, self._taken
        conn.execute("SAVEPOINT spans")
        try:
            written = _insert(conn, rows)
        except _UNFIT:
            conn.execute("ROLLBACK TO spans")
            written = sum(self._one(*one) for one in zip(rows, of, strict=True))
        else:
            taken.repeats += len(rows) - written
        conn.execute("RELEASE spans")
        taken.rows += written

    def _one(self, values: tuple[Any, ...], of: tuple[Sent, Spans]) -> int:
        try:
            written = self._conn.execute(INSERT_SPAN, values).rowcount
        except _UNFIT as error:
            self.set_aside(*of, f"it does not fit the table ({error})")
            return 0
        self._taken.repeats += 1 - written
        return written


def _insert(conn: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    written, end = 0, len(rows) - len(rows) % SPANS_AT_ONCE
    for at in range(0, end, SPANS_AT_ONCE):
        values = list(chain.from_iterable(rows[at : at + SPANS_AT_ONCE]))
        written += conn.execute(INSERT_SPANS, values).rowcount
    rest = rows[end:]
    return written + (conn.executemany(INSERT_SPAN, rest).rowcount if rest else 0)


def _unzipped(body: bytes) -> bytes:
    found = bytearray()
    for part in _members(body):
        found += part
        if len(found) > MAX_PLAIN_BYTES:
            raise MalformedError("it is too large, unpacked")
    return bytes(found)


def _members(body: bytes) -> Iterator[bytes]:
    while body:
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            yield member.decompress(body, MAX_PLAIN_BYTES + 1)
        except zlib.error as error:
            raise MalformedError(f"it is no gzip ({error})") from None
        body = member.unused_data

"""Intake: one look goes into the tables, inside one transaction that its caller holds."""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import TypeVar

import msgspec

from volano.core.clock import Clock
from volano.core.ports.annotate import Annotate
from volano.traces.aside import set_aside
from volano.traces.frame import Begin, Call, Kind, decode_begin, decode_call, decode_spans, encode
from volano.traces.look import Look
from volano.traces.mask.masking import Masking
from volano.traces.otlp.counted import Counted, ask
from volano.traces.otlp.sink import SpanSink
from volano.traces.rollup import Rollup
from volano.traces.row import Rows, cut_call
from volano.traces.segment import Frame, Segment, writer_of
from volano.traces.tables import (
    INSERT_CALL,
    SESSIONS_OF_NEW_CALLS,
    SPEND_OF_NEW,
    TAGS_OF_NEW_CALLS,
)

log = logging.getLogger(__name__)

Sink = Callable[[sqlite3.Connection, Sequence[bytes]], Sequence[int]]
"""Takes the payloads of one kind of frame into its own tables, inside the recorder's transaction;
returns the positions of those that it cannot read. It must tolerate repeats."""

T = TypeVar("T")
_UNFIT = (
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError),
    *(sqlite3.ProgrammingError, OverflowError, UnicodeEncodeError, TypeError, ValueError),
)


class Intake:
    """Writes looks; what cannot become a row is set aside and counted, never in the way."""

    def __init__(
        self, sinks: Mapping[int, Sink], annotate: Annotate | None, clock: Clock,
        masking: Masking | None = None,
    ):  # fmt: skip
        self._sinks, self._clock, self._masking = dict(sinks), clock, masking
        self._rows, self._spans = Rows(annotate, masking), SpanSink(annotate, masking)
        self._rollup = Rollup()

    def take(self, conn: sqlite3.Connection, look: Look) -> None:
        """Write rows, begun streams, what sinks take, cut streams, losses and offsets.

        Raises:
            sqlite3.Error, OSError: the caller rolls back, and may take the same look again.
        """
        self._know()
        self._rollup.mark(conn)
        for segment, reading in look.readings:
            for gap in reading.gaps:
                self._lose(look, segment, gap.start, gap.end, "no whole record stands there")
        begins = self._decoded(look, Kind.BEGIN, decode_begin)
        calls = self._decoded(look, Kind.CALL, decode_call)
        ended = {(call.id, call.span_id) for _, _, call in calls}
        conn.executemany(
            "INSERT OR REPLACE INTO begun VALUES (?, ?, ?, ?)",
            [
                (begin.id, begin.span_id, segment.life, self._kept(frame, begin))
                for segment, frame, begin in begins
                if (begin.id, begin.span_id) not in ended
            ],
        )
        self._write_calls(conn, look, calls)
        conn.executemany("DELETE FROM begun WHERE id = ? AND span_id = ?", ended)
        spans = self._write_spans(conn, look)
        self._fill_sinks(conn, look)
        self.write_cut(conn, look)
        self._rollup.add(
            conn, self._clock.now_us(), None if spans is None else (spans.rows, spans.full())
        )
        conn.executemany(
            "INSERT OR IGNORE INTO losses VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            [astuple(loss) for loss in look.losses],
        )
        conn.executemany(
            "INSERT OR REPLACE INTO offsets VALUES (?, ?)",
            [(segment.name, reading.offset) for segment, reading in look.readings],
        )

    def _kept(self, frame: Frame, begin: Begin) -> bytes:
        """What is kept of a call under way: as it came, or what the rules of masking leave of it."""
        if self._masking is None or not self._masking.active:
            return frame.payload
        return encode(self._masking.begin(begin))

    def write_cut(self, conn: sqlite3.Connection, look: Look) -> None:
        """Give each stream that had begun in a life that is over its trace."""
        self._know()
        newest = _newest(conn)
        for life, ended_us in look.over.items():
            found = conn.execute("SELECT payload FROM begun WHERE life = ?", (life,)).fetchall()
            for (payload,) in found:
                call = cut_call(decode_begin(payload), worker=writer_of(life), ended_us=ended_us)
                look.cut += conn.execute(INSERT_CALL, self._row(call, life)).rowcount
            conn.execute("DELETE FROM begun WHERE life = ?", (life,))
        if look.over:
            _add_new_calls(conn, newest)

    def _know(self) -> None:
        """Know the rules of masking of this moment. Raises OSError: then nothing is written."""
        if self._masking is not None:
            self._masking.refresh()

    def _write_calls(
        self, conn: sqlite3.Connection, look: Look, calls: list[tuple[Segment, Frame, Call]]
    ) -> None:
        """Insert all at once; where one does not fit, one by one, and that one is set aside."""
        rows = [self._row(call, segment.life) for segment, _, call in calls]
        newest = _newest(conn)
        conn.execute("SAVEPOINT calls")
        try:
            written = conn.executemany(INSERT_CALL, rows).rowcount if rows else 0
        except _UNFIT:
            conn.execute("ROLLBACK TO calls")
            written = 0
            for (segment, frame, _), row in zip(calls, rows, strict=True):
                try:
                    written += conn.execute(INSERT_CALL, row).rowcount
                except _UNFIT as error:
                    self._lose_frame(look, segment, frame, f"it does not fit the table ({error})")
        conn.execute("RELEASE calls")
        if rows:
            _add_new_calls(conn, newest)
        look.rows += written
        look.repeats += len(calls) - written

    def _write_spans(self, conn: sqlite3.Connection, look: Look) -> Counted | None:
        """Write the spans; return what was counted of them, where it was."""
        found = self._decoded(look, Kind.SPANS, decode_spans)
        if not found:
            return None
        newest = _newest(conn, "spans")
        taken = self._spans.take(conn, [frame for _, _, frame in found])
        if taken.counted is None:
            ask(conn, newest)
        else:
            taken.counted.write(conn, newest)
        look.spans += taken.rows
        look.repeats += taken.repeats
        look.spans_aside += taken.aside
        for n, why in taken.unread.items():
            self._lose_frame(look, *found[n][:2], f"its content cannot be read ({why})")
        return taken.counted

    def _row(self, call: Call, life: str) -> tuple[object, ...]:
        try:
            return self._rows.make(call, life)
        except Exception:  # foreign code: the trace is written all the same, showing nothing
            log.exception(
                "The call %s could not be annotated; its trace is written without content.", call.id
            )
            return self._rows.withheld(call, life)

    def _fill_sinks(self, conn: sqlite3.Connection, look: Look) -> None:
        own = {Kind.CALL, Kind.BEGIN, Kind.SPANS}
        by_kind: dict[int, list[tuple[Segment, Frame]]] = {}
        for segment, frame in look.frames():
            if not frame.known or frame.kind not in own:
                by_kind.setdefault(frame.kind if frame.known else -1, []).append((segment, frame))
        for kind, found in by_kind.items():
            if (sink := self._sinks.get(kind)) is not None:
                for n in sink(conn, [frame.payload for _, frame in found]):
                    self._lose_frame(look, *found[n], "its content cannot be read")
                continue
            for segment, frame in found:
                why = f"this volano knows no record of kind {frame.kind}, version {frame.version}"
                self._lose_frame(look, segment, frame, why)

    def _decoded(
        self, look: Look, kind: Kind, decode: Callable[[bytes], T]
    ) -> list[tuple[Segment, Frame, T]]:
        good = []
        for segment, frame in look.frames():
            if frame.kind == kind and frame.known:
                try:
                    good.append((segment, frame, decode(frame.payload)))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    self._lose_frame(look, segment, frame, f"its content cannot be read ({error})")
        return good

    def _lose_frame(self, look: Look, segment: Segment, frame: Frame, why: str) -> None:
        self._lose(look, segment, frame.offset, frame.end, why)

    def _lose(self, look: Look, segment: Segment, start: int, end: int, why: str) -> None:
        now_us = self._clock.now_us()
        look.losses.append(set_aside(segment, start, end, why=why, now_us=now_us))


def _add_new_calls(conn: sqlite3.Connection, newest: int) -> None:
    """Add calls behind this `seq` to the sums, the sessions and the tags."""
    for statement in (SPEND_OF_NEW, SESSIONS_OF_NEW_CALLS, TAGS_OF_NEW_CALLS):
        conn.execute(statement, (newest,))


def _newest(conn: sqlite3.Connection, table: str = "calls") -> int:
    found: int | None = conn.execute(f"SELECT max(seq) FROM {table}").fetchone()[0]  # noqa: S608
    return found or 0

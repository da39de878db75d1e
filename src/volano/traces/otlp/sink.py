"""The sink: spooled export requests become rows, in the recorder's transaction.

What cannot be a row is set aside with its reason and is in nobody's way: a request
that cannot be read goes to the files beside the spool, as every such frame; a
single span to the table `spans_aside`, which keeps the newest of them. A span
that comes again, by the same ids, is one span.
"""

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from volano.core.ports.annotate import Annotate
from volano.traces.frame import Spans
from volano.traces.mask.masking import Masking
from volano.traces.otlp.batches import UNREADABLE, Batch, Batches
from volano.traces.otlp.counted import Counted
from volano.traces.otlp.row import Aside
from volano.traces.otlp.sent import Sent
from volano.traces.otlp.values import short
from volano.traces.tables import INSERT_SPAN, INSERT_SPANS, SPANS_AT_ONCE

log = logging.getLogger(__name__)

MAX_ASIDE = 10_000
"""So many spans that could not be rows are kept."""
_INSERT_ASIDE = "INSERT INTO spans_aside VALUES (NULL, ?, ?, ?, ?, ?, ?)"
_FORGET = f"DELETE FROM spans_aside WHERE seq <= (SELECT max(seq) FROM spans_aside) - {MAX_ASIDE}"  # noqa: S608
_UNFIT = (
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError),
    *(sqlite3.ProgrammingError, *UNREADABLE),
)


@dataclass(slots=True)
class Taken:
    """What became of spans: rows, repeats, set aside; and why a frame could not be read.

    `counted` counts the rows; None where not all spans became one, so that nobody counted them.
    """

    rows: int = 0
    repeats: int = 0
    aside: int = 0
    unread: dict[int, str] = field(default_factory=dict)
    counted: Counted | None = field(default_factory=Counted)


class SpanSink:
    """Takes frames of spans. One for each recorder: it remembers shapes of spans."""

    def __init__(self, annotate: Annotate | None = None, masking: Masking | None = None):
        self._batches = Batches(annotate, masking)

    def take(self, conn: sqlite3.Connection, frames: Sequence[Spans]) -> Taken:
        """Write all of them; tell which could not be read.

        Raises:
            sqlite3.Error: the caller rolls back, and may take the same frames again.
        """
        taken = Taken()
        writing = _Writing(conn, taken)
        with self._batches.of(frames, taken.unread) as batches:
            for batch in batches:
                writing.write(batch)
        if taken.aside:
            conn.execute(_FORGET)
            log.warning("%d spans were set aside; see `volano span refused`.", taken.aside)
        return taken


class _Writing:
    """Rows on their way into the table, a batch at a time."""

    def __init__(self, conn: sqlite3.Connection, taken: Taken):
        self._conn, self._taken, self._aside = conn, taken, Aside()

    def write(self, batch: Batch) -> None:
        """Insert all at once; where one does not fit, one by one, and that one is set aside."""
        for sent, frame, why in batch.aside:
            self._set_aside(sent, frame, why)
        conn, taken = self._conn, self._taken
        conn.execute("SAVEPOINT spans")
        try:
            written = _insert(conn, batch.rows)
        except _UNFIT:
            conn.execute("ROLLBACK TO spans")
            written = sum(self._one(*one) for one in zip(batch.rows, batch.of, strict=True))
        else:
            taken.repeats += len(batch.rows) - written
        conn.execute("RELEASE spans")
        taken.rows += written
        if written < len(batch.rows) or batch.counted is None:
            taken.counted = None
        elif taken.counted is not None:
            taken.counted.add(batch.counted)

    def _one(self, values: tuple[Any, ...], of: tuple[Sent, Spans]) -> int:
        try:
            written = self._conn.execute(INSERT_SPAN, values).rowcount
        except _UNFIT as error:
            self._set_aside(*of, f"it does not fit the table ({error})")
            return 0
        self._taken.repeats += 1 - written
        return written

    def _set_aside(self, sent: Sent, frame: Spans, why: str) -> None:
        name, kept = short(sent.name) or "", self._aside.pack(sent)
        values = (frame.received_us, frame.key_id, frame.group, why[:500], name, kept)
        self._conn.execute(_INSERT_ASIDE, values)
        self._taken.aside += 1


def _insert(conn: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    written, end = 0, len(rows) - len(rows) % SPANS_AT_ONCE
    for at in range(0, end, SPANS_AT_ONCE):
        values = list(chain.from_iterable(rows[at : at + SPANS_AT_ONCE]))
        written += conn.execute(INSERT_SPANS, values).rowcount
    rest = rows[end:]
    return written + (conn.executemany(INSERT_SPAN, rest).rowcount if rest else 0)

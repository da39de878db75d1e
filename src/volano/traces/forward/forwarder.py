"""The forwarder: batch after batch, in the order of recording, until each is taken.

A backend that is away, full, slow or does not know us is asked again with the same batch, later
each time, and not before its `Retry-After`. A batch that it refuses for what is in it (400, 413,
422) is halved, until what it refuses is a single row: that is counted and left behind. What is older than `hours` when
its turn comes is skipped and counted: a backlog has an end. Recording waits for none of this.
"""

import contextlib
import json
import logging
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.core.ports.forward import Send, Sent
from volano.traces.forward import spans
from volano.traces.forward.place import load, save
from volano.traces.sealed.records import OLDEST, Records
from volano.traces.sealed.within import Within

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
ROWS = 200
"""So many rows are sent at once."""
IDLE_S = 0.5
LONGEST_S = 300.0
_LAST_S = 2.0
"""So long the end waits for it; a batch under way then comes again after the next start."""
"""So long it waits at most before it asks again."""
_FOR_GOOD = frozenset((400, 413, 422))
"""What is said of the content. All else (a wrong key or path too) may be mended, and is asked again."""
_OF = {"calls": (spans.CALL_COLUMNS, spans.of_calls), "spans": (spans.SPAN_COLUMNS, spans.of_spans)}


class Forwarder:
    """The only one that forwards from a folder: it lives in the recorder's process."""

    def __init__(
        self, records: Records, path: Path, send: Send, *, clock: Clock, hours: int = 24,
        first_wait_s: float = 1.0, chance: Callable[[], float] = random.random,
    ):  # fmt: skip
        self._records, self._path, self._send = records, path, send
        self._clock, self._hours, self._chance = clock, hours, chance
        self._first_wait_s = self._wait_s = first_wait_s
        self._rows = ROWS
        self.place = load(path)

    def step(self) -> float:
        """Send what is next, a batch of calls and one of spans; return how long to wait then, seconds.

        Raises:
            sqlite3.Error, OSError, VolanoError: not now; nothing is lost, call again.
        """
        moved = False
        for table in _OF:
            rows = self._next(table)
            if not rows:
                continue
            young = [row for row in rows if self._is_young(row, table)]
            if young and (wait_s := self._deliver(table, young)) is not None:
                return wait_s
            self._done(table, rows, skipped=len(rows) - len(young))
            moved = True
        return 0.0 if moved else IDLE_S

    def run(self, stop: threading.Event) -> None:
        """Forward until told to stop."""
        while not stop.is_set():
            try:
                wait_s = self.step()
            except (sqlite3.Error, OSError, VolanoError) as error:
                log.warning("Traces cannot be forwarded now (%s); it is tried again.", error)
                wait_s = self._later()
            stop.wait(wait_s)

    def _next(self, table: str) -> Sequence[tuple[Any, ...]]:
        columns, _ = _OF[table]
        after = getattr(self.place, table)
        rows = self._records.select(
            table, columns, order=OLDEST, limit=self._rows, within=Within(after=after)
        )
        if not rows and (last := self._records.bounds(table)[1]) < after:
            setattr(self.place, table, last)  # the records were restored from an older copy
        return rows

    def _is_young(self, row: Sequence[Any], table: str) -> bool:
        ended_us: int = row[_OF[table][0].index("ended_us")]
        return ended_us >= self._clock.now_us() - self._hours * HOUR_US

    def _deliver(self, table: str, rows: Sequence[Sequence[Any]]) -> float | None:
        """Send rows; None: they are done with, else so long to wait before they come again."""
        _, made_of = _OF[table]
        body = json.dumps({"resourceSpans": made_of(rows)}, ensure_ascii=False).encode()
        answer = self._send(body)
        if not _is_taken(answer) and answer.status not in _FOR_GOOD:
            return self._again(answer)
        if not _is_taken(answer) and len(rows) > 1:
            self._rows = max(1, len(rows) // 2)
            return 0.0
        self._rows, self._wait_s = ROWS, self._first_wait_s
        refused = _refused(answer, len(rows))
        self.place.sent += len(rows) - refused
        self.place.refused += refused
        self._tell(
            f"{refused} of {len(rows)} spans were refused ({answer.status})" if refused else ""
        )
        return None

    def _again(self, answer: Sent) -> float:
        self._tell(answer.why or f"it answered {answer.status}")
        wait_s = max(self._later(), answer.retry_after_s or 0.0)
        self.place.at_us = self._clock.now_us()
        save(self._path, self.place)
        return min(wait_s, LONGEST_S)

    def _later(self) -> float:
        """Twice as long as the last time, and a chance more: many do not come back at once."""
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, LONGEST_S)
        return wait_s * (1 + self._chance() / 2)

    def _done(self, table: str, rows: Sequence[Sequence[Any]], *, skipped: int) -> None:
        setattr(self.place, table, rows[-1][0])
        self.place.skipped += skipped
        self.place.at_us = self._clock.now_us()
        save(self._path, self.place)

    def _tell(self, trouble: str) -> None:
        """Say it once when it stops, and once when it goes on."""
        if trouble and not self.place.trouble:
            log.warning("Traces are not forwarded as they should be: %s.", trouble)
        elif self.place.trouble and not trouble:
            log.warning("Traces are forwarded again.")
        self.place.trouble = trouble


@contextlib.contextmanager
def forwarding(forwarder: Forwarder | None) -> Iterator[None]:
    """Forward in a thread of its own while the block runs."""
    if forwarder is None:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=forwarder.run, args=[stop], name="forwarder", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_LAST_S)


class _Partial(msgspec.Struct):
    rejectedSpans: int | str = 0  # noqa: N815 - OTLP's name


class _Said(msgspec.Struct):
    partialSuccess: _Partial | None = None  # noqa: N815 - OTLP's name


def _is_taken(answer: Sent) -> bool:
    return 200 <= answer.status < 300


def _refused(answer: Sent, rows: int) -> int:
    """How many the backend did not take. A success with words that cannot be read is a success."""
    if not _is_taken(answer):
        return rows
    try:
        partial = msgspec.json.decode(answer.body, type=_Said).partialSuccess
        return min(rows, max(0, int(partial.rejectedSpans))) if partial else 0
    except (msgspec.DecodeError, ValueError):
        return 0

"""Feedbacks: the verbs. Adding returns when the feedback is on the disk; reading is short looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.clock import Clock, SystemClock
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.feedback.errors import NoSpoolError
from volano.feedback.record import Feedback, checked
from volano.feedback.tables import SELECT, encode
from volano.traces.frame import Kind
from volano.traces.hot import reading
from volano.traces.keeper import Traces
from volano.traces.spool import Spool
from volano.traces.trace import Trace


@dataclass(frozen=True, slots=True)
class Correction:
    """A call that was answered wrongly, and the feedback that says what is right."""

    trace: Trace
    feedback: Feedback

    @property
    def text(self) -> str:
        """The right answer."""
        return self.feedback.correction or ""


class Feedbacks:
    """Takes feedback into the spool, and reads what the recorder made of it."""

    def __init__(self, spool: Spool | None, hot_path: Path, clock: Clock | None = None):
        """Without a spool, only read."""
        self._spool, self._path = spool, hot_path
        self._clock = clock or SystemClock()
        self._traces = Traces(hot_path)

    def add(
        self,
        trace_id: str,
        *,
        name: str = "correct",
        value: float | None = None,
        comment: str | None = None,
        correction: str | None = None,
        feedback_id: str | None = None,
        by: Principal,
    ) -> Feedback:
        """Take one feedback; when this returns it is on the disk, and listed a moment later.

        The trace need not be known (yet). With `feedback_id` (a UUID) the same
        call may be repeated without counting twice.

        Raises:
            InvalidError, TooLargeError: a rule is broken; the message says which.
            SpoolFullError, SpoolBrokenError: it could not be kept; say it again later.
            NoSpoolError: this part of volano only reads.
        """
        now_us = self._clock.now_us()
        said = checked(
            Feedback(
                id=uuid7(now_us) if feedback_id is None else feedback_id,
                trace_id=trace_id,
                at_us=now_us,
                by=str(by),
                group=by.group,
                name=name,
                value=value,
                comment=comment,
                correction=correction,
            )
        )
        if self._spool is None:
            raise NoSpoolError
        self._spool.append(Kind.FEEDBACK, encode(said))
        self._spool.sync()
        return said

    def list(
        self,
        *,
        trace_id: str | None = None,
        name: str | None = None,
        since_us: int | None = None,
        limit: int = 50,
        before_seq: int | None = None,
    ) -> tuple[Feedback, ...]:
        """Return the newest first; go on with `before_seq` = the last one's `seq`."""
        asked = (
            ("trace_id = ?", trace_id),
            ("name = ?", name),
            ("at_us >= ?", since_us),
            ("seq < ?", before_seq),
        )
        given = [(condition, value) for condition, value in asked if value is not None]
        where = " AND ".join(["1", *(condition for condition, _ in given)])
        values = [value for _, value in given]
        return self._select(f"{where} ORDER BY seq DESC LIMIT ?", [*values, limit])

    def since(
        self, seq: int, *, name: str | None = None, limit: int = 1000
    ) -> tuple[Feedback, ...]:
        """Return feedback recorded after this `seq`, oldest first: go on with the last one's."""
        where, values = ("seq > ? AND name = ?", [seq, name]) if name else ("seq > ?", [seq])
        return self._select(f"{where} ORDER BY seq LIMIT ?", [*values, limit])

    def on(self, trace_ids: Iterable[str], *, until_seq: int) -> tuple[Feedback, ...]:
        """Return what was said on these traces and recorded up to this `seq`, oldest first."""
        ids = sorted(set(trace_ids))
        found: list[Feedback] = []
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = ids[start : start + _IDS_AT_ONCE]
            where = f"trace_id IN ({', '.join('?' * len(part))}) AND seq <= ?"
            found += self._select(where, [*part, until_seq])
        return tuple(sorted(found, key=lambda said: said.seq))

    def corrections(
        self,
        *,
        channel: str | None = None,
        release: str | None = None,
        since_us: int = 0,
        limit: int = 10_000,
    ) -> tuple[Correction, ...]:
        """Return calls with the newest correction of each, the oldest correction first.

        Corrections of traces that are not recorded here, or whose question
        could not be read, are left out: nothing can be learned from them.
        """
        where = "correction IS NOT NULL AND at_us >= ? ORDER BY at_us DESC, seq DESC LIMIT ?"
        newest: dict[str, Feedback] = {}
        for said in self._select(where, [since_us, limit]):
            newest.setdefault(said.trace_id, said)
        found = self._traces.by_ids(newest)
        joined = (Correction(found[t], f) for t, f in reversed(newest.items()) if t in found)
        return tuple(
            correction
            for correction in joined
            if correction.trace.input_text is not None
            and channel in (None, correction.trace.channel)
            and release in (None, correction.trace.release)
        )

    def _select(self, where: str, values: Sequence[Any]) -> tuple[Feedback, ...]:
        with reading(self._path) as conn:
            if conn is None or not conn.execute(_THERE).fetchone():
                return ()
            rows = conn.execute(f"{SELECT} WHERE {where}", values).fetchall()
        return tuple(Feedback(*row) for row in rows)


_IDS_AT_ONCE = 500
_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'feedback'"

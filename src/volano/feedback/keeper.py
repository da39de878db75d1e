"""Feedbacks: the verbs. Adding returns when the feedback is on the disk; reading is short looks."""

import builtins
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from volano.access.moment import moment_us
from volano.core.clock import Clock, SystemClock
from volano.core.errors import InvalidError, VolanoError
from volano.core.ids import uuid7
from volano.core.noted import Noted
from volano.core.principal import Principal
from volano.feedback.errors import (
    BadBatchError,
    BadConfidenceError,
    BadMomentOfFeedbackError,
    BadValueError,
    NoOutcomeError,
    NoSpoolError,
    NotYoursError,
    UnknownFeedbackError,
    WithdrawnError,
)
from volano.feedback.join import Joined, joined
from volano.feedback.metric import Measure, Metric, fits, measure
from volano.feedback.rates import Rate, rates
from volano.feedback.record import Feedback, checked
from volano.feedback.rows import TAKEN, read
from volano.feedback.subject import Subject, subject
from volano.feedback.tables import encode, select
from volano.traces.frame import Kind
from volano.traces.hot import reading
from volano.traces.keeper import Traces
from volano.traces.span import Span
from volano.traces.spool import Spool
from volano.traces.trace import Trace

MOST_AT_ONCE = 1_000
MOST_COUNTED = 20_000
_IDS_AT_ONCE = 500
_MOST_NOTES = 10
_ON_ONE = 200
_NAMESPACE = uuid.UUID("0198c0de-0000-7000-8000-fb0000000001")
_SOURCES = {"person": "person", "service": "program"}


class Meanings(Protocol):
    """What is asked of the metrics; the recorder's process has none and loads no catalog."""

    def current(self, name: str) -> Metric | None:
        """Return what a name means now; None for a free name. Raises: RetiredMetricError."""
        ...


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

    def __init__(
        self,
        spool: Spool | None,
        hot_path: Path,
        clock: Clock | None = None,
        metrics: Meanings | None = None,
    ):
        """Without a spool, only read; without metrics, every name is free."""
        self._spool, self._path = spool, hot_path
        self._clock = clock or SystemClock()
        self._traces = Traces(hot_path)
        self._metrics = metrics

    # giving

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
        """Take one feedback on a trace; when this returns it is on the disk, and listed a moment later.

        The trace need not be known (yet). With `feedback_id` (a UUID) the same
        call may be repeated without counting twice. Where the name is a metric, the
        value is one of its own; a free name takes 0 (bad) to 1 (good).

        Raises:
            InvalidError, TooLargeError: a rule is broken; the message says which.
            SpoolFullError, SpoolBrokenError: it could not be kept; say it again later.
            NoSpoolError: this part of volano only reads.
        """
        if isinstance(value, str):  # the doors make numbers of it; `give` takes words
            raise BadValueError(value=repr(value)[:40])
        given = {"comment": comment, "correction": correction}
        about = Subject("trace", trace_id, trace_id)
        said, _ = self._said(about, name, value, given, id_=feedback_id, by=by)
        self._keep([said])
        return said

    def give(
        self,
        subject: str,
        *,
        name: str = "correct",
        value: str | float | None = None,
        comment: str | None = None,
        correction: str | None = None,
        source: str | None = None,
        source_name: str = "",
        confidence: float | None = None,
        at: str | None = None,
        idempotency_key: str | None = None,
        by: Principal,
    ) -> Noted:
        """Take one feedback on a trace, span, session, user or own key (`order:4711`).

        `value` is what the metric of this name takes; `at` when it happened, if not now. The
        same `idempotency_key` of the same principal counts once.

        Raises:
            InvalidError, TooLargeError: a rule is broken; the message says what is allowed.
            SpoolFullError, SpoolBrokenError, NoSpoolError: it could not be kept.
        """
        said, notes = self._given(
            {
                "subject": subject, "name": name, "value": value, "comment": comment, "correction": correction,
                "source": source, "source_name": source_name, "confidence": confidence, "at": at,
                "idempotency_key": idempotency_key,
            },
            by=by,
        )  # fmt: skip
        self._keep([said])
        return Noted(said, notes)

    def outcome(
        self, name: str, *, subject: str, value: str | float = "true", at: str | None = None,
        comment: str | None = None, idempotency_key: str | None = None, by: Principal,
    ) -> Noted:  # fmt: skip
        """Say what the business got: `sale` on `order:4711`, `revenue` of `49.90 EUR`.

        Raises:
            NoOutcomeError: no metric of this name is an outcome.
            InvalidError, TooLargeError: as with `give`.
        """
        metric = self._metrics.current(name) if self._metrics else None
        if metric is None or not metric.outcome:
            raise NoOutcomeError(name=ascii(name)[1:-1][:64])
        return self.give(
            subject, name=name, value=value, at=at, comment=comment, source="program",
            idempotency_key=idempotency_key, by=by,
        )  # fmt: skip

    def batch(self, items: builtins.list[Mapping[str, Any]], *, by: Principal) -> dict[str, Any]:
        """Take many at once, each what `give` takes; those that break a rule are told, by place.

        Raises:
            BadBatchError: no list, empty, or more than a thousand.
            SpoolFullError, SpoolBrokenError, NoSpoolError: none was kept.
        """
        if not isinstance(items, list_) or not 0 < len(items) <= MOST_AT_ONCE:
            raise BadBatchError(most=MOST_AT_ONCE)
        return self._take(enumerate(items), "item", by=by)[0]

    def import_file(self, path: Path, *, key: str = "", by: Principal) -> dict[str, Any]:
        """Take a CSV or JSONL file; say how much is joined, what waits and what was refused, and why.

        The same file again changes nothing.

        Raises:
            BadFileError: it is no such file; nothing of it was taken.
            SpoolFullError, SpoolBrokenError, NoSpoolError: it was not kept, or not all of it.
        """
        rows = [*read(path, key=key)]
        told, said = self._take(rows, "line", by=by)
        waits = [voice for voice in joined(said, self._traces) if voice.waits]
        reasons: dict[str, int] = {}
        for voice in waits:
            why = _WAITS[voice.feedback.level].format(voice.feedback.subject.partition(":")[0])
            reasons[why] = reasons.get(why, 0) + 1
        told["notes"] += [f"{n} waiting: {why}" for why, n in reasons.items()]
        return {
            "file": path.name, "rows": len(rows), **told,
            "joined": len(said) - len(waits), "waiting": len(waits), "reasons": reasons,
        }  # fmt: skip

    # thinking better of it

    def edit(
        self,
        feedback_id: str,
        *,
        value: str | float | None = None,
        comment: str | None = None,
        correction: str | None = None,
        by: Principal,
    ) -> Feedback:
        """Say it better: a new record that supersedes the old one, which stays. What is not given stays.

        Raises:
            UnknownFeedbackError, WithdrawnError, NotYoursError: as they say.
            InvalidError, TooLargeError: a rule is broken.
        """
        old = self._own(feedback_id, by)
        given = {
            "comment": old.comment if comment is None else comment,
            "correction": old.correction if correction is None else correction,
        }
        if value is None:
            said = replace(old, comment=given["comment"], correction=given["correction"])
        else:
            about = Subject(old.level, old.subject, old.trace_id)  # type: ignore[arg-type]
            said, _ = self._said(about, old.name, value, given, by=by)
            said = replace(
                said, source=old.source, source_name=old.source_name, confidence=old.confidence
            )
        return self._supersede(said, old, by)

    def retract(self, feedback_id: str, *, by: Principal) -> Feedback:
        """Take it back: it counts no more. The record stays, with one that says who took it back.

        Raises:
            UnknownFeedbackError, WithdrawnError, NotYoursError: as they say.
        """
        old = self._own(feedback_id, by)
        blank = replace(
            old, value=None, number=None, category=None, nano=None, currency=None,
            comment=None, correction=None, retracted=True,
        )  # fmt: skip
        return self._supersede(blank, old, by)

    # reading

    def list(
        self,
        *,
        trace_id: str | None = None,
        name: str | None = None,
        on: str | None = None,
        since_us: int | None = None,
        limit: int = 50,
        before_seq: int | None = None,
        history: bool = False,
    ) -> tuple[Feedback, ...]:
        """Return what holds, the newest first; go on with `before_seq` = the last one's `seq`.

        `on` is a subject such as `order:4711`. With `history` also what was superseded or
        taken back, and the records that say so.
        """
        about = None if on is None else subject(on)
        asked = (
            ("trace_id = ?", trace_id),
            ("name = ?", name),
            ("level = ?", about and about.level),
            ("subject = ?", about and about.id),
            ("trace_id = ?", about and about.trace_id),
            ("current = ?", None if history else 1),
            ("at_us >= ?", since_us),
            ("seq < ?", before_seq),
        )
        given = [(condition, value) for condition, value in asked if value is not None]
        where = " AND ".join(["1", *(condition for condition, _ in given)])
        values = [value for _, value in given]
        return self._select(f"{where} ORDER BY seq DESC LIMIT ?", [*values, limit])

    def about(self, trace: Trace | Span) -> tuple[Feedback, ...]:
        """Return what holds of a trace, the newest first: said of it, of its session, of its own keys."""
        found = [*self.list(trace_id=trace.id, limit=_ON_ONE)]
        keys = [("key", f"{name}:{value}") for name, value in trace.tags.items()]
        for level, id_ in [*keys, *([("session", trace.session)] if trace.session else [])]:
            where = "level = ? AND subject = ? AND current = 1 ORDER BY seq DESC LIMIT ?"
            found += self._select(where, [level, id_, _ON_ONE])
        return tuple(sorted(found, key=lambda said: -said.seq))

    def get(self, feedback_id: str) -> Feedback:
        """Return one record.

        Raises:
            UnknownFeedbackError: there is none (yet).
        """
        found = self._select("id = ?", [str(feedback_id).lower()])
        if not found:
            raise UnknownFeedbackError(id=ascii(feedback_id)[1:-1][:60])
        return found[0]

    def history(self, feedback_id: str) -> tuple[Feedback, ...]:
        """Return all records of its thread, the first one first.

        Raises:
            UnknownFeedbackError: there is none (yet).
        """
        return self._select("thread = ? ORDER BY seq", [self.get(feedback_id).thread])

    def rates(
        self,
        by_what: str = "all",
        *,
        name: str | None = None,
        since: str = "",
        source: str = "",
        since_us: int | None = None,
    ) -> builtins.list[Rate]:
        """Return counts, rates, means and sums with intervals, by release, channel, source or day.

        What waits for its trace is not in them. At most the newest 20,000 voices count.

        Raises:
            BadMomentOfFeedbackError: `since` is no moment.
        """
        start = self._moment(since) if since else since_us
        said = self.list(name=name, since_us=start, limit=MOST_COUNTED)
        wanted = [each for each in said if source in ("", each.source)]
        return rates(self.joined(wanted), by_what)

    def waiting(self, *, limit: int = 50) -> builtins.list[dict[str, Any]]:
        """Return feedback whose trace is not recorded (yet), with what it waits for."""
        voices = self.joined(self.list(limit=MOST_COUNTED))
        return [
            {
                "id": v.feedback.id, "on": v.feedback.about, "name": v.feedback.name,
                "given": v.feedback.given, "at_us": v.feedback.at_us, "why": v.why,
            }
            for v in voices
            if v.waits
        ][:limit]  # fmt: skip

    def joined(self, said: Sequence[Feedback]) -> builtins.list[Joined]:
        """Return each with the place of its trace, or why it waits."""
        return joined(said, self._traces)

    def since(
        self, seq: int, *, name: str | None = None, limit: int = 1000
    ) -> tuple[Feedback, ...]:
        """Return feedback recorded after this `seq`, oldest first: go on with the last one's."""
        where, values = ("seq > ? AND name = ?", [seq, name]) if name else ("seq > ?", [seq])
        return self._select(f"{where} ORDER BY seq LIMIT ?", [*values, limit])

    def newest(self) -> int:
        """Return the highest `seq` there is; 0 when there is none."""
        found = self._select("1 = 1 ORDER BY seq DESC LIMIT 1", [])
        return found[0].seq if found else 0

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
        where = (
            "correction IS NOT NULL AND current = 1 AND level = 'trace' AND at_us >= ? "
            "ORDER BY at_us DESC, seq DESC LIMIT ?"
        )
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

    # between rooms' own verbs

    def review(
        self, trace_id: str, metric: Metric, *, value: Any, comment: str | None,
        correction: str | None, reviewer: str, by: Principal,
    ) -> Feedback:  # fmt: skip
        """Keep a reviewer's verdict, by the version of the metric that their queue pinned."""
        words = {"comment": comment, "correction": correction}
        about = Subject("trace", trace_id, trace_id)
        said, _ = self._said(about, metric.name, value, words, by=by, known={metric.name: metric})
        said = checked(replace(said, source="person", source_name=reviewer))
        self._keep([said])
        return said

    def withdraw(self, feedback_id: str, trace_id: str, metric: Metric, *, by: Principal) -> None:
        """Take a reviewer's verdict back, also when the recorder has not seen it yet."""
        now_us = self._clock.now_us()
        gone = Feedback(
            id=uuid7(now_us), trace_id=trace_id, at_us=now_us, by=str(by), group=by.group,
            name=metric.name, metric=metric.ref, supersedes=feedback_id, thread=feedback_id,
            retracted=True, current=False,
        )  # fmt: skip
        self._keep([checked(gone)])

    # inside

    def _given(
        self,
        given: Mapping[str, Any],
        *,
        by: Principal,
        known: dict[str, Metric | None] | None = None,
    ) -> tuple[Feedback, tuple[str, ...]]:
        """Read what `give` takes."""
        unknown = [name for name in given if name not in ("subject", "on", *TAKEN)]
        if unknown:
            raise InvalidError(f"`{ascii(unknown[0])[1:-1][:40]}` is nothing that feedback has.")
        text = {n: given.get(n) for n in ("comment", "correction")}
        key = given.get("idempotency_key")
        said, notes = self._said(
            subject(str(given.get("subject") or given.get("on") or "")),
            given.get("name") or "correct", given.get("value"), text,
            id_=None if not key else _id_of(str(key), by), by=by, known=known,
        )  # fmt: skip
        at = given.get("at")
        return checked(
            replace(
                said,
                source=given.get("source") or said.source,
                source_name=str(given.get("source_name") or ""),
                confidence=_confidence(given.get("confidence")),
                probability=_confidence(given.get("probability")),
                at_us=said.at_us if not at else self._moment(str(at)),
            )
        ), notes

    def _said(
        self, about: Subject, name: str, value: Any, words: Mapping[str, Any], *,
        by: Principal, id_: str | None = None, known: dict[str, Metric | None] | None = None,
    ) -> tuple[Feedback, tuple[str, ...]]:  # fmt: skip
        """Make the record; by its metric, or by the rules of free names."""
        now_us = self._clock.now_us()
        metric = self._metric(name, known)
        if metric is None:
            free = f"`{name}` is no metric: it is kept as a free name."
            notes = (free,) if self._metrics is not None else ()
            found = Measure(value=_free(value))
        else:
            notes = ()
            fits(metric, about)
            found = measure(metric, value, words)
        return checked(
            Feedback(
                id=uuid7(now_us) if id_ is None else id_, trace_id=about.trace_id, at_us=now_us,
                by=str(by), group=by.group, name=name, value=found.value,
                comment=words.get("comment"), correction=words.get("correction"),
                level=about.level, subject=about.id, metric=metric.ref if metric else "",
                number=found.number, category=found.category, nano=found.nano,
                currency=found.currency, source=_SOURCES.get(by.kind, "program"),
            )
        ), notes  # fmt: skip

    def _metric(self, name: str, known: dict[str, Metric | None] | None) -> Metric | None:
        if self._metrics is None or not isinstance(name, str):
            return None
        if known is None:
            return self._metrics.current(name)
        if name not in known:
            known[name] = self._metrics.current(name)
        return known[name]

    def _take(
        self, rows: Iterable[tuple[int, Any]], word: str, *, by: Principal
    ) -> tuple[dict[str, Any], builtins.list[Feedback]]:
        """Keep those that break no rule; each that does is told with its place and the reason."""
        said: builtins.list[Feedback] = []
        refused: builtins.list[dict[str, Any]] = []
        notes: dict[str, None] = {}
        known: dict[str, Metric | None] = {}
        for place, row in rows:
            try:
                if not isinstance(row, Mapping):
                    raise InvalidError("It is no object.")
                one, told = self._given(row, by=by, known=known)
            except VolanoError as error:
                refused.append({"at": place, "code": error.code, "why": error.message})
            else:
                said.append(one)
                notes |= dict.fromkeys(told)
        self._keep(said)
        shown = [
            f"{word} {each['at']} was refused: {each['why']}" for each in refused[:_MOST_NOTES]
        ]
        taken = {
            "taken": len(said), "ids": [each.id for each in said], "refused": refused,
            "notes": [*notes, *shown],
        }  # fmt: skip
        return taken, said

    def _own(self, feedback_id: str, by: Principal) -> Feedback:
        """Return what holds in its thread now, when `by` may change it."""
        thread = self.history(feedback_id)
        newest = thread[-1]
        if newest.retracted:
            raise WithdrawnError(id=newest.id)
        if newest.by != str(by) and "owner" not in by.roles:
            raise NotYoursError(id=newest.id, author=newest.by)
        return newest

    def _supersede(self, said: Feedback, old: Feedback, by: Principal) -> Feedback:
        now_us = self._clock.now_us()
        new = checked(
            replace(
                said, id=uuid7(now_us), at_us=now_us, by=str(by), group=by.group, seq=0,
                supersedes=old.id, thread=old.thread, current=not said.retracted,
            )
        )  # fmt: skip
        self._keep([new])
        return new

    def _keep(self, said: Iterable[Feedback]) -> None:
        """Return when all of them are on the disk."""
        if self._spool is None:
            raise NoSpoolError
        for each in said:
            self._spool.append(Kind.FEEDBACK, encode(each))
        self._spool.sync()

    def _moment(self, text: str) -> int:
        try:
            found = moment_us(text, self._clock.now_us())
        except InvalidError as error:
            raise BadMomentOfFeedbackError(text=ascii(text)[1:-1][:40]) from error
        if found is None or found > self._clock.now_us():
            raise BadMomentOfFeedbackError(text=ascii(text)[1:-1][:40])
        return found

    def _select(self, where: str, values: Sequence[Any]) -> tuple[Feedback, ...]:
        with reading(self._path) as conn:
            statement = None if conn is None else select(conn)
            if conn is None or statement is None:
                return ()
            rows = conn.execute(f"SELECT * FROM ({statement}) WHERE {where}", values).fetchall()  # noqa: S608
        return tuple(map(_feedback, rows))


list_ = builtins.list
_RETRACTED = Feedback.__match_args__.index("retracted")
_CURRENT = Feedback.__match_args__.index("current")
_WAITS = {
    "trace": "the trace is not recorded",
    "span": "the trace is not recorded",
    "session": "no trace of the session is recorded",
    "key": "no trace carries the tag {} with this value",
    "user": "",
}


def _feedback(row: tuple[Any, ...]) -> Feedback:
    values = [*row]
    values[_RETRACTED], values[_CURRENT] = bool(values[_RETRACTED]), bool(values[_CURRENT])
    return Feedback(*values)


def _id_of(key: str, by: Principal) -> str:
    """Return the same id for the same key of the same principal (RFC 9562, version 5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{by}\n{key}"))


def _free(value: Any) -> Any:
    """Read the value of a free name: the doors give text, which must be a number from 0 to 1."""
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return value
    try:
        return float({"true": 1, "false": 0}.get(value.strip().lower(), value))
    except ValueError:
        return value


def _confidence(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise BadConfidenceError(value=ascii(value)[:40]) from error

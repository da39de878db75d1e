"""Reviews: the verbs of review queues. Each verdict is feedback, kept before it is counted here."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.feedback import catalog
from volano.feedback.errors import (
    BadQueueError,
    LeaseLostError,
    NothingToReviewError,
    NothingToUndoError,
    QueueThereError,
    UnknownItemError,
    UnknownQueueError,
)
from volano.feedback.keeper import Feedbacks
from volano.feedback.metric import NAME, Metric
from volano.feedback.metrics import Metrics
from volano.feedback.queue import (
    LEASE_US,
    MOST_ITEMS,
    MOST_REVIEWERS,
    Answer,
    Item,
    Place,
    Queue,
    Standing,
    next_item,
    reviewer_name,
    standing,
)
from volano.feedback.record import Feedback
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.keeper import Traces

FIELDS = ("channel", "release", "outcome", "key_id", "group", "rollout", "target", "text")
"""What `where` may ask of a trace: what `traces.list` takes."""
_SCANNED = 10_000
_MOST_GUIDELINES = 64 << 10
Told = dict[str, Any]
Standings = list[Standing]


class Reviews:
    """The review queues of one workspace."""

    def __init__(
        self,
        *,
        db: Database,
        ledger: Ledger,
        clock: Clock,
        traces: Traces,
        feedbacks: Feedbacks,
        metrics: Metrics,
    ):
        self._db, self._ledger, self._clock = db, ledger, clock
        self._traces, self._feedbacks, self._metrics = traces, feedbacks, metrics

    def create(
        self,
        name: str,
        *,
        metric: str,
        where: Sequence[str] = (),
        channel: str | None = None,
        sample: int = 50,
        guidelines: Path | None = None,
        text: str = "",
        reviewers: int = 2,
        by: Principal,
    ) -> Standing:
        """Choose traces and open a queue over them; the metric's present version is pinned.

        The sample is drawn from the newest 10,000 calls that fit, each as likely as any
        other. `guidelines` is a file, `text` what stands in one; else the metric's own hold.

        Raises:
            BadQueueError, QueueThereError, NothingToReviewError: as they say.
            UnknownMetricError, RetiredMetricError: the metric.
        """
        if not NAME.fullmatch(name):
            raise BadQueueError(
                name=ascii(name)[1:-1][:64], why="a name is a-z, 0-9, _ . -, a letter first"
            )
        if not 0 < sample <= MOST_ITEMS or not 0 < reviewers <= MOST_REVIEWERS:
            why = f"1 to {MOST_ITEMS} items, 1 to {MOST_REVIEWERS} reviewers"
            raise BadQueueError(name=name, why=why)
        found = self._metrics.get(metric)
        self._metrics.current(found.name)
        wanted = _where(name, where) | ({"channel": channel} if channel else {})
        ids = self._choose(name, wanted, sample)
        said = nfc(_read(name, guidelines) or text or found.guidelines)
        now = self._clock.now_us()
        row = {
            "name": name, "metric": found.ref, "reviewers": reviewers, "guidelines": said,
            "chosen": json.dumps({**wanted, "sample": sample}, ensure_ascii=False),
            "created_us": now, "created_by": str(by),
        }  # fmt: skip
        q = catalog.queues
        with self._db.write() as conn:
            if conn.execute(select(q.c.name).where(q.c.name == name)).first():
                raise QueueThereError(name=name)
            conn.execute(insert(q).values(row))
            rows = [{"queue": name, "item": n, "trace_id": id_} for n, id_ in enumerate(ids, 1)]
            conn.execute(insert(catalog.items), rows)
            content = {"metric": found.ref, "items": len(ids), "reviewers": reviewers}
            self._ledger.append("create", f"review/{name}", (), content, by=by, conn=conn)
        return self.show(name)

    def list(self) -> Standings:
        """Return all queues, the newest first, with how far each is."""
        q = catalog.queues
        with self._db.read() as conn:
            names = conn.execute(select(q.c.name).order_by(q.c.created_us.desc())).scalars().all()
        return [self.show(name) for name in names]

    def show(self, name: str) -> Standing:
        """Return how far a queue is, how far its reviewers agree, and where they differ.

        Raises:
            UnknownQueueError: there is none.
        """
        with self._db.read() as conn:
            queue = _queue(conn, name)
            items, places = _items(conn, name), _places(conn, name)
        return standing(queue, self._metrics.get(queue.metric), items, places)

    def close(self, name: str, *, by: Principal) -> Standing:
        """End a queue: nothing is given out any more. What was said stays.

        Raises:
            UnknownQueueError: there is none.
        """
        q = catalog.queues
        with self._db.write() as conn:
            if _queue(conn, name).closed_us is None:
                now = self._clock.now_us()
                conn.execute(update(q).where(q.c.name == name).values(closed_us=now))
                self._ledger.append("close", f"review/{name}", (), {}, by=by, conn=conn)
        return self.show(name)

    def metric(self, name: str) -> Metric:
        """Return the version of the metric that a queue is reviewed by."""
        with self._db.read() as conn:
            return self._metrics.get(_queue(conn, name).metric)

    def next(self, name: str, *, reviewer: str, by: Principal) -> Told:  # noqa: ARG002 - a lease is nobody's deed
        """Lease the next item to a reviewer for ten minutes; `item` is None when nothing is left.

        A lease is no change that anyone must account for: it leaves no event.

        Raises:
            UnknownQueueError, BadReviewerError: as they say.
        """
        reviewer = reviewer_name(reviewer)
        now = self._clock.now_us()
        with self._db.write() as conn:
            queue = _queue(conn, name)
            items, places = _items(conn, name), _places(conn, name)
            found = None
            if queue.closed_us is None:
                found = next_item(items, places, reviewer, wanted=queue.reviewers, now_us=now)
            if found is not None:
                _seat(conn, name, found.item, reviewer, state="leased", until_us=now + LEASE_US,
                      at_us=now)  # fmt: skip
        own = sum(p.reviewer == reviewer and p.state != "leased" for p in places)
        told: Told = {
            "queue": name, "reviewer": reviewer, "item": None, "trace_id": None,
            "seen": own, "items": len(items), "question": None, "answer": None, "until_us": None,
        }  # fmt: skip
        if found is None:
            return told
        trace = self._traces.by_ids([found.trace_id]).get(found.trace_id)
        return told | {
            "item": found.item, "trace_id": found.trace_id, "until_us": now + LEASE_US,
            "question": trace.input_text if trace else None,
            "answer": trace.output_text if trace else None,
        }  # fmt: skip

    def answer(
        self, name: str, *, item: int, reviewer: str, value: str | float | None = None,
        comment: str | None = None, correction: str | None = None, by: Principal,
    ) -> Feedback:  # fmt: skip
        """Give a verdict on a leased item. It is feedback of this person, kept at once.

        Raises:
            LeaseLostError: the item is not this reviewer's now.
            NotAllowedError and others: what `feedback give` refuses.
        """
        reviewer = reviewer_name(reviewer)
        with self._db.write() as conn:
            queue = _queue(conn, name)
            place = self._held(conn, name, item, reviewer)
            metric = self._metrics.get(queue.metric)
            said = self._feedbacks.review(
                _items(conn, name, item)[0].trace_id, metric, value=value, comment=comment,
                correction=correction, reviewer=reviewer, by=by,
            )  # fmt: skip
            _seat(
                conn, name, place.item, reviewer, state="given", until_us=0,
                answer=json.dumps(_compared(said)), feedback_id=said.id,
                at_us=self._clock.now_us(),
            )  # fmt: skip
            content = {"item": item, "reviewer": reviewer, "feedback": said.id}
            self._ledger.append("answer", f"review/{name}", (), content, by=by, conn=conn)
        return said

    def skip(self, name: str, *, item: int, reviewer: str, by: Principal) -> Told:
        """Leave an item to others.

        Raises:
            LeaseLostError: the item is not this reviewer's now.
        """
        reviewer = reviewer_name(reviewer)
        with self._db.write() as conn:
            _queue(conn, name)
            self._held(conn, name, item, reviewer)
            _seat(conn, name, item, reviewer, state="skipped", until_us=0,
                  at_us=self._clock.now_us())  # fmt: skip
            content = {"item": item, "reviewer": reviewer}
            self._ledger.append("skip", f"review/{name}", (), content, by=by, conn=conn)
        return {"queue": name, "item": item, "reviewer": reviewer}

    def undo(self, name: str, *, reviewer: str, by: Principal) -> Told:
        """Take the reviewer's last answer or skip back, and lease them that item again.

        Raises:
            NothingToUndoError: they gave none, or its place was taken since.
        """
        reviewer = reviewer_name(reviewer)
        a, now = catalog.answers, self._clock.now_us()
        with self._db.write() as conn:
            queue = _queue(conn, name)
            places = _places(conn, name)
            own = [p for p in places if p.reviewer == reviewer and p.state != "leased"]
            last = max(own, key=lambda p: p.at_us, default=None)
            if last is None or _full(places, last, queue.reviewers, now):
                raise NothingToUndoError(reviewer=reviewer, queue=name)
            if last.feedback_id:
                trace_id = _items(conn, name, last.item)[0].trace_id
                metric = self._metrics.get(queue.metric)
                self._feedbacks.withdraw(last.feedback_id, trace_id, metric, by=by)
            leased = (a.c.queue == name, a.c.reviewer == reviewer, a.c.state == "leased")
            conn.execute(delete(a).where(*leased))
            _seat(conn, name, last.item, reviewer, state="leased", until_us=now + LEASE_US,
                  at_us=now)  # fmt: skip
            content = {"item": last.item, "reviewer": reviewer, "feedback": last.feedback_id or ""}
            self._ledger.append("undo", f"review/{name}", (), content, by=by, conn=conn)
        return {"queue": name, "item": last.item, "reviewer": reviewer}

    def resolve(
        self, name: str, *, item: int, value: str | float, comment: str | None = None, by: Principal
    ) -> Feedback:
        """Say the last word on an item where reviewers differed. Their own words stay beside it.

        Raises:
            UnknownQueueError, UnknownItemError: as they say.
            NotAllowedError: it is not what the metric takes.
        """
        i = catalog.items
        with self._db.write() as conn:
            queue = _queue(conn, name)
            found = _items(conn, name, item)
            said = self._feedbacks.review(
                found[0].trace_id, self._metrics.get(queue.metric), value=value, comment=comment,
                correction=None, reviewer=f"{by.name} (resolved)", by=by,
            )  # fmt: skip
            conn.execute(
                update(i).where(i.c.queue == name, i.c.item == item).values(
                    resolved=str(said.given), resolved_by=str(by),
                    resolved_us=self._clock.now_us(),
                )
            )  # fmt: skip
            content = {"item": item, "feedback": said.id}
            self._ledger.append("resolve", f"review/{name}", (), content, by=by, conn=conn)
        return said

    def _choose(self, name: str, wanted: dict[str, str], sample: int) -> Sequence[str]:
        """Draw traces, each as likely as any other: in the order of a hash that nobody steers."""
        found = self._traces.list(**wanted, limit=_SCANNED)  # type: ignore[arg-type]
        fitting = {trace.id for trace in found if not trace.shadowed}
        if not fitting:
            raise NothingToReviewError
        drawn = sorted(fitting, key=lambda id_: hashlib.sha256(f"{name}/{id_}".encode()).digest())
        return drawn[:sample]

    def _held(self, conn: Connection, name: str, item: int, reviewer: str) -> Place:
        """Return the place of this reviewer at this item; an expired lease holds while it is free."""
        places = _places(conn, name)
        queue = _queue(conn, name)
        _items(conn, name, item)
        now = self._clock.now_us()
        for place in places:
            held = (place.item, place.reviewer, place.state) == (item, reviewer, "leased")
            if held and not _full(places, place, queue.reviewers, now):
                return place
        raise LeaseLostError(item=item, queue=name)


def _full(places: Sequence[Place], own: Place, wanted: int, now_us: int) -> bool:
    """Whether others have all places at this item."""
    others = [p for p in places if p.item == own.item and p.reviewer != own.reviewer]
    return sum(p.taken(now_us) for p in others) >= wanted


def _where(name: str, given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        field, equals, value = text.partition("=")
        if field == "key":
            field = "key_id"
        if not equals or field not in FIELDS or not value:
            why = f"`{ascii(text)[1:-1][:60]}` is not field=value with one of {', '.join(FIELDS)}"
            raise BadQueueError(name=name, why=why)
        found[field] = value
    return found


def _read(name: str, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        if path.stat().st_size > _MOST_GUIDELINES:
            raise BadQueueError(name=name, why="guidelines have at most 64 KiB")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadQueueError(name=name, why="the guidelines are no UTF-8 text") from error


def _compared(said: Feedback) -> Answer | None:
    """Return what is compared with others' answers; words alone are not."""
    return said.category if said.category is not None else said.number


def _seat(conn: Connection, queue: str, item: int, reviewer: str, **values: Any) -> None:
    a = catalog.answers
    own = (a.c.queue == queue, a.c.item == item, a.c.reviewer == reviewer)
    values = {"answer": None, "feedback_id": None, **values}
    if not conn.execute(update(a).where(*own).values(values)).rowcount:
        conn.execute(insert(a).values(queue=queue, item=item, reviewer=reviewer, **values))


def _queue(conn: Connection, name: str) -> Queue:
    q = catalog.queues
    row = conn.execute(select(q).where(q.c.name == name)).first()
    if row is None:
        raise UnknownQueueError(name=ascii(name)[1:-1][:64])
    return Queue(**{**row._asdict(), "chosen": json.loads(row.chosen)})


def _items(conn: Connection, name: str, item: int | None = None) -> list[Item]:
    i = catalog.items
    where = [i.c.queue == name, *([] if item is None else [i.c.item == item])]
    columns = (i.c.item, i.c.trace_id, i.c.resolved, i.c.resolved_by)
    rows = conn.execute(select(*columns).where(*where).order_by(i.c.item)).all()
    if item is not None and not rows:
        raise UnknownItemError(queue=name, item=item)
    return [Item(*row) for row in rows]


def _places(conn: Connection, name: str) -> list[Place]:
    a = catalog.answers
    rows = conn.execute(select(a).where(a.c.queue == name).order_by(a.c.at_us)).all()
    return [_place(row) for row in rows]


def _place(row: Row[Any]) -> Place:
    answer = None if row.answer is None else json.loads(row.answer)
    return Place(
        row.item, row.reviewer, row.state, row.until_us, answer, row.feedback_id, row.at_us
    )

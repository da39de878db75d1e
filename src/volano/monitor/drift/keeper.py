"""Drift: the verbs. Pin a window, look whether later ones are like it, take what moved."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import desc, insert, select, update

from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.noted import Noted
from volano.core.ports.language import DetectLanguage
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.data.keeper import Datasets
from volano.feedback.keeper import Feedbacks
from volano.monitor.drift import tables
from volano.monitor.drift.compare import LEAST_UNITS, Comparison
from volano.monitor.drift.errors import (
    NoMovedCallsError,
    NothingToPinError,
    UnknownLookError,
    UnknownReferenceError,
)
from volano.monitor.drift.finding import Finding, Look, Topic
from volano.monitor.drift.moved import moved
from volano.monitor.drift.reference import Reference, moment, stretch
from volano.monitor.drift.sample import DIMENSIONS, TEXTS, Drawing, Sample, sampled
from volano.monitor.drift.script import script
from volano.stats.errors import need
from volano.stats.multiple import Purse
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

KIND = "reference"
_FILE = "sample.npz"
_PAGE = 1_000
_MOST_READ = 50_000
"""Calls that are read of one window, the newest; of these the sample is drawn."""
_NAMES = 3
"""Names of feedback that are signals: the commonest."""


class Drift:
    """References and looks of one workspace."""

    def __init__(
        self,
        *,
        db: Database,
        ledger: Ledger,
        catalog: Catalog,
        traces: Traces,
        feedbacks: Feedbacks,
        datasets: Datasets,
        clock: Clock,
        detect: DetectLanguage = script,
    ):
        self._db, self._ledger, self._catalog = db, ledger, catalog
        self._traces, self._feedbacks, self._datasets = traces, feedbacks, datasets
        self._clock, self._detect = clock, detect
        self._one_at_a_time = threading.Lock()

    def pin(
        self,
        name: str,
        *,
        channel: str = "",
        release: str = "",
        since: str = "",
        until: str = "",
        last: str = "7d",
        n: int = 2000,
        slices: Sequence[str] = ("channel", "release", "language"),
        shift: float = 0.25,
        window: str = "1d",
        every: str = "",
        alpha: float = 0.05,
        period: str = "30d",
        by: Principal,
    ) -> Reference:
        """Freeze a sample of a window's calls, to compare later windows with.

        The window is `since` to `until`, else the `last` while. `shift` is the share of traffic
        that must not move unseen; `alpha` is how many looks may cry drift without a cause in a
        `period`, on average, however many there are. `every` lets control look by itself.

        Raises:
            BadRefError, BadMomentError, BadStretchError, StatsInputError: the arguments.
            NothingToPinError: too few calls were recorded then.
        """
        check_name(name)
        need(0 < alpha < 1 and 0 < shift <= 1, f"alpha {alpha} and shift {shift} inside (0, 1)")
        dimensions = tuple(dict.fromkeys(s for s in slices if s))
        known = all(s in DIMENSIONS or s.startswith("tag:") for s in dimensions)
        need(known, f"slices among {', '.join(DIMENSIONS)}, tag:NAME")
        now = self._clock.now_us()
        end = moment(until) if until else now
        start = moment(since) if since else end - stretch(last)
        looks = stretch(window), stretch(every) if every else 0
        traces = self._draw(channel, release, start, end, n)
        if len(traces) < LEAST_UNITS:
            raise NothingToPinError(n=len(traces), least=LEAST_UNITS)
        sample = sampled(
            traces, self._values(traces), by=dimensions, detect=self._detect, currency=None
        )
        purse = Purse(alpha, stretch(period), alpha, now)
        meta = {"channel": channel, "release": release, "since_us": start, "until_us": end,
                "n": len(sample), "units": sample.unit_count}  # fmt: skip
        artifact = self._catalog.record(
            KIND, name, files={_FILE: sample.to_bytes()}, meta=meta, by=by
        )
        pinned = Reference(
            uuid7(now), name, artifact.ref, channel, release, start, end, len(sample),
            sample.unit_count, dimensions, shift, *looks, purse, now, str(by),
        )  # fmt: skip
        with self._db.write() as conn:
            self._unpin(conn, name, now)
            conn.execute(insert(tables.references).values(_row(pinned)))
            content = {"ref": pinned.ref, "every_us": pinned.every_us, "alpha": alpha}
            self._ledger.append(
                "pin", f"drift/{name}", (artifact.digest,), content, by=by, conn=conn
            )
        return pinned

    def unpin(self, name: str, *, by: Principal) -> dict[str, str]:
        """Compare nothing with this reference any more; its looks stay on record.

        Raises:
            UnknownReferenceError: there is none of this name.
        """
        pinned = self.reference(name)
        with self._db.write() as conn:
            self._unpin(conn, name, self._clock.now_us())
            self._ledger.append("unpin", f"drift/{name}", (), {"ref": pinned.ref}, by=by, conn=conn)
        return {"name": name, "ref": pinned.ref}

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Return the references with their last answers, by name."""
        found = []
        for pinned in self.references():
            last = next(iter(self.looks(pinned.name, limit=1)), None)
            said = {"state": last.state, "moved": last.moved, "looked_us": last.at_us,
                    "look": last.id} if last else {"state": "not looked yet", "moved": "",
                    "looked_us": 0, "look": ""}  # fmt: skip
            found.append({**pinned.to_dict(), **said})
        return found

    def check(
        self, name: str, *, since: str = "", until: str = "", last: str = "", n: int = 500,
        by: Principal,
    ) -> Look | Noted:  # fmt: skip
        """Compare a window of now with its reference. Each look spends of the reference's alpha.

        The window is `since` to `until`, else the `last` while (as pinned), and begins after the
        reference's end.

        Raises:
            UnknownReferenceError, BadMomentError, BadStretchError: as they say.
        """
        with self._one_at_a_time:
            pinned = self.reference(name)
            now = self._clock.now_us()
            end = moment(until) if until else now
            length = stretch(last) if last else pinned.window_us
            start = moment(since) if since else max(end - length, pinned.until_us)
            level, purse = pinned.purse.spend(now)
            found = self._compare(pinned, start, end, n, level, now)
            with self._db.write() as conn:
                t = tables.references
                spent = update(t).where(t.c.id == pinned.id)
                conn.execute(spent.values(held=purse.held, held_us=purse.at_us))
                conn.execute(insert(tables.looks).values(
                    id=found.id, reference=pinned.id, at_us=now, state=found.state,
                    look=json.dumps(found.to_dict(), ensure_ascii=False),
                ))  # fmt: skip
                content = {"look": found.id, "state": found.state}
                self._ledger.append("look", f"drift/{name}", (), content, by=by, conn=conn)
        return found

    def show(self, id: str) -> Look:  # noqa: A002 - the sentence's word
        """Return a look: by its id, or the last one of a reference by its name.

        Raises:
            UnknownLookError: there is none.
        """
        t = tables.looks
        with self._db.read() as conn:
            row = conn.execute(select(t.c.look).where(t.c.id == id)).first()
        if row is not None:
            return _look(row.look)
        for look in self.looks(id, limit=1):
            return look
        raise UnknownLookError(id=ascii(id)[1:-1][:60])

    def looks(self, name: str, *, limit: int = 50) -> Sequence[Look]:
        """Return the looks of a reference, the newest first; none where there is no such one."""
        t, r = tables.looks, tables.references
        query = (
            select(t.c.look)
            .join(r, r.c.id == t.c.reference)
            .where(r.c.name == name, r.c.unpinned_us.is_(None))
            .order_by(desc(t.c.at_us), desc(t.c.id))
            .limit(limit)
        )
        with self._db.read() as conn:
            return [_look(row.look) for row in conn.execute(query)]

    def dataset(
        self, id: str, *, name: str, signal: str = "input", topic: int = 0,  # noqa: A002
        test_share: float = 0.2, by: Principal,
    ) -> Noted:  # fmt: skip
        """Make a dataset of the calls in the topics that grew, or in one topic.

        The label of a row is the correction that somebody gave, else what was answered.

        Raises:
            UnknownLookError: there is no such look.
            NoMovedCallsError: no call of it can become a row.
        """
        look = self.show(id)
        topics = [t for t in look.topics if t.signal == signal]
        wanted = [
            t for t in topics
            if (t.number == topic if topic else t.moved and t.after[0] > t.before[0])
        ]  # fmt: skip
        ids = list(dict.fromkeys(one for t in wanted for one in t.ids))
        traces = [t for t in self._traces.by_ids(ids).values() if t.input_text and t.output_text]
        if not traces:
            which = f"are in topic {topic} of the {signal}" if topic else "are in what grew"
            raise NoMovedCallsError(look=look.id, which=which)
        right = self._corrections(traces)
        rows = [
            {"text": t.input_text, "label": right.get(t.id, t.output_text),
             "origin": {"trace": t.id, "look": look.id}}
            for t in sorted(traces, key=lambda t: t.seq)
        ]  # fmt: skip
        made = self._datasets.add(name, rows, test_share=test_share, by=by)
        open_ = len(rows) - len(right)
        note = (
            f"{open_} of {len(rows)} rows have the given answer as their label, as nobody corrected "
            "it: review them before you train on them."
        )
        return Noted(made, (note,) if open_ else ())

    # between rooms

    def references(self) -> Sequence[Reference]:
        """Return what is pinned, by name."""
        t = tables.references
        with self._db.read() as conn:
            rows = conn.execute(select(t).where(t.c.unpinned_us.is_(None)).order_by(t.c.name)).all()
        return [_reference(row) for row in rows]

    def reference(self, name: str) -> Reference:
        """Return what is pinned under this name.

        Raises:
            UnknownReferenceError: nothing is.
        """
        for pinned in self.references():
            if pinned.name == name:
                return pinned
        raise UnknownReferenceError(reference=ascii(name)[1:-1][:60])

    def due(self) -> Sequence[str]:
        """Return the names of the references that should be looked at now."""
        now, found = self._clock.now_us(), []
        for pinned in self.references():
            last = next(iter(self.looks(pinned.name, limit=1)), None)
            at = last.at_us if last else pinned.created_us
            if pinned.every_us and now - at >= pinned.every_us:
                found.append(pinned.name)
        return found

    def _compare(
        self, pinned: Reference, start: int, end: int, n: int, level: float, now: int
    ) -> Look:
        artifact = self._catalog.get(KIND, pinned.ref)
        first = Sample.from_bytes(self._catalog.read(artifact, _FILE))
        traces = self._draw(pinned.channel, pinned.release, start, end, n)
        second = sampled(
            traces, self._values(traces), by=pinned.by, detect=self._detect, currency=first.currency
        )
        comparison = Comparison(first, second, by=pinned.by)
        findings = comparison.findings(level=level, shift=pinned.shift)
        topics: tuple[Topic, ...] = ()
        for signal in TEXTS:
            texts = self._texts(first.ids, signal) | {
                t.id: text for t in traces if (text := _text(t, signal))
            }
            topics += (*moved(comparison, signal, texts),)
        return Look(
            uuid7(now), pinned.name, now, start, end, len(second), second.unit_count, level,
            findings, topics,
        )  # fmt: skip

    def _draw(self, channel: str, release: str, start: int, end: int, n: int) -> Sequence[Trace]:
        drawing, before, read = Drawing(n), None, 0
        while read < _MOST_READ:
            page = self._traces.list(
                channel=channel or None, release=release or None, since_us=start, until_us=end,
                limit=_PAGE, before_seq=before,
            )  # fmt: skip
            drawing.offer(t for t in page if t.outcome != "refused" and not t.shadowed)
            read += len(page)
            if len(page) < _PAGE:
                break
            before = page[-1].seq
        return drawing.traces

    def _values(self, traces: Sequence[Trace]) -> dict[str, dict[str, float]]:
        """Return the mean value of each call, by name of feedback; the commonest names only."""
        said: dict[str, dict[str, list[float]]] = {}
        for one in self._feedbacks.on((t.id for t in traces), until_seq=1 << 62):
            if one.value is not None:
                said.setdefault(one.name, {}).setdefault(one.trace_id, []).append(one.value)
        common = sorted(said, key=lambda name: (-len(said[name]), name))[:_NAMES]
        return {
            name: {trace: sum(v) / len(v) for trace, v in said[name].items()} for name in common
        }

    def _corrections(self, traces: Sequence[Trace]) -> Mapping[str, str]:
        return {
            one.trace_id: one.correction
            for one in self._feedbacks.on((t.id for t in traces), until_seq=1 << 62)
            if one.correction
        }

    def _texts(self, ids: Sequence[str], signal: str) -> dict[str, str]:
        found = self._traces.by_ids(ids)
        return {one: text for one, t in found.items() if (text := _text(t, signal))}

    def _unpin(self, conn: Any, name: str, now: int) -> None:
        t = tables.references
        live = (t.c.name == name, t.c.unpinned_us.is_(None))
        conn.execute(update(t).where(*live).values(unpinned_us=now))


def _text(trace: Trace, signal: str) -> str | None:
    return trace.input_text if signal == "input" else trace.output_text


def _look(text: str) -> Look:
    raw = json.loads(text)
    return Look(
        raw["id"], raw["reference"], raw["at_us"], raw["since_us"], raw["until_us"], raw["n"],
        raw["units"], raw["level"], [Finding.from_dict(f) for f in raw["findings"]],
        [Topic.from_dict(t) for t in raw["topics"]],
    )  # fmt: skip


def _row(pinned: Reference) -> dict[str, Any]:
    return {
        "id": pinned.id, "name": pinned.name, "ref": pinned.ref, "channel": pinned.channel,
        "release": pinned.release, "since_us": pinned.since_us, "until_us": pinned.until_us,
        "n": pinned.n, "units": pinned.units, "by": json.dumps(pinned.by), "shift": pinned.shift,
        "window_us": pinned.window_us, "every_us": pinned.every_us, "alpha": pinned.purse.alpha,
        "period_us": pinned.purse.period_us, "held": pinned.purse.held,
        "held_us": pinned.purse.at_us, "created_us": pinned.created_us,
        "created_by": pinned.created_by,
    }  # fmt: skip


def _reference(row: Any) -> Reference:
    purse = Purse(row.alpha, row.period_us, row.held, row.held_us)
    return Reference(
        row.id, row.name, row.ref, row.channel, row.release, row.since_us, row.until_us, row.n,
        row.units, tuple(json.loads(row.by)), row.shift, row.window_us, row.every_us, purse,
        row.created_us, row.created_by,
    )  # fmt: skip

"""The book of evaluators: versions, how far each has read, what a day cost, what was drawn."""

import builtins
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.monitor.evaluators.errors import UnknownEvaluatorError
from volano.monitor.evaluators.evaluator import Evaluator
from volano.monitor.evaluators.tables import backfills, days, evaluations, evaluators, places
from volano.store.db import Database
from volano.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of one drawn trace. `sources` say of each score: judge or program, and bigger or not."""

    name: str
    version: int
    trace_id: str
    at_us: int
    state: str
    probability: float
    cluster: str = ""
    group: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: int = 0
    nano: int = 0
    currency: str = ""
    told: int = 0


@dataclass(frozen=True, slots=True)
class Backfill:
    """A past period that is read, from its newest call on."""

    id: str
    name: str
    since_us: int
    until_us: int
    before_seq: int | None
    state: str
    created_us: int


_JSON = ("slices", "scores", "unmeasured", "sources")
Evaluations = list[Evaluation]


class Book:
    """Reads and writes the tables of evaluators. `day` names the time that a budget is for."""

    def __init__(
        self, db: Database, ledger: Ledger, clock: Clock, *, day: Callable[[int], str] | None = None
    ):
        self.db, self._ledger, self._clock = db, ledger, clock
        self._day_named = day or _day_of

    # versions

    def save(self, wanted: Evaluator, seq: int, *, by: Principal) -> Evaluator:
        """Write the next version where it says something else; a new one begins at `seq`."""
        now = self._clock.now_us()
        with self.db.write() as conn:
            old = self._newest(conn, wanted.name)
            place = conn.execute(select(places).where(places.c.name == wanted.name)).first()
            gone = place is not None and place.removed_us is not None
            if place is None:
                conn.execute(insert(places).values(name=wanted.name, seq=seq))
            elif gone:
                self._place(conn, wanted.name, seq=seq, removed_us=None, paused_us=None)
            if old is not None and not gone and old.same(wanted):
                return old
            found = replace(
                wanted, version=old.version + 1 if old else 1, created_us=now, created_by=str(by)
            )
            told = json.dumps(found.to_dict(), ensure_ascii=False, sort_keys=True)
            conn.execute(
                insert(evaluators).values(
                    name=found.name, version=found.version, said=told, created_us=now,
                    created_by=str(by),
                )
            )  # fmt: skip
            content = {"version": found.version, "said": told}
            self._ledger.append("add", f"evaluator/{found.name}", (), content, by=by, conn=conn)
        return found

    def newest(self, name: str) -> Evaluator | None:
        """Return the newest version of a name, also of one that was removed."""
        with self.db.read() as conn:
            return self._newest(conn, name)

    def live(self, *, removed: bool = False) -> list[tuple[Evaluator, Row[Any]]]:
        """Return the evaluators with their places, by name."""
        where = [] if removed else [places.c.removed_us.is_(None)]
        with self.db.read() as conn:
            rows = conn.execute(select(places).where(*where).order_by(places.c.name)).all()
            found = [(self._newest(conn, row.name), row) for row in rows]
        return [(one, row) for one, row in found if one is not None]

    def get(self, name: str) -> tuple[Evaluator, Row[Any]]:
        """Return an evaluator by name, with its place.

        Raises:
            UnknownEvaluatorError: there is none, or it was removed.
        """
        bare = name.partition("@")[0]
        for one, place in self.live():
            if one.name == bare:
                return one, place
        raise UnknownEvaluatorError(name=ascii(name)[1:-1][:60])

    def mark(self, verb: str, name: str, *, by: Principal, **values: Any) -> None:
        """Change a place (paused, resumed, removed), and tell the ledger."""
        with self.db.write() as conn:
            self._place(conn, name, **values)
            self._ledger.append(verb, f"evaluator/{name}", (), {}, by=by, conn=conn)

    # reading on

    def passed(self, one: Evaluator, seq: int, seen: int) -> None:
        """Say that everything up to this call was read, of which so many fitted."""
        with self.db.write() as conn:
            moved = conn.execute(
                update(places).where(places.c.name == one.name, places.c.seq < seq).values(seq=seq)
            )
            if moved.rowcount and seen:
                self._day(conn, one, seen=seen)

    def known(self, one: Evaluator, trace_ids: Sequence[str]) -> set[str]:
        """Return those traces that this version has an evaluation of."""
        t = evaluations.c
        with self.db.read() as conn:
            rows = conn.execute(
                select(t.trace_id).where(
                    t.name == one.name, t.version == one.version, t.trace_id.in_(trace_ids)
                )
            )
            return {row.trace_id for row in rows}

    def keep(self, found: Evaluation) -> None:
        """Write down what became of a trace."""
        values = {name: getattr(found, name) for name in found.__slots__}
        values |= {name: json.dumps(values[name], ensure_ascii=False) for name in _JSON}
        with self.db.write() as conn:
            conn.execute(insert(evaluations).values(values))

    def claim(self, found: Evaluation) -> bool:
        """Write down that a trace is about to be judged; False where that was written before."""
        try:
            self.keep(found)
        except IntegrityError:
            return False
        return True

    def settle(self, found: Evaluation) -> None:
        """Write down what became of a trace that was claimed."""
        values = {name: getattr(found, name) for name in found.__slots__}
        values |= {name: json.dumps(values[name], ensure_ascii=False) for name in _JSON}
        with self.db.write() as conn:
            conn.execute(update(evaluations).where(*_key(found)).values(values))

    def unclaim(self, found: Evaluation) -> None:
        """Take a claim back: nothing was said, and it may be asked again."""
        with self.db.write() as conn:
            conn.execute(delete(evaluations).where(*_key(found)))

    def get_one(self, like: Evaluation) -> Evaluation | None:
        """Return what became of the same trace; None where nothing is known of it."""
        return next(iter(self._select(*_key(like))), None)

    def of(self, name: str) -> Evaluations:
        """Return all evaluations of a name, in the order of their calls."""
        return self._select(evaluations.c.name == name)

    def untold(self, name: str, limit: int = 500) -> Evaluations:
        """Return what has scores that are not feedback yet."""
        return self._select(evaluations.c.name == name, evaluations.c.told == 0, limit=limit)

    def tell(self, found: Evaluation) -> None:
        """Say that its scores are feedback now."""
        t = evaluations.c
        with self.db.write() as conn:
            conn.execute(
                update(evaluations)
                .where(
                    t.name == found.name, t.version == found.version, t.trace_id == found.trace_id
                )
                .values(told=1)
            )

    def between(self, name: str, since_us: int, until_us: int) -> Evaluations:
        """Return the evaluations of calls that ended then, the newest version's of each trace."""
        t = evaluations.c
        rows = self._select(t.name == name, t.at_us >= since_us, t.at_us < until_us)
        newest: dict[str, Evaluation] = {}
        for row in rows:
            if row.trace_id not in newest or newest[row.trace_id].version < row.version:
                newest[row.trace_id] = row
        return list(newest.values())

    # money and calls

    def hold(self, one: Evaluator, calls: int, nano: int) -> str:
        """Write down calls and money of today before they are spent; return the day, empty where they are too many."""
        day = self._today()
        t = days.c
        with self.db.write() as conn:
            self._day(conn, one)
            fits = [t.calls + calls <= one.calls]
            if one.nano is not None:
                fits.append(t.nano + nano <= one.nano)
            done = conn.execute(
                update(days)
                .where(t.name == one.name, t.day == day, *fits)
                .values(calls=t.calls + calls, nano=t.nano + nano)
            )
            return day if done.rowcount else ""

    def give_back(self, one: Evaluator, day: str, nano: int, calls: int = 0) -> None:
        """Take back what a hold of this day was too much."""
        t = days.c
        with self.db.write() as conn:
            conn.execute(
                update(days)
                .where(t.name == one.name, t.day == day)
                .values(calls=t.calls - calls, nano=t.nano - nano)
            )

    def today(self, one: Evaluator) -> dict[str, int]:
        """Return what was seen and spent today."""
        with self.db.read() as conn:
            row = conn.execute(
                select(days).where(days.c.name == one.name, days.c.day == self._today())
            ).first()
        return {name: getattr(row, name) if row else 0 for name in ("seen", "calls", "nano")}

    def seen(self, name: str, since_us: int) -> int:
        """Return how many calls fitted since the day of this moment."""
        with self.db.read() as conn:
            found = conn.execute(
                select(func.sum(days.c.seen)).where(
                    days.c.name == name, days.c.day >= _day_of(since_us)
                )
            ).scalar()
        return int(found or 0)

    # backfills

    def begin(self, name: str, since_us: int, until_us: int, *, by: Principal) -> Backfill:
        """Write down a period that is to be read."""
        now = self._clock.now_us()
        made = Backfill(uuid7(now), name, since_us, until_us, None, "waiting", now)
        with self.db.write() as conn:
            conn.execute(
                insert(backfills).values({n: getattr(made, n) for n in Backfill.__slots__})
            )
            content = {"since_us": since_us, "until_us": until_us}
            self._ledger.append("backfill", f"evaluator/{name}", (), content, by=by, conn=conn)
        return made

    def waiting(self, name: str) -> builtins.list[Backfill]:
        """Return the periods that are still to be read, the oldest first."""
        t = backfills.c
        query = select(backfills).where(t.name == name, t.state == "waiting").order_by(t.created_us)
        with self.db.read() as conn:
            return [Backfill(*row) for row in conn.execute(query)]

    def went_on(self, one: Backfill, before_seq: int | None) -> None:
        """Say how far a period was read; None: to its beginning."""
        values = {"before_seq": before_seq} if before_seq else {"state": "done"}
        with self.db.write() as conn:
            conn.execute(update(backfills).where(backfills.c.id == one.id).values(values))

    def _newest(self, conn: Connection, name: str) -> Evaluator | None:
        t = evaluators.c
        row = conn.execute(
            select(t.said).where(t.name == name).order_by(t.version.desc()).limit(1)
        ).first()
        return None if row is None else Evaluator.from_dict(json.loads(row.said))

    def _place(self, conn: Connection, name: str, **values: Any) -> None:
        conn.execute(update(places).where(places.c.name == name).values(values))

    def _day(self, conn: Connection, one: Evaluator, *, seen: int = 0) -> None:
        key = (days.c.name == one.name, days.c.day == self._today())
        if not conn.execute(update(days).where(*key).values(seen=days.c.seen + seen)).rowcount:
            conn.execute(
                insert(days).values(name=one.name, day=self._today(), seen=seen, calls=0, nano=0)
            )

    def _select(self, *where: ColumnElement[bool], limit: int | None = None) -> Evaluations:
        query = select(evaluations).where(*where).order_by(evaluations.c.at_us).limit(limit)
        with self.db.read() as conn:
            rows = conn.execute(query).mappings().all()
        return [
            Evaluation(**{**row, **{name: json.loads(row[name]) for name in _JSON}}) for row in rows
        ]

    def _today(self) -> str:
        return self._day_named(self._clock.now_us())


def _key(found: Evaluation) -> tuple[ColumnElement[bool], ...]:
    t = evaluations.c
    return t.name == found.name, t.version == found.version, t.trace_id == found.trace_id


def _day_of(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).date().isoformat()

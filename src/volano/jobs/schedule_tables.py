"""The tables of schedules and their firings.

`key` says which occasion a firing is for. It is unique in a schedule, so that
no occasion is fired twice, whatever clocks and crashes do.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Row,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from volano.jobs.schedule import Firing, Policy, Schedule, Trigger
from volano.store.metadata import METADATA

schedules = Table(
    "schedules",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("cron", Text),
    Column("zone", Text, nullable=False),
    Column("trigger", Text),
    Column("policy", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_us", BigInteger),
    Column("missed", BigInteger, nullable=False),
    Column("mark", Text, nullable=False),
    Column("pending", Text, nullable=False),
    Column("problem", Text, nullable=False),
)

firings = Table(
    "firings",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("planned_us", BigInteger, nullable=False),
    Column("fired_us", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text),
    Column("patient", Boolean, nullable=False),
    Index("firings_key", "schedule", "key", unique=True),
    Index("firings_open", "state"),
    Index("firings_run", "run"),
)

KEPT = 2_000
"""Firings of a schedule that are over and stay on record."""
_PLAIN = ("name", "kind", "cron", "zone", "by", "group", "created_us", "paused", "next_us",
          "missed", "problem")  # fmt: skip
_JSON = ("inputs", "mark", "pending")


def put(conn: Connection, schedule: Schedule) -> None:
    """Write a schedule, new or anew."""
    row = {name: getattr(schedule, name) for name in _PLAIN}
    row |= {name: _dumps(getattr(schedule, name)) for name in _JSON}
    row |= {"policy": _dumps(asdict(schedule.policy)), "trigger": None}
    if schedule.trigger is not None:
        row["trigger"] = _dumps(asdict(schedule.trigger))
    conn.execute(delete(schedules).where(schedules.c.name == schedule.name))
    conn.execute(insert(schedules).values(row))


def change(conn: Connection, name: str, **values: Any) -> None:
    """Change columns of a schedule."""
    for column in _JSON:
        if column in values:
            values[column] = _dumps(values[column])
    conn.execute(update(schedules).where(schedules.c.name == name).values(values))


def remove(conn: Connection, name: str) -> None:
    """Delete a schedule and what waits of it; what came of it stays on record."""
    conn.execute(delete(schedules).where(schedules.c.name == name))
    waiting = (firings.c.schedule == name) & (firings.c.state == "waiting")
    conn.execute(delete(firings).where(waiting))


def read(conn: Connection, name: str) -> Schedule | None:
    """Return a schedule."""
    row = conn.execute(select(schedules).where(schedules.c.name == name)).first()
    return None if row is None else _schedule(row)


def listed(conn: Connection) -> list[Schedule]:
    """Return all schedules by name."""
    return [_schedule(row) for row in conn.execute(select(schedules).order_by(schedules.c.name))]


def fire(conn: Connection, firing: Firing, key: str) -> bool:
    """Keep a firing; False when this occasion has been fired for already."""
    same = (firings.c.schedule == firing.schedule) & (firings.c.key == key)
    if conn.execute(select(firings.c.id).where(same)).first() is not None:
        return False
    row = {**asdict(firing), "key": key, "cause": _dumps(dict(firing.cause))}
    conn.execute(insert(firings).values(row))
    return True


def mark(conn: Connection, firing_id: str, state: str, run: str | None = None) -> None:
    """Change the state of a firing."""
    values = {"state": state} if run is None else {"state": state, "run": run}
    conn.execute(update(firings).where(firings.c.id == firing_id).values(values))


def open_firings(conn: Connection, schedule: str | None = None) -> list[Firing]:
    """Return the firings that wait or whose Run is not known to be over, oldest first."""
    query = select(firings).where(firings.c.state.in_(("waiting", "started")))
    if schedule is not None:
        query = query.where(firings.c.schedule == schedule)
    rows = conn.execute(query.order_by(firings.c.fired_us, firings.c.planned_us, firings.c.id))
    return [_firing(row) for row in rows]


def history(conn: Connection, schedule: str, limit: int) -> list[Firing]:
    """Return the newest firings of a schedule."""
    query = select(firings).where(firings.c.schedule == schedule)
    order = (firings.c.fired_us.desc(), firings.c.planned_us.desc(), firings.c.id.desc())
    return [_firing(row) for row in conn.execute(query.order_by(*order).limit(limit))]


def of_runs(conn: Connection, runs: Sequence[str]) -> dict[str, Firing]:
    """Return the firings that these Runs came of, by Run."""
    query = select(firings).where(firings.c.run.in_(list(runs)))
    return {str(row.run): _firing(row) for row in conn.execute(query)}


def prune(conn: Connection, schedule: str) -> None:
    """Forget the oldest firings that are over."""
    mine = firings.c.schedule == schedule
    if (conn.scalar(select(func.count()).where(mine)) or 0) <= KEPT:
        return
    over = mine & firings.c.state.not_in(("waiting", "started"))
    kept = select(firings.c.id).where(mine).order_by(firings.c.fired_us.desc()).limit(KEPT)
    conn.execute(delete(firings).where(over & firings.c.id.not_in(kept)))


def _schedule(row: Row[Any]) -> Schedule:
    facts: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    facts |= {name: json.loads(getattr(row, name)) for name in _JSON}
    trigger = None if row.trigger is None else Trigger(**json.loads(row.trigger))
    return Schedule(**facts, trigger=trigger, policy=Policy(**json.loads(row.policy)))


def _firing(row: Row[Any]) -> Firing:
    return Firing(
        row.id, row.schedule, row.planned_us, row.fired_us, json.loads(row.cause), row.state,
        row.run, row.patient,
    )  # fmt: skip


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

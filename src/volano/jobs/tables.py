"""The table of runs, the truth about their states that people read, and its statements."""

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from volano.core.errors import is_away, is_gate
from volano.jobs.errors import UnknownRunError
from volano.jobs.folder import one_line
from volano.jobs.run import ACTIVE, Run, RunError, State
from volano.store.metadata import METADATA

runs = Table(
    "runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("outputs", Text),
    Column("error", Text),
    Column("attempt", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Index("runs_created_us", "created_us"),
)


def add(conn: Connection, row: dict[str, Any]) -> None:
    """Insert a run."""
    conn.execute(insert(runs).values(row))


def change(conn: Connection, run_id: str, **values: Any) -> None:
    """Change columns of a run."""
    conn.execute(update(runs).where(runs.c.id == run_id).values(**values))


def read(conn: Connection, run_id: str) -> Run:
    """Return one run.

    Raises:
        UnknownRunError: there is none of this id.
    """
    row = conn.execute(select(runs).where(runs.c.id == run_id)).first()
    if row is None:
        raise UnknownRunError(run=one_line(run_id, 80))
    return _run(row)


def listed(
    conn: Connection,
    *,
    kind: str | None,
    state: State | None,
    limit: int,
    before_us: int | None,
) -> list[Run]:
    """Return runs, newest first."""
    query = select(runs).order_by(runs.c.created_us.desc(), runs.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if state is not None:
        query = query.where(runs.c.state == state)
    if before_us is not None:
        query = query.where(runs.c.created_us < before_us)
    return [_run(row) for row in conn.execute(query)]


def active(conn: Connection) -> list[Run]:
    """Return the runs that are queued or running, oldest first."""
    query = select(runs).where(runs.c.state.in_(ACTIVE)).order_by(runs.c.created_us)
    return [_run(row) for row in conn.execute(query)]


def counted(conn: Connection) -> dict[str, int]:
    """Return how many runs are in each state that has any."""
    query = select(runs.c.state, func.count()).group_by(runs.c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def _run(row: Row[Any]) -> Run:
    facts = {column.name: getattr(row, column.name) for column in runs.columns}
    outputs, error = facts["outputs"], facts["error"]
    facts["inputs"] = json.loads(facts["inputs"])
    facts["outputs"] = None if outputs is None else json.loads(outputs)
    facts["error"] = None if error is None else _wrong(json.loads(error))
    return Run(**facts)


def _wrong(error: dict[str, str]) -> RunError:
    return RunError(**error, gate=is_gate(error["code"]), away=is_away(error["code"]))

"""A Rollout as it is kept: which release moves where, how far it is, how it ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.releases.channel import Channel
from volano.releases.errors import RolloutMovedError, RolloutOverError, UnknownRolloutError
from volano.releases.experiment.design import KIND, Design
from volano.releases.plan import Plan
from volano.releases.rival import Rival, read, written
from volano.releases.stage import Stage
from volano.releases.tables import rollout_events, rollouts
from volano.store.artifact import Artifact
from volano.store.db import Database

ACTIVE = ("warming", "moving", "paused")
"""States of a rollout that is under way; the others are arrived, back, aborted, failed,
and of an experiment concluded or stopped."""

SPENT = "spent"
"""The event of a shadow that may cost no more: from then on nothing is copied at this step."""


@dataclass(frozen=True)
class Rollout:
    """One move of a channel from `baseline` to `candidate`. Shares are millionths.

    An experiment has a design instead of a plan, and its arms beside the baseline in `arms`;
    the candidate is the first of them.
    """

    id: str
    channel: str
    candidate: str
    candidate_ref: str
    baseline: str | None
    baseline_ref: str | None
    plan: Plan | Design
    state: str
    step: int
    share: int
    salt: str
    created_us: int
    updated_us: int
    ended_us: int | None
    by: str
    outcome: Mapping[str, Any] | None
    arms: tuple[Rival, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it still moves."""
        return self.state in ACTIVE

    @property
    def stage(self) -> Stage | None:
        """The step where it is; None in an experiment, and before its first."""
        if isinstance(self.plan, Design) or self.state == "warming":
            return None
        return self.plan.stages[self.step]

    @property
    def is_experiment(self) -> bool:
        """Whether it compares, and moves nothing by itself."""
        return isinstance(self.plan, Design)

    @property
    def names(self) -> tuple[str, ...]:
        """The releases of its arms, the baseline first."""
        return (self.baseline_ref or "", *(one.release for one in self.arms))


def start(
    release: Artifact,
    channel: str,
    plan: Plan | Design,
    served: Channel | None,
    *,
    now_us: int,
    by: Principal,
    arms: tuple[Rival, ...] = (),
) -> Rollout:
    """Return a rollout that begins: no share yet, its engines warm up, a salt of its own."""
    return Rollout(
        id=uuid7(now_us),
        channel=channel,
        candidate=str(release.digest),
        candidate_ref=release.ref,
        baseline=served.stable if served else None,
        baseline_ref=served.stable_ref if served else None,
        plan=plan,
        state="warming",
        step=0,
        share=0,
        salt=uuid7(now_us),
        created_us=now_us,
        updated_us=now_us,
        ended_us=None,
        by=str(by),
        outcome=None,
        arms=arms,
    )


@dataclass(frozen=True)
class RolloutEvent:
    """One thing that happened to a rollout, in order."""

    n: int
    at_us: int
    kind: str
    content: Mapping[str, Any]

    def __iter__(self) -> Any:
        return iter((self.n, self.at_us, self.kind, self.content))


Rollouts = list[Rollout]
RolloutEvents = list[RolloutEvent]


def is_spent(conn: Connection, rollout_id: str, step: int) -> bool:
    """Whether the budget of a step was spent: that is an event, so that it is never forgotten."""
    of = rollout_events.c.rollout == rollout_id
    query = select(rollout_events.c.content).where(of, rollout_events.c.kind == SPENT)
    return any(json.loads(row.content)["step"] == step for row in conn.execute(query))


class Progress:
    """The rows of rollouts and their events."""

    def __init__(self, db: Database):
        self._db = db

    def begin(self, conn: Connection, rollout: Rollout) -> None:
        """Write a new rollout."""
        row = {
            **{name: getattr(rollout, name) for name in Rollout.__dataclass_fields__},
            "plan": json.dumps(rollout.plan.to_dict()),
            "outcome": None,
            "arms": written(rollout.arms),
        }
        conn.execute(insert(rollouts).values(row))

    def change(self, conn: Connection, rollout_id: str, **values: Any) -> None:
        """Change columns of a rollout's row."""
        if isinstance(values.get("outcome"), Mapping):
            values["outcome"] = json.dumps(values["outcome"])
        if "arms" in values:
            values["arms"] = written(values["arms"])
        conn.execute(update(rollouts).where(rollouts.c.id == rollout_id).values(values))

    def check_active(self, conn: Connection, rollout_id: str) -> None:
        """Make sure, inside the writing transaction, that nobody ended the rollout meanwhile.

        Raises:
            RolloutOverError: somebody did.
        """
        query = select(rollouts.c.channel, rollouts.c.state).where(rollouts.c.id == rollout_id)
        channel, state = conn.execute(query).one()
        if state not in ACTIVE:
            raise RolloutOverError(rollout=rollout_id, channel=channel, state=state)

    def check_unmoved(self, conn: Connection, rollout: Rollout) -> None:
        """Make sure that a rollout is where it was when it was read, and that nobody paused it.

        Raises:
            RolloutMovedError: it is further, or paused.
        """
        query = select(rollouts.c.step, rollouts.c.state).where(rollouts.c.id == rollout.id)
        step, state = conn.execute(query).one()
        paused = state == "paused" and rollout.state != "paused"
        if step > rollout.step or paused:
            raise RolloutMovedError(rollout=rollout.id, channel=rollout.channel)

    def note(
        self, conn: Connection, rollout_id: str, at_us: int, kind: str, content: Mapping[str, Any]
    ) -> None:
        """Append an event."""
        last = select(func.max(rollout_events.c.n)).where(rollout_events.c.rollout == rollout_id)
        n = (conn.execute(last).scalar() or 0) + 1
        row = {"rollout": rollout_id, "n": n, "at_us": at_us, "kind": kind}
        conn.execute(insert(rollout_events).values(**row, content=json.dumps(content)))

    def last(self, rollout_id: str, kind: str) -> Mapping[str, Any]:
        """Return what the last event of a kind says; nothing where there is none."""
        query = select(rollout_events.c.content).where(
            rollout_events.c.rollout == rollout_id, rollout_events.c.kind == kind
        )
        with self._db.read() as conn:
            found = conn.execute(query.order_by(rollout_events.c.n.desc()).limit(1)).scalar()
        return json.loads(found) if found else {}

    def get(self, rollout_id: str) -> Rollout:
        """Return one rollout by its id, or by the beginning of it.

        Raises:
            UnknownRolloutError: none, or several, have this id.
        """
        query = select(rollouts).where(rollouts.c.id.startswith(rollout_id, autoescape=True))
        with self._db.read() as conn:
            rows = conn.execute(query.limit(2)).mappings().all()
        if len(rows) != 1:
            raise UnknownRolloutError(rollout=rollout_id)
        return _rollout(rows[0])

    def list(self, channel: str | None = None, *, limit: int = 50) -> list[Rollout]:
        """Return rollouts, the newest first."""
        query = select(rollouts).order_by(rollouts.c.created_us.desc()).limit(limit)
        if channel is not None:
            query = query.where(rollouts.c.channel == channel)
        with self._db.read() as conn:
            return [_rollout(row) for row in conn.execute(query).mappings()]

    def active(self) -> Rollouts:
        """Return the rollouts that still move, the oldest first."""
        query = select(rollouts).where(rollouts.c.state.in_(ACTIVE))
        with self._db.read() as conn:
            found = conn.execute(query.order_by(rollouts.c.created_us)).mappings()
            return [_rollout(row) for row in found]

    def events(self, rollout_id: str) -> RolloutEvents:
        """Return what happened to a rollout, in order."""
        query = select(rollout_events).where(rollout_events.c.rollout == rollout_id)
        with self._db.read() as conn:
            rows = conn.execute(query.order_by(rollout_events.c.n)).mappings().all()
        return [
            RolloutEvent(row["n"], row["at_us"], row["kind"], json.loads(row["content"]))
            for row in rows
        ]


def _rollout(row: RowMapping) -> Rollout:
    values = {name: row[name] for name in Rollout.__dataclass_fields__}
    values["plan"] = plan_of(row["plan"])
    values["arms"] = read(row["arms"])
    values["outcome"] = json.loads(row["outcome"]) if row["outcome"] else None
    return Rollout(**values)


def plan_of(text: str) -> Plan | Design:
    """Return the plan or the design that a row holds."""
    content = json.loads(text)
    return Design.from_dict(content) if content.get("kind") == KIND else Plan.from_dict(content)

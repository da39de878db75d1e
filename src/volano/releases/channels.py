"""Channels as they stand: what serves, what is kept hot, and what moves them."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from volano.releases.channel import Channel
from volano.releases.experiment.design import Design
from volano.releases.keeping import kept_by
from volano.releases.plan import Plan
from volano.releases.progress import Rollout, is_spent, plan_of
from volano.releases.rival import read
from volano.releases.tables import channels, rollouts


def all_channels(conn: Connection, now_us: int) -> list[Channel]:
    """Return all channels by name."""
    rows = conn.execute(select(channels).order_by(channels.c.name)).mappings().all()
    return [_whole(conn, row, now_us) for row in rows]


def open_channel(conn: Connection, rollout: Rollout, *, unit: str, group: str) -> None:
    """Make a channel for its first release, which is all that it can serve."""
    row = {
        "name": rollout.channel,
        "stable": rollout.candidate,
        "stable_ref": rollout.candidate_ref,
        "unit": unit,
        "updated_us": rollout.created_us,
        "group": group,
    }
    conn.execute(insert(channels).values(row))


def channel_named(conn: Connection, name: str, now_us: int) -> Channel | None:
    """Return a channel; None where nothing was ever promoted to it."""
    row = conn.execute(select(channels).where(channels.c.name == name)).mappings().first()
    return _whole(conn, row, now_us) if row else None


def _whole(conn: Connection, row: RowMapping, now_us: int) -> Channel:
    """Return a channel with what it keeps hot, and what moves it."""
    kept = kept_by(conn, row["name"], now_us)
    return _with_candidate(conn, Channel(**row, kept=kept))


def _with_candidate(conn: Connection, channel: Channel) -> Channel:
    """Fill in the rollout that moves the channel, if one does."""
    query = select(rollouts).where(
        rollouts.c.channel == channel.name, rollouts.c.ended_us.is_(None)
    )
    row = conn.execute(query).mappings().first()
    if row is None:
        return channel
    moving = {"rollout_id": row["id"], "salt": row["salt"]}
    if row["baseline"] is not None:
        moving |= {"candidate": row["candidate"], "candidate_ref": row["candidate_ref"]}
        moving |= {"share": row["share"]}
        moving |= _staged(plan_of(row["plan"]), row["state"], row["step"])
        if moving.get("mirror_currency") and is_spent(conn, row["id"], row["step"]):
            moving["mirror"] = 0
    rivals = read(row["arms"])
    if rivals:
        shared = rivals if row["share"] else tuple(replace(one, share=0) for one in rivals)
        moving |= {"rivals": shared}
    return Channel(**{**channel.__dict__, **moving})


def _staged(plan: Plan | Design, state: str, step: int) -> dict[str, Any]:
    """Return what the step of a rollout says of its channel beside the share."""
    if isinstance(plan, Design):
        return {"exclude": plan.exclude}
    rolling = plan.stages[-1].kind == "rolling"
    if state == "warming":
        return {"scope": plan.scope, "rolling": rolling}
    stage = plan.stages[step]
    cohort = stage.share if stage.cohort else 0
    currency = stage.currency if stage.budget_nano else ""
    return {
        "scope": plan.scope, "mirror": stage.mirror, "mirror_currency": currency, "cohort": cohort,
        "rolling": rolling,
    }  # fmt: skip

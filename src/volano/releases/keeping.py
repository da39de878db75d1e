"""How long a channel keeps hot what it served before: statements on the rows of rollouts.

How much time is left stands in the row of the rollout that replaced it, and only
`Afterwards` counts it down, by the monotonic clock: a wall clock that is set ends and
prolongs nothing. What a power cut or `kill -9` takes away is the part that was not
written yet; while volano is down nothing is hot, and the time does not count.
"""

from sqlalchemy import Connection, RowMapping, select, update

from volano.releases.errors import NothingKeptError
from volano.releases.kept import Kept
from volano.releases.plan import Plan
from volano.releases.progress import Rollout
from volano.releases.tables import rollouts


def kept_by(conn: Connection, channel: str, now_us: int = 0) -> Kept | None:
    """Return what a channel keeps hot, if anything."""
    query = select(rollouts).where(rollouts.c.channel == channel, rollouts.c.keep_left_us > 0)
    row = conn.execute(query.order_by(rollouts.c.created_us.desc())).mappings().first()
    return None if row is None else _kept(row, now_us)


def keeping(conn: Connection) -> list[str]:
    """Return the names of the channels that keep something hot."""
    query = select(rollouts.c.channel).where(rollouts.c.keep_left_us > 0).distinct()
    return sorted(conn.execute(query).scalars())


def keep(conn: Connection, rollout: Rollout) -> None:
    """From now on keep hot what this rollout replaced, if its plan says so, and nothing else."""
    let_go(conn, rollout.channel)
    last = rollout.plan.stages[-1] if isinstance(rollout.plan, Plan) else None
    if last is not None and last.keep_s and rollout.baseline is not None:
        count_down(conn, rollout.id, int(last.keep_s * 1_000_000))


def count_down(conn: Connection, rollout_id: str, left_us: int) -> None:
    """Write how long it is still kept."""
    row = rollouts.c.id == rollout_id
    conn.execute(update(rollouts).where(row).values(keep_left_us=max(0, left_us)))


def let_go(conn: Connection, channel: str) -> None:
    """Keep nothing of this channel any more."""
    row = (rollouts.c.channel == channel) & (rollouts.c.keep_left_us > 0)
    conn.execute(update(rollouts).where(row).values(keep_left_us=0))


def need_kept(conn: Connection, channel: str) -> Kept:
    """Return what a channel keeps hot.

    Raises:
        NothingKeptError: nothing.
    """
    found = kept_by(conn, channel)
    if found is None:
        raise NothingKeptError(channel=channel)
    return found


def _kept(row: RowMapping, now_us: int) -> Kept:
    left = int(row["keep_left_us"])
    return Kept(row["baseline_ref"], row["baseline"], row["id"], left, now_us + left)

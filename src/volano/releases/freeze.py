"""Freezes: times in which no channel moves to anything new. Going back is always allowed."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlalchemy import Connection, delete, insert, select

from volano.access.moment import moment_us
from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.releases.errors import BadFreezeError, FrozenError, UnknownFreezeError
from volano.releases.tables import freezes
from volano.store.db import Database
from volano.store.ledger import Ledger

Listed = list["Freeze"]


@dataclass(frozen=True, slots=True)
class Freeze:
    """Channels that fit `channels` (`*`, `support`, `support/*`) do not move in this time.

    Times are microseconds UTC; without `until_us` it lasts until it is lifted.
    """

    id: str
    channels: str
    from_us: int
    until_us: int | None
    why: str
    by: str

    def holds(self, channel: str, now_us: int) -> bool:
        """Whether this channel is frozen at this time."""
        over = self.until_us is not None and now_us >= self.until_us
        return not over and now_us >= self.from_us and fnmatchcase(channel, self.channels)


class Freezes:
    """The freezes of one workspace."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock):
        self._db = db
        self._ledger = ledger
        self._clock = clock

    def freeze(
        self,
        channels: str = "*",
        *,
        since: str | None = None,
        until: str | None = None,
        why: str,
        by: Principal,
    ) -> Freeze:
        """Let no rollout begin on these channels, from now or `since` on, until `until`.

        Both are moments with a zone, days, or spans from now (`3d`); without `until` it
        lasts until it is lifted. A rollout under way goes on: stopping half-way would be a
        risk of its own.

        Raises:
            BadFreezeError: it ends before it begins, or gives no reason.
            BadMomentError: a moment cannot be read.
        """
        now = self._clock.now_us()
        begins = now if since is None else (moment_us(since, now) or now)
        until_us = None if until is None else moment_us(until, now)
        if not why.strip():
            raise BadFreezeError(why="it has no reason")
        if until_us is not None and until_us <= max(begins, now):
            raise BadFreezeError(why="it is over before it begins")
        one = Freeze(uuid7(now), channels, begins, until_us, why.strip()[:2000], str(by))
        row = {name: getattr(one, name) for name in Freeze.__slots__}
        with self._db.write() as conn:
            conn.execute(insert(freezes).values(row))
            self._ledger.append("freeze", f"channel/{channels}", (), row, by=by, conn=conn)
        return one

    def thaw(self, id: str, *, by: Principal) -> Freeze:  # noqa: A002
        """Lift a freeze.

        Raises:
            UnknownFreezeError: none, or several, have an id that begins so.
        """
        with self._db.write() as conn:
            found = [one for one in _all(conn) if id and one.id.startswith(id)]
            if len(found) != 1:
                raise UnknownFreezeError(id=id[:40])
            conn.execute(delete(freezes).where(freezes.c.id == found[0].id))
            said = {"freeze": found[0].id, "why": found[0].why}
            self._ledger.append("thaw", f"channel/{found[0].channels}", (), said, by=by, conn=conn)
        return found[0]

    def list(self) -> Listed:
        """Return the freezes that are not over, in the order of their beginning."""
        now = self._clock.now_us()
        with self._db.read() as conn:
            return [one for one in _all(conn) if one.until_us is None or one.until_us > now]

    def check(self, channel: str) -> None:
        """Let a channel move.

        Raises:
            FrozenError: it is frozen now.
        """
        now = self._clock.now_us()
        for one in self.list():
            if one.holds(channel, now):
                raise FrozenError(channel=channel, why=one.why, by=one.by, id=one.id)


def _all(conn: Connection) -> Listed:
    rows = conn.execute(select(freezes).order_by(freezes.c.from_us, freezes.c.id)).mappings()
    return [Freeze(**row) for row in rows]

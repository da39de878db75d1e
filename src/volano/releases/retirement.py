"""Retirements: the end of releases and of channels, and who still holds them.

A retired release never serves again, by no promotion and no way back; its artifact, traces and
rollouts stay. A closed channel is gone from the gateway, until something is promoted to its name.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from volano.access.moment import duration_us
from volano.core.clock import Clock
from volano.core.ports.publish import Publish
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.releases.callers import Caller
from volano.releases.deprecation import drop
from volano.releases.errors import ChannelUsedError, ReleaseUsedError, UnknownChannelError
from volano.releases.progress import ACTIVE
from volano.releases.release import KIND
from volano.releases.retired import Retired, refuse_retired, retired
from volano.releases.tables import (
    channels,
    closed_channels,
    deprecations,
    environment_orders,
    retired_releases,
    rollouts,
)
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger

_LONGEST = 2_000
_NAMED = 5
Listed = list[Retired]


@dataclass(frozen=True, slots=True)
class Closed:
    """A channel that is no more, what it served last, and what follows it."""

    channel: str
    served: str
    why: str
    successor: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with the end of a sentence on where its callers are sent."""
        says = f"; who calls it is told of {self.successor}" if self.successor else ""
        return {**asdict(self), "says": says}


class Retirements:
    """Ends releases and channels; refuses what is still used, and says by whom."""

    def __init__(
        self,
        *,
        db: Database,
        catalog: Catalog,
        ledger: Ledger,
        clock: Clock,
        publish: Publish,
        callers: Callable[[str, int], list[Caller]],
    ):
        self._db = db
        self._catalog = catalog
        self._ledger = ledger
        self._clock = clock
        self._publish = publish
        self._callers = callers

    def retire(self, ref: Ref | str, *, why: str = "", by: Principal) -> Retired:
        """Let a release never serve again; there is no way back from it.

        Raises:
            ReleaseUsedError: a channel serves it, a rollout moves to it, or it is a successor.
            RetiredReleaseError: it is retired already.
        """
        release = self._catalog.get(KIND, ref)
        digest, why = str(release.digest), why.strip()[:_LONGEST]
        one = Retired(digest, release.ref, self._clock.now_us(), why, str(by))
        with self._db.write() as conn:
            refuse_retired(conn, digest)
            if users := list(_users(conn, digest, release.ref)):
                raise ReleaseUsedError(ref=release.ref, users=_listed(users))
            row = {name: getattr(one, name) for name in Retired.__slots__}
            conn.execute(insert(retired_releases).values(row))
            said = {"release": release.ref, "why": why}
            self._ledger.append("release.retire", str(release), [digest], said, by=by, conn=conn)
        return one

    def close(self, channel: str, *, quiet: str = "7d", why: str = "", by: Principal) -> Closed:
        """Take a channel away from the gateway; clients that name it are told it is unknown.

        It must not have been called for as long as `quiet` says; `0s` asks for nothing. Where it
        was deprecated, they are told of its successor.

        Raises:
            UnknownChannelError: there is no such channel.
            ChannelUsedError: it moves, was called lately, is an environment or a successor.
            BadDurationError: `quiet` cannot be read.
        """
        since_us, why = self._clock.now_us() - duration_us(quiet), why.strip()[:_LONGEST]
        called = self._callers(channel, since_us) if duration_us(quiet) else []
        with self._db.write() as conn:
            query = select(channels).where(channels.c.name == channel)
            row = conn.execute(query).mappings().first()
            if row is None:
                raise UnknownChannelError(channel=channel)
            if users := [*_holders(conn, channel), *map(_told, called)]:
                raise ChannelUsedError(channel=channel, users=_listed(users))
            conn.execute(delete(channels).where(channels.c.name == channel))
            successor = drop(conn, channel)
            _send_on(conn, channel, successor)
            said = {"served": row["stable_ref"], "why": why, "successor": successor}
            self._ledger.append(
                "channel.close", f"channel/{channel}", [row["stable"]], said, by=by, conn=conn
            )
        self._publish()
        return Closed(channel, row["stable_ref"], why, successor)

    def followed(self) -> dict[str, str]:
        """Return the channels that are closed, each with the one that was said to follow."""
        with self._db.read() as conn:
            return {row.name: row.successor for row in conn.execute(select(closed_channels))}

    def of(self, digest: str) -> Retired | None:
        """Return the end of a release, if it has come."""
        with self._db.read() as conn:
            return retired(conn, digest)

    def list(self, *, limit: int = 50) -> Listed:
        """Return the retired releases, the last one first."""
        newest = retired_releases.c.at_us.desc(), retired_releases.c.ref
        query = select(retired_releases).order_by(*newest).limit(limit)
        with self._db.read() as conn:
            return [Retired(**row) for row in conn.execute(query).mappings()]


def _send_on(conn: Connection, channel: str, successor: str) -> None:
    """Remember what follows a channel that is closed; nothing of an earlier one of its name."""
    conn.execute(delete(closed_channels).where(closed_channels.c.name == channel))
    if successor:
        conn.execute(insert(closed_channels).values(name=channel, successor=successor))


def _users(conn: Connection, digest: str, ref: str) -> Iterator[str]:
    """Say who holds a release."""
    for name in conn.scalars(select(channels.c.name).where(channels.c.stable == digest)):
        yield f"channel {name} serves it"
    moving = select(rollouts).where(rollouts.c.state.in_(ACTIVE))
    for row in conn.execute(moving.order_by(rollouts.c.channel)).mappings():
        arms = [one["release_digest"] for one in json.loads(row["arms"] or "[]")]
        if digest in (row["candidate"], *arms):
            yield f"rollout {row['id']} moves {row['channel']} to it"
    kept = select(rollouts.c.channel).where(
        rollouts.c.baseline == digest, rollouts.c.keep_left_us > 0
    )
    for name in conn.scalars(kept.distinct()):
        yield f"channel {name} keeps it hot for the way back"
    named = select(deprecations.c.name).where(
        deprecations.c.successor == ref, deprecations.c.subject.startswith("release/")
    )
    for name in conn.scalars(named):
        yield f"{name} names it as its successor"


def _holders(conn: Connection, channel: str) -> Iterator[str]:
    """Say who holds a channel, besides those who call it."""
    moving = select(rollouts.c.id).where(
        rollouts.c.channel == channel, rollouts.c.state.in_(ACTIVE)
    )
    for rollout in conn.scalars(moving):
        yield f"rollout {rollout} moves it"
    for row in conn.execute(select(environment_orders)).mappings():
        if channel in json.loads(row["environments"]):
            yield f"it is an environment of {row['channel']}"
    named = select(deprecations.c.name).where(
        deprecations.c.successor == channel, deprecations.c.subject.startswith("channel/")
    )
    for name in conn.scalars(named):
        yield f"{name} names it as its successor"


def _told(caller: Caller) -> str:
    who = f"key {caller.name or caller.key}" if caller.key else "somebody without a key"
    return f"{who} called it {caller.calls} times"


def _listed(users: Iterable[str]) -> str:
    found = [*users]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return "; ".join(found[:_NAMED]) + more

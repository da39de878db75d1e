"""Deprecations: a release or a channel that should be left, until when, and for what.

It serves as before. Its callers are told with each answer (RFC 9745, RFC 8594), as the gateway
writes it; people see who still calls with `volano channel callers`. When the day has come nothing
happens by itself: an operator retires the release or closes the channel.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from volano.access.moment import moment_us
from volano.core.clock import Clock
from volano.core.ports.publish import Publish
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.releases.errors import BadDeprecationError, NotDeprecatedError, UnknownChannelError
from volano.releases.release import KIND
from volano.releases.retired import refuse_retired
from volano.releases.tables import channels, deprecations
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger

CHANNEL, RELEASE = "channel/", "release/"
LATEST_US = 253_402_300_799_000_000
"""The last second of the year 9999: an HTTP date has four digits for the year (RFC 9110)."""
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What should be left: since when, until when it may be used (None: not said), what follows.

    `subject` is `channel/NAME` or `release/DIGEST`, `name` and `successor` what people call them;
    times are microseconds UTC.
    """

    subject: str
    name: str
    since_us: int
    until_us: int | None
    successor: str
    why: str
    by: str

    @property
    def is_channel(self) -> bool:
        """Whether it is a channel; else a release."""
        return self.subject.startswith(CHANNEL)

    @property
    def says(self) -> str:
        """Until when, why and for what it should be left."""
        until = f", to be used until {_day(self.until_us)}" if self.until_us is not None else ""
        why = f" ({self.why})" if self.why else ""
        follows = f"; its successor is {self.successor}" if self.successor else ""
        return f"deprecated since {_day(self.since_us)}{until}{why}{follows}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with the sentence."""
        return {**asdict(self), "says": self.says}


Listed = list[Deprecation]


class Deprecations:
    """What is deprecated in one workspace."""

    def __init__(
        self, *, db: Database, catalog: Catalog, ledger: Ledger, clock: Clock, publish: Publish
    ):
        self._db = db
        self._catalog = catalog
        self._ledger = ledger
        self._clock = clock
        self._publish = publish

    def deprecate(
        self,
        ref: Ref | str,
        *,
        on: str,
        successor: Ref | str | None = None,
        why: str = "",
        by: Principal,
    ) -> Deprecation:
        """Say that a release should be left: callers of channels that serve it are told.

        `on` is the day after which it may be gone (a moment, a day, `90d`), or `never`. Said
        again, it has the new day and successor, and is deprecated since it first was.

        Raises:
            BadDeprecationError: that day is over, or the successor is none.
            RetiredReleaseError: the release, or its successor, is retired.
            BadMomentError: `on` cannot be read.
        """
        release = self._catalog.get(KIND, ref)
        follows = self._catalog.get(KIND, successor) if successor else None
        with self._db.write() as conn:
            refuse_retired(conn, str(release.digest))
            if follows is not None:
                refuse_retired(conn, str(follows.digest))
                self._check(conn, release.ref, _of_release(release), _of_release(follows))
            one = self._made(_of_release(release), release.ref, on, why, by)
            made = self._put(conn, one, follows.ref if follows else "", by)
        self._publish()
        return made

    def deprecate_channel(
        self, channel: str, *, on: str, successor: str | None = None, why: str = "", by: Principal
    ) -> Deprecation:
        """Say that a channel should be left: its callers are told, whatever serves it.

        Raises:
            UnknownChannelError: there is no such channel, or no such successor.
            BadDeprecationError: the day is over, or the successor is none.
            BadMomentError: `on` cannot be read.
        """
        name = check_name(channel)
        follows = check_name(successor) if successor else ""
        with self._db.write() as conn:
            for one in (name, *([follows] if follows else [])):
                if conn.scalar(select(channels.c.name).where(channels.c.name == one)) is None:
                    raise UnknownChannelError(channel=one)
            if follows:
                self._check(conn, name, CHANNEL + name, CHANNEL + follows)
            made = self._put(conn, self._made(CHANNEL + name, name, on, why, by), follows, by)
        self._publish()
        return made

    def undeprecate(self, ref: Ref | str, *, by: Principal) -> Deprecation:
        """Take back that a release should be left.

        Raises:
            NotDeprecatedError: it is not deprecated.
        """
        release = self._catalog.get(KIND, ref)
        return self._take_back(_of_release(release), release.ref, by)

    def undeprecate_channel(self, channel: str, *, by: Principal) -> Deprecation:
        """Take back that a channel should be left.

        Raises:
            NotDeprecatedError: it is not deprecated.
        """
        name = check_name(channel)
        return self._take_back(CHANNEL + name, name, by)

    def list(self) -> Listed:
        """Return what is deprecated, what ends first before the others."""
        query = select(deprecations).order_by(
            deprecations.c.until_us.is_(None), deprecations.c.until_us, deprecations.c.name
        )
        with self._db.read() as conn:
            return [Deprecation(**row) for row in conn.execute(query).mappings()]

    def by_subject(self) -> Mapping[str, Deprecation]:
        """Return all of them by their subject: `channel/NAME`, `release/DIGEST`."""
        return {one.subject: one for one in self.list()}

    def _check(self, conn: Connection, name: str, subject: str, successor: str) -> None:
        """Let no one be sent to where they should not be either."""
        if subject == successor:
            raise BadDeprecationError(name=name, why="it cannot follow itself")
        if _get(conn, successor) is not None:
            raise BadDeprecationError(name=name, why="its successor is deprecated, too")

    def _made(self, subject: str, name: str, on: str, why: str, by: Principal) -> Deprecation:
        now = self._clock.now_us()
        until = moment_us(on, now)
        if until is not None and not now < until <= LATEST_US:
            raise BadDeprecationError(name=name, why=f"`{ascii(on)[1:-1][:40]}` is no day to come")
        return Deprecation(subject, name, now, until, "", why.strip()[:_LONGEST], str(by))

    def _put(
        self, conn: Connection, one: Deprecation, successor: str, by: Principal
    ) -> Deprecation:
        before = _get(conn, one.subject)
        since = before.since_us if before else one.since_us
        put = replace(one, successor=successor, since_us=min(since, one.since_us))
        conn.execute(delete(deprecations).where(deprecations.c.subject == one.subject))
        conn.execute(insert(deprecations).values(asdict(put)))
        self._tell(conn, "deprecate", put, by)
        return put

    def _take_back(self, subject: str, name: str, by: Principal) -> Deprecation:
        with self._db.write() as conn:
            found = _get(conn, subject)
            if found is None:
                raise NotDeprecatedError(name=name)
            conn.execute(delete(deprecations).where(deprecations.c.subject == subject))
            self._tell(conn, "undeprecate", found, by)
        self._publish()
        return found

    def _tell(self, conn: Connection, verb: str, one: Deprecation, by: Principal) -> None:
        kind = CHANNEL if one.is_channel else RELEASE
        digests = () if one.is_channel else (one.subject.removeprefix(RELEASE),)
        said = {"until_us": one.until_us, "successor": one.successor, "why": one.why}
        verb = f"{kind[:-1]}.{verb}"
        self._ledger.append(verb, f"{kind}{one.name}", digests, said, by=by, conn=conn)


def drop(conn: Connection, channel: str) -> str:
    """Forget that a channel is deprecated, as it is closed; return what follows, or nothing."""
    found = _get(conn, CHANNEL + channel)
    conn.execute(delete(deprecations).where(deprecations.c.subject == CHANNEL + channel))
    return found.successor if found is not None else ""


def _get(conn: Connection, subject: str) -> Deprecation | None:
    query = select(deprecations).where(deprecations.c.subject == subject)
    row = conn.execute(query).mappings().first()
    return Deprecation(**row) if row else None


def _of_release(release: Artifact) -> str:
    return f"{RELEASE}{release.digest}"


def _day(at_us: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at_us // 1_000_000))

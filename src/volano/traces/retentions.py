"""Retentions and Holds: the verbs. How long traces are kept, and which of them whatever that says.

Both lie in the catalog; the recorder, who deletes, reads them from one file that is written whole
after each change. When a verb returns, the file says it: a deletion under way under the old rules
is broken off before it is committed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, insert, select, update

from volano.access.moment import moment_us
from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.errors import BadHoldError, BadRetentionError, NoHoldError, NoRetentionError
from volano.traces.policy_tables import holds, retention
from volano.traces.sealed.rules import Hold, Rule, write_policy

MOST_DAYS = 36_500
MOST_CHARS = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule as people see it: of what, how many days; 0 days are for good."""

    id: str
    of: str
    days: int
    body_days: int
    set_us: int
    set_by: str


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as people see it."""

    id: str
    of: str
    reason: str
    added_us: int
    added_by: str


class Policies:
    """What stands in both tables, published for the recorder."""

    def __init__(self, db: Database, path: Path):
        self._db, self._path = db, path

    def publish(self) -> None:
        """Write the file, whole. Control only."""
        with self._db.read() as conn:
            rules = [_rule(row) for row in conn.execute(_STANDING)]
            held = [_hold(row) for row in conn.execute(_HOLDING)]
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_policy(self._path, rules, held)


class Retentions:
    """The rules of one workspace. Without any, traces are kept for good."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock, policies: Policies):
        self._db, self._ledger, self._clock, self._policies = db, ledger, clock, policies

    def set(
        self, *, days: int, body_days: int = 0, channel: str = "", group: str = "",
        tag: str = "", by: Principal,
    ) -> Kept:  # fmt: skip
        """Keep traces so many days, and their bodies perhaps fewer; 0 days: for good.

        The rule is of a channel, a group and those below it, a tag `name=value`, of all that is
        said, or of everything. It takes the place of the one that was of the same.

        Raises:
            BadRetentionError: the days or the tag make no sense.
        """
        self._check(days, body_days, tag)
        now = self._clock.now_us()
        of = {"channel": _text(channel), "group": _text(group), "tag": _text(tag)}
        row = {"id": uuid7(now), "days": days, "body_days": body_days, **of,
               "set_us": now, "set_by": str(by)}  # fmt: skip
        same = [retention.c[name] == value for name, value in of.items()]
        with self._db.write() as conn:
            conn.execute(update(retention).where(*same, _STANDS).values(removed_us=now))
            conn.execute(insert(retention).values(row))
            content = {**of, "days": days, "body_days": body_days}
            self._ledger.append("set", f"retention/{row['id']}", (), content, by=by, conn=conn)
        self._policies.publish()
        return _kept(row)

    def list(self) -> list[Kept]:
        """Return the rules, those that decide first first."""
        with self._db.read() as conn:
            rows = conn.execute(_STANDING).all()
        ranked = sorted(rows, key=lambda row: (-_rule(row).conditions, row.set_us))
        return [_kept(row._asdict()) for row in ranked]

    def remove(self, id: str, *, by: Principal) -> Kept:  # noqa: A002 - the sentence's word
        """Take a rule away; what it was of is kept by the rules that are left.

        Raises:
            NoRetentionError: there is no such rule.
        """
        with self._db.write() as conn:
            row = conn.execute(_STANDING.where(retention.c.id == id)).first()
            if row is None:
                raise NoRetentionError(rule=ascii(id)[1:-1][:80])
            gone = update(retention).where(retention.c.id == id)
            conn.execute(gone.values(removed_us=self._clock.now_us()))
            self._ledger.append("remove", f"retention/{id}", (), {}, by=by, conn=conn)
        self._policies.publish()
        return _kept(row._asdict())

    @staticmethod
    def _check(days: int, body_days: int, tag: str) -> None:
        if not 0 <= days <= MOST_DAYS or not 0 <= body_days <= MOST_DAYS:
            raise BadRetentionError(why=f"days are 0 (for good) to {MOST_DAYS}")
        if days and body_days > days:
            raise BadRetentionError(why="bodies cannot stay longer than their rows")
        if (tag and not tag.partition("=")[0].strip()) or (tag and "=" not in tag):
            raise BadRetentionError(why="a tag is written name=value")


class Holds:
    """What is kept whatever the rules say, until it is released."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock, policies: Policies):
        self._db, self._ledger, self._clock, self._policies = db, ledger, clock, policies

    def add(
        self, *, reason: str, trace: str = "", session: str = "", channel: str = "",
        group: str = "", since: str = "", until: str = "", by: Principal,
    ) -> Held:  # fmt: skip
        """Hold the traces of which all that is said is true.

        Raises:
            BadHoldError: nothing is said of what to hold, or why.
            BadMomentError: `since` or `until` is no moment.
        """
        now = self._clock.now_us()
        of = {name: _text(value) for name, value in (
            ("trace", trace), ("session", session), ("channel", channel), ("group", group),
        )}  # fmt: skip
        bounds = {name: (moment_us(text, now) or 0) if text else 0
                  for name, text in (("since_us", since), ("until_us", until))}  # fmt: skip
        if not any((*of.values(), *bounds.values())):
            raise BadHoldError(why="say what: a trace, session, channel, group or time")
        if not reason.strip():
            raise BadHoldError(why="say the reason")
        row = {"id": uuid7(now), **of, **bounds, "reason": nfc(reason.strip())[:MOST_CHARS],
               "added_us": now, "added_by": str(by)}  # fmt: skip
        with self._db.write() as conn:
            conn.execute(insert(holds).values(row))
            content = {**of, **bounds, "reason": row["reason"]}
            self._ledger.append("add", f"hold/{row['id']}", (), content, by=by, conn=conn)
        self._policies.publish()
        return _held(row)

    def list(self) -> list[Held]:
        """Return what is held, the oldest first."""
        with self._db.read() as conn:
            return [_held(row._asdict()) for row in conn.execute(_HOLDING)]

    def release(self, id: str, *, by: Principal) -> Held:  # noqa: A002 - the sentence's word
        """Hold it no longer; the rules say what becomes of it.

        Raises:
            NoHoldError: there is no such hold.
        """
        with self._db.write() as conn:
            row = conn.execute(_HOLDING.where(holds.c.id == id)).first()
            if row is None:
                raise NoHoldError(hold=ascii(id)[1:-1][:80])
            done = update(holds).where(holds.c.id == id)
            conn.execute(done.values(released_us=self._clock.now_us()))
            self._ledger.append("release", f"hold/{id}", (), {}, by=by, conn=conn)
        self._policies.publish()
        return _held(row._asdict())


_STANDS = retention.c.removed_us.is_(None)
_STANDING = select(retention).where(_STANDS).order_by(retention.c.set_us, retention.c.id)
_HOLDING = select(holds).where(holds.c.released_us.is_(None)).order_by(holds.c.added_us, holds.c.id)


def _text(given: str) -> str:
    return nfc(given.strip())[:MOST_CHARS]


def _rule(row: Row[Any]) -> Rule:
    of = row._asdict()
    return Rule(**{name: of[name] for name in Rule.__struct_fields__})


def _hold(row: Row[Any]) -> Hold:
    of = row._asdict()
    return Hold(**{name: of[name] for name in Hold.__struct_fields__})


def _kept(row: dict[str, Any]) -> Kept:
    of = _words(row, "channel", "group", "tag")
    return Kept(row["id"], of, row["days"], row["body_days"], row["set_us"], row["set_by"])


def _held(row: dict[str, Any]) -> Held:
    of = _words(row, "trace", "session", "channel", "group", "since_us", "until_us")
    return Held(row["id"], of, row["reason"], row["added_us"], row["added_by"])


def _words(row: dict[str, Any], *names: str) -> str:
    said = [f"{name.removesuffix('_us')} {_shown(name, row[name])}" for name in names if row[name]]
    return ", ".join(said) or "everything"


def _shown(name: str, value: Any) -> str:
    if not name.endswith("_us"):
        return str(value)
    return datetime.fromtimestamp(value // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

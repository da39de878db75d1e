"""Approvals: some channels move only when enough distinct people have said yes.

Who cut the release does not count. A yes is to one release on one channel as it stood: when the
channel comes to serve something else, or the rule is set anew, it is void. In an emergency a
release may go without, with a reason; then the same number of people look at it afterwards, one
where the channel asks nobody, and until they have it stands in the list as owed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.core.text import nfc
from volano.releases.errors import (
    ApprovalMissingError,
    BadRuleError,
    NoApproverError,
    NoRuleError,
    OwnEmergencyError,
    OwnReleaseError,
)
from volano.releases.release import KIND
from volano.releases.tables import approval_rules, approvals, channels
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger

APPROVE, EMERGENCY = "approve", "emergency"
MOST = 20
_LONGEST = 2_000
Listed = list["Approval"]
Rules = list["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """So many people have to agree before this channel moves; anybody, or only `approvers`."""

    channel: str
    needed: int
    approvers: tuple[str, ...]
    set_us: int
    set_by: str


@dataclass(frozen=True, slots=True)
class Approval:
    """One yes, or (`kind` emergency) one move without. `given` of `needed` have agreed by now.

    `valid` is false once the channel serves something else or has another rule; an emergency is
    `owed` until enough have agreed after it.
    """

    id: str
    channel: str
    release: str
    release_ref: str
    kind: str
    by: str
    at_us: int
    why: str
    valid: bool = True
    owed: bool = False


class Approvals:
    """The rules of channels, and who agreed to what."""

    def __init__(self, *, db: Database, catalog: Catalog, ledger: Ledger, clock: Clock):
        self._db = db
        self._catalog = catalog
        self._ledger = ledger
        self._clock = clock

    def require(
        self,
        channel: str,
        *,
        needed: int = 1,
        approvers: Iterable[str] = (),
        off: bool = False,
        by: Principal,
    ) -> Rule:
        """Let a channel move only when so many people agree; `off`: as it likes again.

        `approvers` are principals such as `person:anna` or `service:key/boris`; without them
        anybody counts who may say it. All that was said under the old rule is void.

        Raises:
            BadRuleError: more are needed than may approve, or none or too many.
        """
        channel, names = check_name(channel), tuple(dict.fromkeys(nfc(a) for a in approvers if a))
        if not off and not 1 <= needed <= MOST:
            raise BadRuleError(channel=channel, why=f"1 to {MOST} people can be needed")
        if names and needed > len(names):
            why = f"{needed} are needed, and {len(names)} may approve"
            raise BadRuleError(channel=channel, why=why)
        now = self._clock.now_us()
        rule = Rule(channel, 0 if off else needed, () if off else names, now, str(by))
        row = {**_plain(rule), "approvers": json.dumps(rule.approvers, ensure_ascii=False)}
        with self._db.write() as conn:
            conn.execute(delete(approval_rules).where(approval_rules.c.channel == channel))
            if not off:
                conn.execute(insert(approval_rules).values(row))
            said = {"needed": rule.needed, "approvers": list(rule.approvers)}
            self._ledger.append("channel.rule", f"channel/{channel}", (), said, by=by, conn=conn)
        return rule

    def approve(self, ref: Ref | str, *, channel: str, why: str = "", by: Principal) -> Approval:
        """Agree that a channel may move to a release; after an emergency, that it was right.

        Said twice by one person it counts once.

        Raises:
            NoRuleError: the channel asks nobody, and no emergency is owed its review.
            OwnReleaseError: this person cut the release.
            OwnEmergencyError: this person declared the emergency, and nothing else asks for approval.
            NoApproverError: only others may approve here.
        """
        release = self._catalog.get(KIND, ref)
        with self._db.write() as conn:
            rule = _rule(conn, channel)
            if rule is None and not _owed(conn, channel, str(release.digest)):
                raise NoRuleError(channel=channel)
            if str(by) == release.created_by:
                raise OwnReleaseError(ref=release.ref, principal=by)
            if rule is None and str(by) in _hurried(conn, channel, str(release.digest)):
                raise OwnEmergencyError(ref=release.ref, principal=by, channel=channel)
            if rule is not None and rule.approvers and str(by) not in rule.approvers:
                may = ", ".join(rule.approvers)
                raise NoApproverError(principal=by, channel=channel, approvers=may)
            made = self._put(conn, release, channel, rule, APPROVE, why, by)
            self._tell(conn, release, made, by)
        return _approval(made, valid=rule is not None, owed=False)

    def check(self, release: Artifact, channel: str, *, emergency: str = "", by: Principal) -> None:
        """Let a channel move to a release; with `emergency`, a reason, also without approval.

        Raises:
            ApprovalMissingError: not enough people have agreed.
        """
        with self._db.write() as conn:
            rule = _rule(conn, channel)
            if rule is None:
                return
            said = _agreed(conn, rule, str(release.digest), _serves(conn, channel))
            if len(said) >= rule.needed:
                return
            if emergency.strip():
                made = self._put(conn, release, channel, rule, EMERGENCY, emergency, by)
                self._tell(conn, release, made, by)
                return
        raise ApprovalMissingError(
            ref=release.ref, channel=channel, given=len(said), needed=rule.needed,
            who=f": {', '.join(sorted(said))}" if said else "",
        )  # fmt: skip

    def owe(
        self, conn: Connection, release: Artifact, channel: str, why: str, *, by: Principal
    ) -> None:
        """Note that an emergency moves a channel and is owed its review; once, where it is already.

        It belongs to the caller's transaction, and so does what the ledger is told of it.
        """
        if not _owed(conn, channel, str(release.digest)):
            self._put(conn, release, channel, _rule(conn, channel), EMERGENCY, why, by)

    def list(self, channel: str | None = None, *, limit: int = 50) -> Listed:
        """Return who agreed to what, the newest first; which of it counts, what is owed."""
        query = select(approvals).order_by(approvals.c.at_us.desc(), approvals.c.id.desc())
        if channel is not None:
            query = query.where(approvals.c.channel == channel)
        with self._db.read() as conn:
            rows = conn.execute(query.limit(limit)).mappings().all()
            return [_approval(row, **_standing(conn, row)) for row in rows]

    def rules(self) -> Rules:
        """Return the channels that ask people, by name."""
        with self._db.read() as conn:
            rows = conn.execute(select(approval_rules).order_by(approval_rules.c.channel))
            return [_read(row) for row in rows.mappings()]

    def _put(
        self, conn: Connection, release: Artifact, channel: str, rule: Rule | None, kind: str,
        why: str, by: Principal,
    ) -> dict[str, Any]:  # fmt: skip
        now = self._clock.now_us()
        row = {
            "id": uuid7(now), "channel": channel, "release": str(release.digest),
            "release_ref": release.ref, "serves": _serves(conn, channel),
            "rule_us": rule.set_us if rule else 0, "kind": kind, "by": str(by), "at_us": now,
            "why": why.strip()[:_LONGEST],
        }  # fmt: skip
        conn.execute(insert(approvals).values(row))
        return row

    def _tell(
        self, conn: Connection, release: Artifact, row: Mapping[str, Any], by: Principal
    ) -> None:
        said = {"release": release.ref, "why": row["why"]}
        verb, subject = f"release.{row['kind']}", f"channel/{row['channel']}"
        self._ledger.append(verb, subject, [release.digest], said, by=by, conn=conn)


def _rule(conn: Connection, channel: str) -> Rule | None:
    query = select(approval_rules).where(approval_rules.c.channel == channel)
    row = conn.execute(query).mappings().first()
    return _read(row) if row else None


def _read(row: RowMapping) -> Rule:
    return Rule(
        row["channel"], row["needed"], tuple(json.loads(row["approvers"])), row["set_us"],
        row["set_by"],
    )  # fmt: skip


def _serves(conn: Connection, channel: str) -> str:
    """Return the digest of what the channel serves; empty for a new one."""
    return conn.scalar(select(channels.c.stable).where(channels.c.name == channel)) or ""


def _agreed(conn: Connection, rule: Rule, release: str, serves: str) -> set[str]:
    """Return who agreed to this release on the channel as it stands, under this rule."""
    query = select(approvals.c.by).where(
        approvals.c.channel == rule.channel, approvals.c.release == release,
        approvals.c.serves == serves, approvals.c.rule_us == rule.set_us,
        approvals.c.kind == APPROVE,
    )  # fmt: skip
    return set(conn.scalars(query))


def _owed(conn: Connection, channel: str, release: str) -> bool:
    """Say whether an emergency that moved this channel to this release is still owed its review."""
    query = select(approvals).where(
        approvals.c.channel == channel, approvals.c.release == release,
        approvals.c.kind == EMERGENCY,
    )  # fmt: skip
    return any(_is_owed(conn, row) for row in conn.execute(query).mappings().all())


def _hurried(conn: Connection, channel: str, release: str) -> set[str]:
    """Return who declared an emergency that moved this channel to this release."""
    query = select(approvals.c.by).where(
        approvals.c.channel == channel, approvals.c.release == release,
        approvals.c.kind == EMERGENCY,
    )  # fmt: skip
    return set(conn.scalars(query))


def _is_owed(conn: Connection, row: RowMapping) -> bool:
    query = select(approvals.c.by).where(
        approvals.c.channel == row["channel"], approvals.c.release == row["release"],
        approvals.c.kind == APPROVE, approvals.c.at_us >= row["at_us"],
    )  # fmt: skip
    after = set(conn.scalars(query)) - {row["by"]}
    rule = _rule(conn, row["channel"])
    return len(after) < (rule.needed if rule else 1)


def _standing(conn: Connection, row: RowMapping) -> dict[str, bool]:
    """Say whether a yes counts now, and whether an emergency is still owed its review."""
    if row["kind"] == EMERGENCY:
        return {"valid": True, "owed": _is_owed(conn, row)}
    rule = _rule(conn, row["channel"])
    same = rule is not None and rule.set_us == row["rule_us"]
    return {"valid": same and _serves(conn, row["channel"]) == row["serves"], "owed": False}


def _approval(row: Any, *, valid: bool, owed: bool) -> Approval:
    return Approval(
        row["id"], row["channel"], row["release"], row["release_ref"], row["kind"], row["by"],
        row["at_us"], row["why"], valid, owed,
    )  # fmt: skip


def _plain(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in Rule.__slots__}

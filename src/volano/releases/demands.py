"""Demands: some channels move only to releases that were checked to break nobody.

A check counts for one release on one channel as it stood: when the channel comes to serve
something else, or the demand is set anew, it is stale. What was not measured is no yes. In an
emergency a release may go without, with a reason that stays on record.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.releases.compatibility.limits import gates_of, limits_of
from volano.releases.compatibility.outcome import PASSED, STOPPED, UNMEASURED, outcome, read
from volano.releases.errors import UncheckedError
from volano.releases.tables import channels, check_rules, release_checks
from volano.store.artifact import Artifact
from volano.store.db import Database
from volano.store.ledger import Ledger

_LONGEST = 2_000
_SAYS = {STOPPED: "says no", UNMEASURED: "could not tell"}
AllDemands = list["Demand"]
Checks = list["Check"]


@dataclass(frozen=True, slots=True)
class Demand:
    """The gates that must say yes before this channel moves, and the limits they go by."""

    channel: str
    gates: tuple[str, ...]
    limits: Mapping[str, Any]
    set_us: int
    set_by: str

    @property
    def says(self) -> str:
        """The gates, in words."""
        return ", ".join(self.gates) or "nothing"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "channel": self.channel, "gates": list(self.gates), "limits": dict(self.limits),
            "says": self.says, "set_us": self.set_us, "set_by": self.set_by,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a release against what was served: what each gate said, on how much.

    `run` is the Run that made it. `channel` is empty where it was made for none.
    """

    run: str
    release: str
    release_ref: str
    baseline: str
    baseline_ref: str
    channel: str
    rule_us: int
    outcome: str
    why: str
    gates: tuple[Mapping[str, Any], ...]
    limits: Mapping[str, Any]
    at_us: int
    by: str


class Demands:
    """What channels demand, and whether a release meets it."""

    def __init__(self, *, db: Database, ledger: Ledger, clock: Clock):
        self._db = db
        self._ledger = ledger
        self._clock = clock

    def require(
        self,
        channel: str,
        *,
        require: Iterable[str] = (),
        new_fields: bool | None = None,
        critical: str | None = None,
        flips: int | None = None,
        failures: int | None = None,
        cost: float | None = None,
        latency: float | None = None,
        least: int | None = None,
        suites: str | None = None,
        off: bool = False,
        by: Principal,
    ) -> Demand:
        """Let a channel move only to releases whose check said yes; `off`: to any again.

        `require` names gates: suites, schema, variables, flips, replay, context, envelope; all when none is named.
        The limits are the channel's: a check made for it goes by them. Checks that were made
        before are stale.

        Raises:
            BadCheckError: there is no such gate, or a limit cannot be.
        """
        channel = check_name(channel)
        limits = limits_of({
            "new_fields": new_fields, "critical": critical, "flips": flips, "failures": failures,
            "cost": cost, "latency": latency, "least": least, "suites": suites,
        })  # fmt: skip
        asked = () if off else gates_of(require)
        now = self._clock.now_us()
        rule = Demand(channel, asked, limits.to_dict(), now, str(by))
        row = {
            "channel": channel, "gates": json.dumps(asked), "limits": json.dumps(limits.to_dict()),
            "set_us": now, "set_by": str(by),
        }  # fmt: skip
        with self._db.write() as conn:
            conn.execute(delete(check_rules).where(check_rules.c.channel == channel))
            if not off:
                conn.execute(insert(check_rules).values(row))
            said = {"gates": list(asked), "limits": limits.to_dict()}
            self._ledger.append("channel.checks", f"channel/{channel}", (), said, by=by, conn=conn)
        return rule

    def list(self) -> AllDemands:
        """Return the channels that demand checks, by name."""
        with self._db.read() as conn:
            rows = conn.execute(select(check_rules).order_by(check_rules.c.channel)).mappings()
            return [_demand(row) for row in rows]

    def of(self, channel: str) -> Demand | None:
        """Return what a channel demands; None: nothing."""
        with self._db.read() as conn:
            return _rule(conn, channel)

    def checks(
        self, channel: str | None = None, *, release: str | None = None, limit: int = 50
    ) -> Checks:
        """Return the checks that were made, the newest first: of a channel, of a release (its ref)."""
        query = select(release_checks).order_by(
            release_checks.c.at_us.desc(), release_checks.c.run.desc()
        )
        if channel is not None:
            query = query.where(release_checks.c.channel == channel)
        if release is not None:
            query = query.where(release_checks.c.release_ref == release)
        with self._db.read() as conn:
            return [_check(row) for row in conn.execute(query.limit(limit)).mappings()]

    def keep(self, check: Check, *, by: Principal) -> None:
        """Keep a check; that of a Run is kept once, however often it is said."""
        row = {
            **{name: getattr(check, name) for name in Check.__slots__},
            "gates": json.dumps(list(check.gates), ensure_ascii=False),
            "limits": json.dumps(dict(check.limits)),
        }
        known = select(release_checks.c.run).where(release_checks.c.run == check.run)
        said = {
            "release": check.release_ref, "against": check.baseline_ref, "outcome": check.outcome,
            "gates": {one["gate"]: one["found"] for one in check.gates}, "run": check.run,
        }  # fmt: skip
        subject = f"channel/{check.channel}" if check.channel else f"release/{check.release_ref}"
        with self._db.write() as conn:
            if conn.scalar(known) is not None:
                return
            conn.execute(insert(release_checks).values(row))
            digests = [check.release, check.baseline]
            self._ledger.append("release.check", subject, digests, said, by=by, conn=conn)

    def check(self, release: Artifact, channel: str, *, emergency: str = "", by: Principal) -> str:
        """Let a channel move to a release; with `emergency`, a reason, also unchecked.

        What it lacks is returned then, else nothing. A channel that serves nothing yet has
        nobody who could break.

        Raises:
            UncheckedError: it was not checked as the channel stands, or a gate gave no yes.
        """
        with self._db.write() as conn:
            rule, serves = _rule(conn, channel), _serves(conn, channel)
            if rule is None or not serves:
                return ""
            why = _lacks(conn, rule, str(release.digest), serves)
            if why and emergency.strip():
                said = {"release": release.ref, "why": emergency.strip()[:_LONGEST], "lacks": why}
                self._ledger.append(
                    "release.unchecked", f"channel/{channel}", [release.digest], said, by=by,
                    conn=conn,
                )  # fmt: skip
                return why
        if why:
            raise UncheckedError(ref=release.ref, channel=channel, why=why)
        return ""

    def standing(self, check: Check) -> str:
        """Say why a check does not count for its channel any more; empty where it does."""
        with self._db.read() as conn:
            rule = _rule(conn, check.channel)
            return _stale(check, rule, _serves(conn, check.channel))


def let_check(gates: Iterable[str], rule: Demand | None) -> tuple[str, ...]:
    """Return the gates that a check looks at: what a channel demands is always among them.

    Raises:
        BadCheckError: there is no such gate.
    """
    named = [*gates]
    if rule is None:
        return gates_of(named)
    return gates_of([*named, *rule.gates]) if named else gates_of(())


def _lacks(conn: Connection, rule: Demand, release: str, serves: str) -> str:
    """Say what the release lacks; empty where it may go. The newest check that counts decides."""
    query = (
        select(release_checks)
        .where(release_checks.c.release == release, release_checks.c.channel == rule.channel)
        .order_by(release_checks.c.at_us.desc(), release_checks.c.run.desc())
    )
    made = [_check(row) for row in conn.execute(query).mappings()]
    if not made:
        return "it was never checked for this channel"
    counts = [one for one in made if not _stale(one, rule, serves)]
    if not counts:
        return f"its check is stale: {_stale(made[0], rule, serves)}"
    said, why = outcome(read(list(counts[0].gates)), rule.gates)
    return "" if said == PASSED else f"its check {_SAYS[said]}: {why}"


def _stale(check: Check, rule: Demand | None, serves: str) -> str:
    if check.baseline != serves:
        return f"it was made against {check.baseline_ref}, which the channel does not serve now"
    if rule is not None and check.rule_us != rule.set_us:
        return "what the channel demands was set anew"
    return ""


def _rule(conn: Connection, channel: str) -> Demand | None:
    query = select(check_rules).where(check_rules.c.channel == channel)
    row = conn.execute(query).mappings().first()
    return _demand(row) if row else None


def _serves(conn: Connection, channel: str) -> str:
    """Return the digest of what the channel serves; empty for a new one."""
    return conn.scalar(select(channels.c.stable).where(channels.c.name == channel)) or ""


def _demand(row: RowMapping) -> Demand:
    return Demand(
        row["channel"], tuple(json.loads(row["gates"])), json.loads(row["limits"]), row["set_us"],
        row["set_by"],
    )  # fmt: skip


def _check(row: RowMapping) -> Check:
    known = {name: row[name] for name in Check.__slots__}
    return Check(
        **{**known, "gates": tuple(json.loads(row["gates"])), "limits": json.loads(row["limits"])}
    )

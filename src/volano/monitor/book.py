"""The book of alerts: what the catalog keeps of rules, receivers, alerts, silences and notices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from volano.core.ids import uuid7
from volano.core.ports.notify import Change
from volano.core.principal import SYSTEM, Principal
from volano.monitor import tables
from volano.monitor.alert import Alert
from volano.monitor.rule import LineError, Rule, read_rule
from volano.store.db import Database
from volano.store.ledger import Ledger

_EVENTS = {"firing": "fire", "resolved": "resolve"}


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of alerts of this rule (`*`: any) with these labels, until then."""

    id: int
    rule: str
    labels: Mapping[str, str]
    why: str
    since_us: int
    until_us: int
    set_by: str

    def covers(self, alert: Alert) -> bool:
        """Say whether it is about this alert."""
        return self.rule in ("*", alert.rule) and self.labels.items() <= alert.labels.items()


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule of the catalog that this volano cannot read."""

    name: str
    why: str


class AlertBook:
    """Reads and writes; each write is one transaction with its ledger events."""

    def __init__(self, db: Database, ledger: Ledger):
        self.db = db
        self._ledger = ledger

    def said(self, kind: str) -> Sequence[Row[Any]]:
        """Return what files said of rules or receivers, by name."""
        t = tables.alert_rules
        with self.db.read() as conn:
            return conn.execute(select(t).where(t.c.kind == kind).order_by(t.c.name)).all()

    def rules(self) -> tuple[list[Rule], list[Broken]]:
        """Return the rules, and those that cannot be read: they never stop the others."""
        good, bad = [], []
        for row in self.said("rule"):
            try:
                good.append(read_rule(json.loads(row.said)))
            except LineError as error:
                bad.append(Broken(row.name, error.why))
        return good, bad

    def watching(self, slo: str) -> list[str]:
        """Return the rules that watch an SLO."""
        return [rule.name for rule in self.rules()[0] if rule.slo == slo]

    def receivers(self) -> dict[str, Mapping[str, Any]]:
        """Return what is said of each receiver."""
        return {row.name: json.loads(row.said) for row in self.said("receiver")}

    def replace(
        self,
        kind: str,
        found: Mapping[str, tuple[str, Mapping[str, Any]]],
        gone: Sequence[str],
        *,
        now_us: int,
        by: Principal,
        conn: Connection,
    ) -> None:
        """Put these in the place of what was there, and take away those that are gone."""
        t = tables.alert_rules
        names = [*found, *gone]
        conn.execute(delete(t).where(t.c.kind == kind, t.c.name.in_(names)))
        for name, (source, said) in found.items():
            row = {"kind": kind, "name": name, "source": source, "said": json.dumps(said),
                   "applied_us": now_us, "applied_by": str(by)}  # fmt: skip
            conn.execute(insert(t).values(row))

    def alerts(self, *, live: bool, limit: int = 1000) -> list[Alert]:
        """Return alerts that are not over, or those that are, the newest first."""
        t = tables.alerts
        of = t.c.state != "resolved" if live else t.c.state == "resolved"
        with self.db.read() as conn:
            rows = conn.execute(select(t).where(of).order_by(t.c.id.desc()).limit(limit)).all()
        return [_alert(row) for row in rows]

    def alert(self, id_: int) -> Alert | None:
        """Return one alert."""
        with self.db.read() as conn:
            row = conn.execute(select(tables.alerts).where(tables.alerts.c.id == id_)).first()
        return _alert(row) if row else None

    def silences(self, now_us: int) -> list[Silence]:
        """Return the silences that go on."""
        t = tables.alert_silences
        with self.db.read() as conn:
            rows = conn.execute(select(t).where(t.c.until_us > now_us).order_by(t.c.id)).all()
        return [Silence(**{**row._mapping, "labels": json.loads(row.labels)}) for row in rows]  # noqa: SLF001

    def write(
        self,
        changed: Sequence[Alert],
        gone: Sequence[Alert],
        told: Sequence[tuple[Sequence[str], Alert, Mapping[str, Any]]],
        *,
        now_us: int,
        tell: Any,
    ) -> list[Alert]:
        """Write alerts, and with them what receivers are to be told: both or neither.

        `told` are receivers, the alert, and what its change says besides.
        """
        with self.db.write() as conn:
            ids: dict[int, int] = {}
            t = tables.alerts
            for alert in changed:
                ids[id(alert)] = alert.id or self._new(conn)
                values = {**_columns(alert), "id": ids[id(alert)]}
                if alert.state == "firing" and alert.id:
                    values |= self._acknowledged(conn, alert.id)
                conn.execute(delete(t).where(t.c.id == values["id"]))
                conn.execute(insert(t).values(values))
                if alert.state in _EVENTS and now_us in (alert.fired_us, alert.resolved_us):
                    facts = {"rule": alert.rule, "labels": dict(alert.labels), "told": alert.told}
                    self._ledger.append(
                        _EVENTS[alert.state], f"alert/{values['id']}", (), facts, by=SYSTEM,
                        conn=conn,
                    )  # fmt: skip
            for alert in gone:
                conn.execute(delete(t).where(t.c.id == alert.id))
            for receivers, alert, more in told:
                change = tell(alert, ids.get(id(alert), alert.id), **more)
                self.post(conn, receivers, change, now_us=now_us)
        return [_with_id(alert, ids[id(alert)]) for alert in changed]

    def post(
        self, conn: Connection, receivers: Sequence[str], change: Change, *, now_us: int
    ) -> None:
        """Put a change into the outbox, once for each receiver."""
        for name in receivers:
            row = {
                "id": uuid7(now_us), "receiver": name, "change": json.dumps(asdict(change)),
                "created_us": now_us, "due_us": now_us, "tries": 0, "state": "waiting", "error": "",
            }  # fmt: skip
            conn.execute(insert(tables.alert_outbox).values(row))

    def acknowledge(self, alert: Alert, *, now_us: int, by: Principal) -> None:
        """Write that somebody cares."""
        t = tables.alerts
        with self.db.write() as conn:
            conn.execute(
                update(t).where(t.c.id == alert.id, t.c.state == "firing").values(
                    state="acknowledged", acked_us=now_us, acked_by=str(by))
            )  # fmt: skip
            self._ledger.append("acknowledge", f"alert/{alert.id}", (), {}, by=by, conn=conn)

    def silence(self, given: Mapping[str, Any], *, by: Principal) -> int:
        """Write a silence; return its id."""
        t = tables.alert_silences
        with self.db.write() as conn:
            id_ = int(conn.scalar(select(func.max(t.c.id))) or 0) + 1
            values = {**given, "id": id_, "labels": json.dumps(given["labels"]), "set_by": str(by)}
            conn.execute(insert(t).values(values))
            self._ledger.append("silence", f"silence/{id_}", (), dict(given), by=by, conn=conn)
        return id_

    def unsilence(self, id_: int, *, now_us: int, by: Principal) -> bool:
        """End a silence; False where none of this id goes on."""
        t = tables.alert_silences
        with self.db.write() as conn:
            ends = update(t).where(t.c.id == id_, t.c.until_us > now_us).values(until_us=now_us)
            if not conn.execute(ends).rowcount:
                return False
            self._ledger.append("unsilence", f"silence/{id_}", (), {}, by=by, conn=conn)
        return True

    @staticmethod
    def _acknowledged(conn: Connection, id_: int) -> dict[str, Any]:
        """Return what somebody acknowledged since the alert was read."""
        t = tables.alerts
        said = select(t.c.state, t.c.acked_us, t.c.acked_by)
        row = conn.execute(said.where(t.c.id == id_, t.c.state == "acknowledged")).first()
        return dict(row._mapping) if row else {}  # noqa: SLF001

    @staticmethod
    def _new(conn: Connection) -> int:
        """Return the next number; alerts that never were leave no gap."""
        return int(conn.scalar(select(func.max(tables.alerts.c.id))) or 0) + 1


def _columns(alert: Alert) -> dict[str, Any]:
    return {**alert.to_dict(), "labels": json.dumps(dict(alert.labels), ensure_ascii=False)}


def _alert(row: Row[Any]) -> Alert:
    return Alert(**{**row._mapping, "labels": json.loads(row.labels)})  # noqa: SLF001


def _with_id(alert: Alert, id_: int) -> Alert:
    return Alert(**{**alert.to_dict(), "id": id_})

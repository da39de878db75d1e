"""SLOs: the verbs. What is promised, and what is left of the budget."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.monitor import tables
from volano.monitor.amount import span
from volano.monitor.errors import NoSLOError, SLOInUseError
from volano.monitor.series import Series, pairs
from volano.monitor.slo import SLO, read_slo
from volano.store.db import Database
from volano.store.ledger import Ledger

HOUR_US = 3_600_000_000
InUse = Callable[[str], Sequence[str]]


class SLOs:
    """The SLOs of one workspace. `in_use` names the rules that watch one."""

    def __init__(
        self, *, db: Database, ledger: Ledger, series: Series, clock: Clock, in_use: InUse
    ):
        self._db = db
        self._ledger = ledger
        self._series = series
        self._clock = clock
        self._in_use = in_use

    def set(
        self,
        name: str,
        *,
        target: str,
        measure: str = "availability",
        window: str = "28d",
        within: str = "",
        channel: str = "",
        where: Sequence[str] = (),
        by: Principal,
    ) -> dict[str, Any]:
        """Promise that a share of calls goes well; replaces what was promised under this name.

        Raises:
            BadSLOError, BadRefError, UnknownDimensionError: as they say.
        """
        filters = {**({"channel": channel} if channel else {}), **pairs(where)}
        said = {
            "measure": measure, "target": target, "window": window, "within": within,
            "where": filters,
        }  # fmt: skip
        slo, t = read_slo(check_name(name), said), tables.slos
        now = self._clock.now_us()
        with self._db.write() as conn:
            conn.execute(delete(t).where(t.c.name == slo.name))
            row = {"name": slo.name, "said": json.dumps(said), "set_us": now, "set_by": str(by)}
            conn.execute(insert(t).values(row))
            self._ledger.append("set", f"slo/{slo.name}", (), said, by=by, conn=conn)
        return self.standing(slo)

    def list(self) -> Sequence[dict[str, Any]]:
        """Return what is promised, and how each stands."""
        return [self.standing(slo) for slo in self.promised()]

    def clear(self, name: str, *, by: Principal) -> dict[str, str]:
        """Promise it no more.

        Raises:
            NoSLOError: it is not promised.
            SLOInUseError: a rule watches it.
        """
        rules = self._in_use(name)
        if rules:
            raise SLOInUseError(name=name, rule=rules[0])
        with self._db.write() as conn:
            if not conn.execute(delete(tables.slos).where(tables.slos.c.name == name)).rowcount:
                raise NoSLOError(name=name[:80])
            self._ledger.append("clear", f"slo/{name}", (), {}, by=by, conn=conn)
        return {"name": name}

    def promised(self) -> Sequence[SLO]:
        """Return the SLOs, by name."""
        with self._db.read() as conn:
            rows = conn.execute(select(tables.slos).order_by(tables.slos.c.name)).all()
        return [read_slo(row.name, json.loads(row.said)) for row in rows]

    def standing(self, slo: SLO) -> dict[str, Any]:
        """Return where one stands: its budget over its window, its burn rate of the last hour."""
        now = self._clock.now_us()
        valid, bad, left = 0, 0, 1.0
        for sums in self._over(slo, now, slo.window_us):
            (valid, bad), left = slo.share(sums), slo.left(sums)
        recent = [slo.burn(sums) for sums in self._over(slo, now, HOUR_US)]
        return {
            "name": slo.name, "says": slo.sentence(), "measure": slo.measure,
            "target": slo.target, "window": span(slo.window_us), "where": dict(slo.where),
            "calls": valid, "bad": bad,
            "is": 1 - bad / valid if valid else None,
            "left": left if valid else None,
            "left_text": f"{left:.1%}" if valid else "no calls yet",
            "burn_rate_1h": recent[0] if recent else None,
        }  # fmt: skip

    def _over(self, slo: SLO, now: int, window_us: int) -> Sequence[Any]:
        return self._series.sums(
            where=slo.where, since_us=now - window_us, until_us=now, sketches=slo.sketches
        )

"""Metrics: the verbs. What names of feedback mean, version by version."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.feedback import catalog
from volano.feedback.errors import RetiredMetricError, UnknownMetricError
from volano.feedback.metric import Metric, checked
from volano.store.db import Database
from volano.store.ledger import Ledger

_OWN = ("name", "version", "created_us", "created_by", "retired_us")
MetricList = list[Metric]


class Metrics:
    """The metric definitions of one workspace."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock):
        self._db, self._ledger, self._clock = db, ledger, clock

    def define(
        self,
        name: str,
        *,
        type: str,  # noqa: A002 - the sentence's word
        level: str = "trace",
        direction: str = "more",
        outcome: bool = False,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
        categories: Sequence[str] = (),
        good: Sequence[str] = (),
        currency: str = "",
        description: str = "",
        guidelines: str = "",
        by: Principal,
    ) -> Metric:
        """Say what a name means from now on: its first version, or the next where this differs.

        What was given before keeps the version it was given by. The same definition again
        changes nothing; that of a retired metric takes it back into use.

        Raises:
            BadNameError, BadMetricError: it makes no sense; the message says why.
        """
        now = self._clock.now_us()
        wanted = checked(
            Metric(
                name, 0, type, level, direction, outcome, nfc(unit), low, high,  # type: ignore[arg-type]
                _words(categories), _words(good), currency, nfc(description), nfc(guidelines),
            )
        )  # fmt: skip
        text = _definition(wanted)
        t = catalog.metrics
        with self._db.write() as conn:
            row = conn.execute(
                select(t).where(t.c.name == name).order_by(t.c.version.desc()).limit(1)
            ).first()
            if row is not None and row.definition == text and row.retired_us is None:
                return _metric(row)
            version = 1 if row is None else row.version + 1
            values = {
                "name": name, "version": version, "definition": text,
                "created_us": now, "created_by": str(by),
            }  # fmt: skip
            conn.execute(insert(t).values(values))
            content = {"version": version, "definition": text}
            self._ledger.append("define", f"metric/{name}", (), content, by=by, conn=conn)
        return self.get(f"{name}@{version}")

    def list(self, *, versions: bool = False) -> MetricList:
        """Return the newest version of each metric, or with `versions` all of them."""
        t = catalog.metrics
        with self._db.read() as conn:
            rows = conn.execute(select(t).order_by(t.c.name, t.c.version)).all()
        found = [_metric(row) for row in rows]
        newest = {metric.name: metric for metric in found}
        return found if versions else [*newest.values()]

    def get(self, ref: str) -> Metric:
        """Return a metric: `thumbs` is its newest version, `thumbs@1` that one.

        Raises:
            UnknownMetricError: there is none.
        """
        found = self._find(ref)
        if found is None:
            raise UnknownMetricError(name=ascii(ref)[1:-1][:80])
        return found

    def current(self, name: str) -> Metric | None:
        """Return what a name means now; None where nobody said.

        Raises:
            RetiredMetricError: it means nothing any more.
        """
        found = self._find(name)
        if found is not None and found.retired_us is not None:
            raise RetiredMetricError(name=name)
        return found

    def retire(self, name: str, *, by: Principal) -> Metric:
        """Take a metric out of use. What was given by it stays; new feedback on it is refused.

        Raises:
            UnknownMetricError: there is none.
        """
        metric = self.get(name.partition("@")[0])
        t = catalog.metrics
        with self._db.write() as conn:
            newest = select(func.max(t.c.version)).where(t.c.name == metric.name).scalar_subquery()
            live = (t.c.name == metric.name, t.c.version == newest, t.c.retired_us.is_(None))
            if conn.execute(
                update(t).where(*live).values(retired_us=self._clock.now_us())
            ).rowcount:
                content = {"version": metric.version}
                subject = f"metric/{metric.name}"
                self._ledger.append("retire", subject, (), content, by=by, conn=conn)
        return self.get(metric.name)

    def _find(self, ref: str) -> Metric | None:
        name, at, version = ref.partition("@")
        if at and not (version.isascii() and version.isdigit() and len(version) < 9):
            return None
        t = catalog.metrics
        where = [t.c.name == name, *([t.c.version == int(version)] if at else [])]
        with self._db.read() as conn:
            row = conn.execute(
                select(t).where(*where).order_by(t.c.version.desc()).limit(1)
            ).first()
        return None if row is None else _metric(row)


def _words(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(nfc(word).strip() for word in given)


def _definition(metric: Metric) -> str:
    told = {name: getattr(metric, name) for name in metric.__slots__ if name not in _OWN}
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def _metric(row: Row[Any]) -> Metric:
    told = json.loads(row.definition)
    told |= {"categories": tuple(told["categories"]), "good": tuple(told["good"])}
    return Metric(**told, **{name: getattr(row, name) for name in _OWN})

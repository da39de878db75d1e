"""The scorecard: every KPI, technical and of the business, by any dimension, over any window."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from volano.core.clock import Clock
from volano.core.ports.language import DetectLanguage
from volano.core.principal import Principal
from volano.feedback.keeper import Feedbacks
from volano.feedback.metric import Metric
from volano.feedback.metrics import Metrics
from volano.monitor import tables
from volano.monitor.amount import BadAmountError, shown, window
from volano.monitor.errors import (
    BadWindowError,
    NotSettableError,
    UnfitMetricError,
    UnknownDimensionError,
    UnknownMeasureError,
)
from volano.monitor.kpi import KPI, KPIS, guess
from volano.monitor.machine import GAUGES, REMEMBERED_US, Machine
from volano.monitor.series import Series
from volano.monitor.sliced import MOST_ROWS, TOLD_BY, fits, in_rollups, label, of_voices, summed
from volano.monitor.voices import Heard, Meaning, Voices, heard
from volano.monitor.worth import WORTH, Answer, Worth, measured
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.keeper import Traces
from volano.traces.sums import Sums, width_s

ALL: Mapping[str, KPI | Worth] = {**KPIS, **WORTH}
STEPS_S = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86_400, 3 * 86_400, 7 * 86_400)
"""How long the stretches of a line may be."""
_POINTS = 42
_MOST_STEPS = 5_000
_NONE = "this cannot be told by {0}"
Key = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Card:
    """A KPI over a window, in the window of the same length before it, and over time.

    The line has whole stretches only: a half one would look like a fall.
    """

    kpi: KPI | Worth
    now: Answer
    before: Answer
    line: Sequence[tuple[int, float | None]]


@dataclass(frozen=True, slots=True)
class Slices:
    """The KPIs of each value of a dimension, the busiest first."""

    name: str
    rows: Sequence[tuple[str, Mapping[str, Answer]]]


@dataclass(frozen=True, slots=True)
class Board:
    """All KPIs of a window. `waiting` voices are not in it: their traces are not recorded."""

    since_us: int
    until_us: int
    each_us: int
    cards: Mapping[str, Card]
    waiting: int = 0
    notes: Sequence[str] = ()


class Scorecard:
    """The KPIs of one workspace."""

    def __init__(
        self, *, db: Database, ledger: Ledger, series: Series, traces: Traces,
        feedbacks: Feedbacks, metrics: Metrics, clock: Clock, detect: DetectLanguage,
        machine: Machine | None = None,
    ):  # fmt: skip
        self._db, self._ledger, self._clock = db, ledger, clock
        self._series, self._traces, self._metrics = series, traces, metrics
        self._voices = Voices(feedbacks, traces, detect)
        self._detect, self._machine = detect, machine

    def list(self) -> Sequence[dict[str, str]]:
        """Return all KPIs, each with its formula, and the metrics that it is made of now."""
        meaning = self._meaning()
        made_of = {
            "satisfaction": meaning.named.get("satisfaction", ["what people say with yes or no"]),
            "task_completion": meaning.tasks,
            "revenue": meaning.money,
        }
        return [
            {**one.to_dict(), "made_of": ", ".join(made_of.get(one.name, ()))}
            for one in [*ALL.values(), *GAUGES.values()]
        ]

    def set(self, name: str, *, metrics: Sequence[str], by: Principal) -> dict[str, Any]:
        """Say which metrics of feedback a KPI is made of.

        Raises:
            UnknownMeasureError, NotSettableError, UnknownMetricError, UnfitMetricError: as they say.
        """
        wanted = self._settable(name)
        for metric in metrics:
            why = _unfit(wanted, self._metrics.get(metric))
            if why:
                raise UnfitMetricError(metric=metric, name=name, why=why)
        names = [metric.partition("@")[0] for metric in metrics]
        t, now = tables.kpi_metrics, self._clock.now_us()
        with self._db.write() as conn:
            conn.execute(delete(t).where(t.c.kpi == name))
            row = {"kpi": name, "metrics": json.dumps(names), "set_us": now, "set_by": str(by)}
            conn.execute(insert(t).values(row))
            facts = {"metrics": names}
            self._ledger.append("set", f"kpi/{name}", (), facts, by=by, conn=conn)
        return {"name": name, "metrics": names}

    def clear(self, name: str, *, by: Principal) -> dict[str, Any]:
        """Make a KPI of its usual metrics again.

        Raises:
            UnknownMeasureError, NotSettableError: as they say.
        """
        self._settable(name)
        t = tables.kpi_metrics
        with self._db.write() as conn:
            if conn.execute(delete(t).where(t.c.kpi == name)).rowcount:
                self._ledger.append("clear", f"kpi/{name}", (), {}, by=by, conn=conn)
        return {"name": name}

    def show(
        self,
        measure: str,
        *,
        window: str = "1h",
        each: str = "",
        by_what: str = "",
        where: Sequence[str] = (),
    ) -> Sequence[dict[str, Any]]:
        """Return a KPI over the last while, by a dimension, in steps of `each`.

        `where` are filters such as channel=support. What is not measured has no value and says why.

        Raises:
            UnknownMeasureError, UnknownDimensionError, BadWindowError: as they say.
        """
        now, span_us = self._clock.now_us(), _window(window)
        each_us = _window(each) if each else None
        if each_us and span_us // each_us > _MOST_STEPS:
            raise BadWindowError(window=window, why="it has more than 5,000 steps")
        if measure in GAUGES:
            return self._of_machine(measure, window, now - span_us, now, each_us, by_what, where)
        wanted = _known(measure)
        found = self.ask(
            [wanted], by=[by_what] if by_what else (), where=conditions(where),
            since_us=now - span_us, until_us=now, each_us=each_us,
        )  # fmt: skip
        if not found and not each and not by_what:
            found = {(0, ()): {measure: Answer(why="no call")}}
        return [
            {
                **({"at_us": at_us} if each_us else {}),
                **({by_what: by[0]} if by_what else {}),
                "value": answer.value, "shown": spelt(answer, wanted),
                "low": answer.low, "high": answer.high, "calls": answer.n,
                **({"why": answer.why} if answer.why else {}),
            }
            for (at_us, by), answers in found.items()
            for answer in answers.values()
        ]  # fmt: skip

    def _of_machine(
        self, name: str, window: str, since_us: int, until_us: int, each_us: int | None,
        by_what: str, where: Sequence[str],
    ) -> Sequence[dict[str, Any]]:  # fmt: skip
        """Return a gauge as `show` returns a KPI; `looks` is how many are in it."""
        if until_us - since_us > REMEMBERED_US:
            raise BadWindowError(window=window, why=f"of {name} an hour is remembered")
        said = dict(text.partition("=")[::2] for text in where)
        by = [by_what] if by_what else []
        GAUGES[name].check([*by, *said])
        found: Sequence[Any] = ()
        if self._machine is not None:
            found = self._machine.ask(
                name, by=by, where=said, since_us=since_us, until_us=until_us, each_us=each_us
            )
        rows = [
            {
                **({"at_us": one.at_us} if each_us else {}),
                **({by_what: one.by[0]} if by_what else {}),
                "value": one.value, "shown": shown(one.value, "share"), "looks": one.count,
            }
            for one in found
        ]  # fmt: skip
        why = "this machine does not tell it, or volano is not up"
        if said:
            fit = ", ".join(f"{what}={value}" for what, value in said.items())
            why = f"no look of the last hour fits {fit}"
        nothing = {"value": None, "shown": f"not measured: {why}", "looks": 0, "why": why}
        return rows if rows or each_us or by_what else [nothing]

    def ask(
        self,
        wanted: Sequence[KPI | Worth],
        *,
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        since_us: int,
        until_us: int,
        each_us: int | None = None,
    ) -> Mapping[Key, Mapping[str, Answer]]:
        """Return these KPIs by stretch and slice; what has neither calls nor voices is left out.

        Raises:
            UnknownDimensionError: nothing is known by it, or not these KPIs.
        """
        where = where or {}
        asked: dict[str, Any] = {
            "by": by,
            "where": where,
            "since_us": since_us,
            "until_us": until_us,
        }
        technical = [one for one in wanted if isinstance(one, KPI)]
        worth = [one for one in wanted if isinstance(one, Worth)]
        sums = self._sums(**asked, each_us=each_us, sketches=any(one.sketches for one in technical))
        start = each_us or until_us - since_us
        found: dict[Key, dict[str, Answer]] = {}
        at = {(one.at_us if each_us else since_us, one.by): one for one in sums}
        for key, one in at.items():
            found[key] = {kpi.name: measured(kpi, one, start / 1e6) for kpi in technical}
        if worth:
            self._add_worth(found, worth, at, asked, each_us)
        return dict(sorted(found.items()))

    def _add_worth(
        self, found: dict[Key, dict[str, Answer]], worth: Sequence[Worth], at: Mapping[Key, Sums],
        asked: Mapping[str, Any], each_us: int | None,
    ) -> None:  # fmt: skip
        untold = [name for name in {*asked["by"], *asked["where"]} if not of_voices(name)]
        if untold:
            known = ", ".join([*TOLD_BY, "tag.NAME"])
            raise UnknownDimensionError(
                name=untold[0], guess=f" of what feedback tells ({worth[0].name})", known=known
            )
        meaning = self._meaning()
        voices, _ = self._voices.list(**asked)
        said = heard(voices, meaning, since_us=asked["since_us"], each_us=each_us)
        for key in {*at, *said}:
            told = said.get(key, Heard()).told(at.get(key, Sums(*key)), meaning.unsaid)
            found.setdefault(key, {}).update({one.name: one.of(told) for one in worth})

    def board(
        self, *, since_us: int, until_us: int, where: Mapping[str, Any] | None = None
    ) -> Board:
        """Return all KPIs of a window, how they were in the one before, and over time.

        Raises:
            UnknownDimensionError: nothing is known by it.
        """
        where = where or {}
        worth = all(of_voices(name) for name in where)
        wanted = [one for one in ALL.values() if worth or isinstance(one, KPI)]
        span_us = until_us - since_us
        each_us = step(span_us)
        now = self._one(wanted, where, since_us, until_us)
        width_us = width_s(since_us, until_us, sketches=True) * 1_000_000
        begin_us = since_us // width_us * width_us  # where the rollups begin: none is in both
        before = self._one(wanted, where, begin_us - span_us, begin_us)
        found = self.ask(wanted, where=where, since_us=since_us, until_us=until_us, each_us=each_us)
        lines: dict[str, list[tuple[int, float | None]]] = {one.name: [] for one in wanted}
        for at_us in range(-(-since_us // each_us) * each_us, until_us - each_us + 1, each_us):
            answers = found.get((at_us, ()), {})
            for name, line in lines.items():
                line.append((at_us, answers[name].value if name in answers else None))
        cards = {
            one.name: Card(one, now[one.name], before[one.name], lines[one.name]) for one in wanted
        }
        _, waiting = self._voices.list(since_us=since_us, until_us=until_us)
        return Board(since_us, until_us, each_us, cards, waiting)

    def slices(
        self, by: str, names: Sequence[str], *, since_us: int, until_us: int,
        where: Mapping[str, Any] | None = None,
    ) -> Slices:  # fmt: skip
        """Return some KPIs for each value of a dimension; those that it does not have are left out.

        Raises:
            UnknownDimensionError: nothing is known by it.
        """
        in_rollups(by)
        worth = all(of_voices(name) for name in (by, *(where or {})))
        wanted = [ALL["requests"], *(ALL[name] for name in names if worth or name in KPIS)]
        found = self.ask(wanted, by=[by], where=where, since_us=since_us, until_us=until_us)
        rows = [(values[0], answers) for (_, values), answers in found.items()]
        rows.sort(
            key=lambda row: (
                -(row[1]["requests"].value or 0) if "requests" in row[1] else 0,
                row[0],
            )
        )
        return Slices(by, rows)

    def values(self, by: str, *, since_us: int, until_us: int) -> Sequence[str]:
        """Return the values that a dimension of the rollups has in a window."""
        found = self._series.sums(by=[by], since_us=since_us, until_us=until_us)
        return sorted({one.by[0] for one in found if one.by[0]})

    def _one(
        self, wanted: Sequence[KPI | Worth], where: Mapping[str, Any], since_us: int, until_us: int
    ) -> Mapping[str, Answer]:
        found = self.ask(wanted, where=where, since_us=since_us, until_us=until_us)
        answers = next(iter(found.values()), {})
        none = {"requests": Answer(0.0)}  # that nobody called is known
        nothing = Answer(why="no call")
        return {one.name: answers.get(one.name) or none.get(one.name, nothing) for one in wanted}

    def _sums(
        self, *, by: Sequence[str], where: Mapping[str, Any], since_us: int, until_us: int,
        each_us: int | None, sketches: bool,
    ) -> Sequence[Sums]:  # fmt: skip
        """Ask the rollups, or the rows where they do not have the dimension."""
        if all(in_rollups(name) for name in (*by, *where)):
            return self._series.sums(
                by=by, where=where, since_us=since_us, until_us=until_us, each_us=each_us,
                sketches=sketches,
            )  # fmt: skip
        labels = {name: label(name, self._detect) for name in (*by, *where)}
        calls = self._traces.list(since_us=since_us, until_us=until_us, limit=MOST_ROWS)
        kept = [call for call in calls if not call.shadowed and fits(call, where, labels)]
        return summed(kept, [labels[name] for name in by], since_us=since_us, each_us=each_us)

    def _meaning(self) -> Meaning:
        with self._db.read() as conn:
            rows = conn.execute(select(tables.kpi_metrics)).all()
        named = {row.kpi: json.loads(row.metrics) for row in rows}
        return Meaning({m.name: m for m in self._metrics.list()}, named)

    def _settable(self, name: str) -> Worth:
        wanted = _known(name)
        if not isinstance(wanted, Worth) or not wanted.metrics:
            raise NotSettableError(name=name, guess="")
        return wanted


def conditions(given: Sequence[str]) -> dict[str, str]:
    """Read filters such as channel=support or tag.team=red.

    Raises:
        UnknownDimensionError: one is none.
    """
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        in_rollups(name)
        found[name] = value
    return found


def step(span_us: int) -> int:
    """Return how long a stretch of a line is: of whole minutes, hours or days."""
    return next((s for s in STEPS_S if span_us <= s * 1_000_000 * _POINTS), STEPS_S[-1]) * 1_000_000


def spelt(answer: Answer, kpi: KPI | Worth) -> str:
    """Return an answer as it is written, with its interval; what is not measured says why."""
    if answer.value is None:
        return f"not measured: {answer.why}"
    said = shown(answer.value, kpi.unit, answer.currency)
    if answer.low is None or answer.high is None:
        return said
    return f"{said} ({shown(answer.low, 'share')} to {shown(answer.high, 'share')})"


def _known(name: str) -> KPI | Worth:
    if name not in ALL:
        raise UnknownMeasureError(name=name[:60], guess=guess(name, [*ALL, *GAUGES]))
    return ALL[name]


def _unfit(kpi: Worth, metric: Metric) -> str:
    if kpi.metrics == "money":
        return "" if metric.type == "money" else "it is not of money"
    if kpi.metrics == "outcome" and not metric.outcome:
        return "it is no outcome"
    placed = metric.type == "number" and metric.low is not None and metric.high is not None
    judges = metric.type == "boolean" or (metric.type == "category" and metric.good) or placed
    return "" if judges else "it says nothing of good and bad"


def _window(text: str) -> int:
    try:
        return window(text)
    except BadAmountError as error:
        raise BadWindowError(window=text[:40], why=error.message) from error

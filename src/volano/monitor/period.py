"""A period: what ran, what it cost, what changed, what broke, what it was worth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from volano.access.moment import duration_us, moment_us
from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.monitor.alert import Alert
from volano.monitor.errors import BadPeriodError
from volano.monitor.kpi import KPIS
from volano.monitor.scorecard import ALL, Board, Card, Scorecard, Slices
from volano.monitor.worth import Answer
from volano.store.ledger import Ledger

COMPARED = {
    "channel": ("error_rate", "latency_p95", "cost", "satisfaction", "task_completion"),
    "release": ("error_rate", "latency_p95", "cost_per_request", "satisfaction", "task_completion",
                "cost_per_success", "revenue"),
    "model": ("error_rate", "latency_p95", "tokens", "cost", "cost_per_request"),
}  # fmt: skip
"""What a period says by which dimension."""
_CHANGES = ("record", "label", "promote", "start", "advance", "hold", "done", "arrived", "aborted",
            "failed", "back", "abort", "retire", "set", "apply")  # fmt: skip
_ABOUT = ("release", "channel", "model", "prompt", "flow", "rollout", "target", "budget", "slo", "kpi",
          "price", "alerts")  # fmt: skip
_MOST_EVENTS, _MOST_ROWS = 5_000, 60


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the ledger that changed what serves, or how it is judged."""

    at_us: int
    verb: str
    subject: str
    release: str
    why: str
    by: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Calls that failed in one way: how they ended, with which HTTP status, at which target."""

    outcome: str
    status: str
    target: str
    calls: int


@dataclass(frozen=True, slots=True)
class Period:
    """What is told of a stretch of time; of one channel, or of all."""

    since_us: int
    until_us: int
    channel: str
    board: Board
    slices: Mapping[str, Slices]
    changes: Sequence[Happened]
    alerts: Sequence[Mapping[str, Any]]
    failures: Sequence[Failure]
    slos: Sequence[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; `read` takes them back."""
        board = self.board
        return {
            "since_us": self.since_us, "until_us": self.until_us, "channel": self.channel,
            "each_us": board.each_us, "waiting": board.waiting,
            "kpis": {
                name: {"now": asdict(one.now), "before": asdict(one.before),
                       "line": [[*point] for point in one.line]}
                for name, one in board.cards.items()
            },
            "by": {
                name: [
                    {"value": value, "kpis": {n: asdict(a) for n, a in answers.items()}}
                    for value, answers in some.rows
                ]
                for name, some in self.slices.items()
            },
            "changes": [asdict(one) for one in self.changes],
            "alerts": [*self.alerts],
            "failures": [asdict(one) for one in self.failures],
            "slos": [*self.slos],
        }  # fmt: skip

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Period":
        """Read what `to_dict` returned."""
        cards = {
            name: Card(ALL[name], Answer(**one["now"]), Answer(**one["before"]),
                       [(at, value) for at, value in one["line"]])
            for name, one in said["kpis"].items()
        }  # fmt: skip
        board = Board(
            said["since_us"], said["until_us"], said["each_us"], cards, said["waiting"]
        )  # fmt: skip
        slices = {
            name: Slices(name, [
                (row["value"], {n: Answer(**a) for n, a in row["kpis"].items()}) for row in rows
            ])
            for name, rows in said["by"].items()
        }  # fmt: skip
        return cls(
            said["since_us"], said["until_us"], said["channel"], board, slices,
            [Happened(**one) for one in said["changes"]], said["alerts"],
            [Failure(**one) for one in said["failures"]], said["slos"],
        )  # fmt: skip


class Periods:
    """Tells periods of one workspace. `alerts` and `slos` are asked of their keepers."""

    def __init__(
        self, *, scorecard: Scorecard, ledger: Ledger, clock: Clock,
        alerts: Callable[[], Sequence[Alert]], slos: Callable[[], Sequence[Mapping[str, Any]]],
    ):  # fmt: skip
        self._scorecard, self._ledger, self._clock = scorecard, ledger, clock
        self._alerts, self._slos = alerts, slos

    def show(self, *, since: str = "7d", until: str = "", channel: str = "") -> Period:
        """Return what a period brought; `since` and `until` are dates, or so long ago.

        Raises:
            BadPeriodError: there is no such period.
        """
        since_us, until_us = self._between(since, until)
        where = {"channel": channel} if channel else {}
        asked = {"since_us": since_us, "until_us": until_us}
        return Period(
            since_us, until_us, channel,
            self._scorecard.board(**asked, where=where),
            {
                by: self._scorecard.slices(by, names, **asked, where=where)
                for by, names in COMPARED.items()
            },
            self._changes(since_us, until_us, channel),
            self._burnt(since_us, until_us, channel),
            self._failures(since_us, until_us, where),
            [one for one in self._slos() if one["where"].get("channel", channel) == channel],
        )  # fmt: skip

    def _between(self, since: str, until: str) -> tuple[int, int]:
        now = self._clock.now_us()
        begin, end = _moment(since, now), _moment(until, now) if until else now
        if begin is None or end is None or not begin < min(end, now):
            raise BadPeriodError(since=since[:40], until=until[:40] or "now")
        return begin, min(end, now)

    def _changes(self, since_us: int, until_us: int, channel: str) -> list[Happened]:
        found = []
        for event in self._ledger.list(limit=_MOST_EVENTS):
            kind, _, name = event.subject.partition("/")
            if not since_us <= event.at_us < until_us or kind not in _ABOUT:
                continue
            if event.verb.rpartition(".")[2] not in _CHANGES:
                continue
            if event.verb == "record" and kind != "release":
                continue
            if channel and kind == "channel" and name != channel:
                continue
            content = event.content or {}
            found.append(Happened(
                event.at_us, event.verb, event.subject, str(content.get("release", "") or ""),
                str(content.get("reason", "") or "")[:200], event.principal,
            ))  # fmt: skip
        return found[:_MOST_ROWS]

    def _burnt(self, since_us: int, until_us: int, channel: str) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "id": one.id, "rule": one.rule, "severity": one.severity, "state": one.state,
                "labels": dict(one.labels), "told": one.told, "fired_us": one.fired_us,
                "resolved_us": one.resolved_us,
            }
            for one in self._alerts()
            if one.fired_us is not None and one.fired_us < until_us
            and (one.resolved_us is None or one.resolved_us >= since_us)
            and one.labels.get("channel", channel) in ("", channel or one.labels.get("channel", ""))
        ][:_MOST_ROWS]  # fmt: skip

    def _failures(self, since_us: int, until_us: int, where: Mapping[str, str]) -> list[Failure]:
        found = self._scorecard.ask(
            [KPIS["requests"]], by=["outcome", "status", "target"],
            where={**where, "outcome": ["error", "cut", "refused"]},
            since_us=since_us, until_us=until_us,
        )  # fmt: skip
        failures = [
            Failure(outcome, status, target, int(answers["requests"].value or 0))
            for (_, (outcome, status, target)), answers in found.items()
        ]
        return sorted(failures, key=lambda one: -one.calls)[:_MOST_ROWS]


def _moment(text: str, now_us: int) -> int | None:
    """Read a date, or how long ago."""
    try:
        return now_us - duration_us(text)
    except VolanoError:
        pass
    try:
        return moment_us(text, now_us)
    except VolanoError:
        return None

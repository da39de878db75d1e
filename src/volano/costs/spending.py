"""Spending: the verbs of where money goes, where it will go, and what moved. It only reads."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.clock import Clock
from volano.core.money import Money
from volano.core.text import nfc
from volano.costs.book import Book
from volano.costs.budget import span
from volano.costs.dimension import TREE, Sums, column, only, reported_column, with_ancestors
from volano.costs.energy import Footprint, Meter, figure, total
from volano.costs.errors import BadDimensionError, BadRatioError, NoPriceError
from volano.costs.moment import DAY_US, HOUR_US, day_of, moment, written
from volano.costs.what_if import Compared, compare, told
from volano.stats.anomalies import LEAST_WEEKS, MOST_WEEKS, WEEK, Odd, odd_hours
from volano.stats.forecast import LEAST_DAYS, MOST_DAYS, Forecast, forecast
from volano.traces.keeper import Traces

CONFIDENCE = 0.9
NEXT_DAYS = 30
MINUTE_US = 60_000_000
_MOST_ASKED = 32
WATCHED = ("channel", "model", "key")
MOST_WATCHED = 40
"""Names of each dimension that are watched for anomalies: those that cost most."""
RATE = 0.05
"""The part of anomalies told that are chance, at most."""
LEAST_CHANGE = 0.2
PIECE = 6
NEW_SHARE = 0.05
"""What never cost anything and now is this part of a day's spend is told as new."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a stretch of time will cost. `low` to `high` hold it in nine of ten cases.

    Without enough history `answer` says so, and there are no bounds.
    """

    what: str
    span: str
    spent: Money
    expected: Money | None
    low: Money | None
    high: Money | None
    days: int
    answer: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Hours in which something cost more or less than in the same hours of weeks before."""

    what: str
    name: str
    since: str
    until: str
    cost: Money
    expected: Money
    kind: str

    @property
    def extra_nano(self) -> int:
        """How much more it cost than expected; below zero: less."""
        return self.cost.nano - self.expected.nano

    @property
    def matters(self) -> bool:
        """Whether it is large enough to look at; what runs very evenly is odd with very little."""
        return abs(self.extra_nano) >= LEAST_CHANGE * self.expected.nano


@dataclass(frozen=True, slots=True)
class Watch:
    """What was found odd in the last day; `answer` says on what, or that history is too short."""

    found: tuple[Anomaly, ...]
    answer: str


class Spending:
    """Where money goes, on the recorded calls of one workspace."""

    def __init__(self, *, traces: Traces, book: Callable[[], Book], clock: Clock, meter: Meter):
        self._traces = traces
        self._book = book
        self._clock = clock
        self._meter = meter
        self._watched: tuple[int, Watch] = (-1, Watch((), ""))
        self._reported: dict[tuple[str, str, str], tuple[int, list[dict[str, Any]]]] = {}

    # where it went

    def show(
        self,
        by_what: str = "channel",
        *,
        then: str = "",
        of: str = "",
        since: str = "",
        until: str = "",
    ) -> list[dict[str, Any]]:
        """Return what calls cost, by one or two dimensions; whole hours UTC, the dearest first.

        `unpriced` calls are not in the cost: no price or no usage of theirs is known.

        Raises:
            BadDimensionError, BadOnlyError, BadTimeError: as they say.
        """
        names = [by_what, then] if then else [by_what]
        return [
            {
                **dict(zip(names, by, strict=False)),
                "cost": str(Money(s.nano, by[-1])).strip() if s.calls > s.unpriced else "unknown",
                "calls": s.calls,
                "unpriced": s.unpriced,
                "prompt_tokens": s.prompt_tokens,
                "completion_tokens": s.completion_tokens,
            }
            for by, s in self.sums(names, of=of, since=since, until=until)
        ]

    def sums(
        self, dimensions: Sequence[str], *, of: str = "", since: str = "", until: str = ""
    ) -> Sums:
        """Return sums by these dimensions and the currency, the dearest first; an hour as text.

        Raises:
            BadDimensionError, BadOnlyError, BadTimeError: as they say.
        """
        if len(set(map(column, dimensions))) < len(dimensions):
            known = "two different ones"
            raise BadDimensionError(dimension=f"{dimensions[0]} and {dimensions[1]}", known=known)
        start, end = self._window(since, until)
        rows: Sums = self._traces.spend(
            by=(*map(column, dimensions), "currency"), since_us=start, until_us=end, of=only(of)
        )
        for at, dimension in enumerate(dimensions):
            if dimension == TREE:
                rows = with_ancestors(rows, at)
            elif dimension == "hour":
                rows = [
                    ((*by[:at], written(by[at] * HOUR_US)[:16], *by[at + 1 :]), s) for by, s in rows
                ]
        return sorted(rows, key=lambda row: (-row[1].nano, row[0]))

    def reported(
        self, by_what: str = "service", *, since: str = "30d", until: str = ""
    ) -> list[dict[str, Any]]:
        """Return what applications reported by OTLP that they spent past the gateway, the dearest first.

        What a call of the gateway or a deeper span of the trace tells too is not counted again,
        so that this and `show` can be added. `unpriced` spans are not in the cost. It reads every
        span of a model, so it may be a minute old.

        Raises:
            BadDimensionError, BadTimeError, TooMuchReportedError: as they say.
        """
        minute, asked = self._clock.now_us() // MINUTE_US, (by_what, since, until)
        if self._reported.get(asked, (-1, []))[0] != minute:
            if len(self._reported) >= _MOST_ASKED:
                self._reported.clear()
            self._reported[asked] = minute, self._sum_reported(*asked)
        return self._reported[asked][1]

    def _sum_reported(self, by_what: str, since: str, until: str) -> list[dict[str, Any]]:
        start, end = self._window(since, until)
        name = reported_column(by_what)
        rows = self._traces.reported(by=(name, "currency"), since_us=start, until_us=end)
        return [
            {
                by_what: by[0],
                "cost": str(Money(s.nano, by[1])).strip() if s.calls > s.unpriced else "unknown",
                "spans": s.calls, "unpriced": s.unpriced, "prompt_tokens": s.prompt_tokens,
                "completion_tokens": s.completion_tokens,
            }
            for by, s in sorted(rows, key=lambda row: (-row[1].nano, row[0]))
        ]  # fmt: skip

    # where it will go

    def forecast(self, by_what: str = "", *, of: str = "") -> list[Outlook]:
        """Return what the rest of the month and the next 30 days will cost, with their bounds.

        Raises:
            BadDimensionError, BadOnlyError: as they say.
        """
        now = self._clock.now_us()
        today = now // DAY_US * DAY_US
        names = (column(by_what),) if by_what else ()
        since = today - MOST_DAYS * DAY_US
        rows = self._traces.spend(by=("day", "currency", *names), since_us=since, of=only(of))
        series: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for (day, currency, *of_what), spent in rows:
            if currency:
                series[of_what[0] if of_what else "", currency][day] = spent.nano
        pairs = [self._outlooks(*key, days, now) for key, days in series.items()]
        pairs.sort(key=lambda pair: (-pair[0].spent.nano, pair[0].what))
        return [one for pair in pairs for one in pair]

    def _outlooks(self, what: str, currency: str, days: dict[str, int], now: int) -> list[Outlook]:
        """Forecast from whole days; today costs no less than it has cost already."""
        today = now // DAY_US
        first = min(today, *(_day_number(day) for day in days))
        history = [days.get(day_of(n * DAY_US), 0) for n in range(first, today)]
        begin, end = span("month", now)
        left = end // DAY_US - today
        spent_today = days.get(day_of(now), 0)
        sums = forecast(
            [float(n) for n in history], (left, NEXT_DAYS), begun=spent_today, confidence=CONFIDENCE
        )
        month = sum(history[-(today - begin // DAY_US) :] if today > begin // DAY_US else [])
        month_end = written(end - 1)[:10]
        ahead = written(now + (NEXT_DAYS - 1) * DAY_US)[:10]
        return [
            _outlook(what, f"month to {month_end}", currency, month, spent_today, history, sums, 0),
            _outlook(what, f"30 days to {ahead}", currency, 0, spent_today, history, sums, 1),
        ]

    def watch(self) -> Watch:
        """Return what cost more or less in the last 24 whole hours than in the same hours before.

        Channels, models and keys are watched together, each currency by itself, hour by hour
        and in pieces of six hours, which show what is a little more for long; at most 5 % of
        what is told is chance (`stats.anomalies`), half of it in either look.
        """
        minute, watch = self._watched  # a minute old at most: it reads weeks of hours
        now = self._clock.now_us()
        if minute != now // MINUTE_US:
            watch = self._look(now // HOUR_US)
            self._watched = now // MINUTE_US, watch
        return watch

    def _look(self, end: int) -> Watch:
        begin = end - 24 - MOST_WEEKS * WEEK
        found: list[Anomaly] = []
        judged = 0
        table = self._hours(begin, end)
        for currency in sorted({key[2] for key in table}):
            series = {key: row for key, row in table.items() if key[2] == currency}
            news, known = _split(series)
            first = min((_first(row) for row in series.values()), default=0)
            cut = {_name(key): row[first:] for key, row in known.items()}
            odd = _odd(cut)
            if odd is None:
                continue
            judged += len(cut)
            by_name = {_name(key): key for key in known}
            moved = (_anomaly(run, by_name[run[0].name], end - 24) for run in odd)
            found += [one for one in moved if one.matters]
            found += [_new(key, row, end) for key, row in news.items()]
        if not judged:
            needs = f"not enough history: {LEAST_WEEKS} whole weeks and a day are needed"
            return Watch((), needs)
        found.sort(key=lambda one: -abs(one.extra_nano))
        return Watch(tuple(found), f"{judged} series of hours were looked at")

    def anomalies(self) -> list[dict[str, Any]]:
        """Return `watch` as rows; one row that says so where history is too short."""
        watch = self.watch()
        rows = [
            {"what": f"{one.what} {one.name}", "kind": one.kind, "cost": str(one.cost),
             "expected": str(one.expected), "since": one.since, "until": one.until}
            for one in watch.found
        ]  # fmt: skip
        return rows or [{"what": "nothing odd" if "looked" in watch.answer else "no answer",
                         "kind": watch.answer}]  # fmt: skip

    def _hours(self, begin: int, end: int) -> dict[tuple[str, str, str], list[float]]:
        """Return hourly spend by (dimension, name, currency): the dearest of each dimension."""
        table: dict[tuple[str, str, str], list[float]] = {}
        for dimension in WATCHED:
            rows = self._traces.spend(
                by=("hour", column(dimension), "currency"),
                since_us=begin * HOUR_US,
                until_us=end * HOUR_US,
            )
            own: dict[tuple[str, str, str], list[float]] = {}
            for (hour, name, currency), spent in rows:
                if currency and name:
                    row = own.setdefault((dimension, name, currency), [0.0] * (end - begin))
                    row[hour - begin] += spent.nano
            dearest = sorted(own, key=lambda key: -sum(own[key]))[:MOST_WATCHED]
            table |= {key: own[key] for key in dearest}
        return table

    # what if

    def what_if(
        self,
        model: str,
        *,
        since: str = "30d",
        until: str = "",
        of: str = "",
        token_ratio: float = 1.0,
    ) -> list[dict[str, Any]]:
        """Return what the recorded calls would have cost on another model, by channel.

        `model` is `provider:model`, or `target:model` with a price of yours; its price is that
        of now. The last row is the total of each currency. See `costs.what_if` for its limits.

        Raises:
            NoPriceError: its price is not known.
            BadRatioError, BadOnlyError, BadTimeError: as they say.
        """
        where, _, name = nfc(model).partition(":")
        now = self._clock.now_us()
        price = self._book().find(name, at_us=now, provider=where, target=where) if name else None
        if price is None:
            raise NoPriceError(model=ascii(model)[1:-1][:80])
        if not 0.1 <= token_ratio <= 10:
            raise BadRatioError(ratio=token_ratio)
        start, end = self._window(since, until)
        groups = self._traces.used(since_us=start, until_us=end, of=only(of))
        found = compare(groups, price, ratio=token_ratio)
        totals: dict[tuple[str, str], Compared] = {}
        for (_channel, currency), row in found.items():
            totals.setdefault(("all channels", currency), Compared()).add(row)
        ordered = sorted(found.items(), key=lambda each: (-each[1].was, each[0]))
        return [told(*key, row, price) for key, row in [*ordered, *totals.items()]]

    # energy

    def energy(
        self, by_what: str = "channel", *, of: str = "", since: str = "", until: str = ""
    ) -> list[dict[str, Any]]:
        """Return energy and CO2e of calls as ranges, by channel, release, model, provider or target.

        Calls whose usage is not known are in no range; `unknown` counts them.

        Raises:
            BadDimensionError, BadOnlyError, BadTimeError: as they say.
        """
        if by_what not in ("channel", "release", "model", "provider", "target"):
            known = "channel, release, model, provider, target"
            raise BadDimensionError(dimension=ascii(by_what)[1:-1][:40], known=known)
        start, end = self._window(since, until)
        calls: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        prints: dict[str, list[Footprint]] = defaultdict(list)
        for used in self._traces.used(since_us=start, until_us=end, of=only(of)):
            name = getattr(used, by_what)
            calls[name][0] += used.calls
            footprint = self._meter.of(
                model=used.model, provider=used.provider, priced_by=used.priced_by,
                input_tokens=_times(used.prompt_tokens, used.calls),
                output_tokens=_times(used.completion_tokens, used.calls),
                cached_tokens=_times(used.cached_tokens, used.calls),
                latency_us=used.latency_us,
            )  # fmt: skip
            if footprint is None:
                calls[name][1] += used.calls
            else:
                prints[name].append(footprint)
        rows = [(name, total(prints[name]), n, unknown) for name, (n, unknown) in calls.items()]
        return [
            {
                by_what: name,
                "wh": f"{figure(sum_.wh.low)} – {figure(sum_.wh.high)}",
                "wh_central": figure(sum_.wh.central),
                "g_co2e": f"{figure(sum_.g.low)} – {figure(sum_.g.high)}",
                "g_central": figure(sum_.g.central),
                "calls": n,
                "unknown": unknown,
            }
            for name, sum_, n, unknown in sorted(rows, key=lambda row: (-row[1].wh.central, row[0]))
        ]

    def footprint(self, trace: Any) -> Footprint | None:
        """Return the footprint of one call; None: its usage is not known."""
        return self._meter.of(
            model=trace.model, provider=trace.provider, priced_by=trace.priced_by,
            input_tokens=trace.prompt_tokens, output_tokens=trace.completion_tokens,
            cached_tokens=trace.cached_tokens, latency_us=trace.latency_us,
        )  # fmt: skip

    def _window(self, since: str, until: str) -> tuple[int, int | None]:
        now = self._clock.now_us()
        start = moment(since, now) if since else span("month", now)[0]
        return start, moment(until, now) if until else None


def _times(tokens: int | None, calls: int) -> int | None:
    return None if tokens is None else tokens * calls


def _day_number(day: str) -> int:
    return moment(day) // DAY_US


def _outlook(
    what: str,
    span_: str,
    currency: str,
    before: int,
    today: int,
    history: Sequence[int],
    sums: tuple[Forecast, ...] | None,
    at: int,
) -> Outlook:
    spent = Money(before + today, currency)
    if sums is None:
        answer = f"not enough history: {len(history)} of {LEAST_DAYS} whole days"
        return Outlook(what, span_, spent, None, None, None, len(history), answer)
    low, expected, high = (
        Money(before + round(value), currency)
        for value in (sums[at].low, sums[at].expected, sums[at].high)
    )
    return Outlook(what, span_, spent, expected, low, high, len(history), "forecast")


def _name(key: tuple[str, str, str]) -> str:
    return f"{key[0]}\0{key[1]}"


def _first(row: Sequence[float]) -> int:
    """Return the hour of the first spend."""
    return next((n for n, value in enumerate(row) if value), len(row))


def _split(
    series: dict[tuple[str, str, str], list[float]],
) -> tuple[dict[tuple[str, str, str], list[float]], dict[tuple[str, str, str], list[float]]]:
    """Return what is new in the last day and matters, and what has a past to be judged by."""
    old = {key: row for key, row in series.items() if any(row[:-24])}
    day = sum(sum(row[-24:]) for key, row in series.items() if key[0] == WATCHED[0])
    new = {
        key: row
        for key, row in series.items()
        if key not in old and sum(row[-24:]) >= NEW_SHARE * day > 0
    }
    return new, old


def _new(key: tuple[str, str, str], row: Sequence[float], end: int) -> Anomaly:
    cost = Money(round(sum(row[-24:])), key[2])
    since, until = written((end - 24) * HOUR_US), written(end * HOUR_US)
    return Anomaly(key[0], key[1], since, until, cost, Money(0, key[2]), "new")


def _odd(series: dict[str, list[float]]) -> list[list[Odd]] | None:
    """Return runs of odd hours; an odd piece of six hours is told where no hour in it is odd."""
    each = odd_hours(series, 24, rate=RATE / 2)
    sums = {name: _pieces(row) for name, row in series.items()}
    pieces = odd_hours(sums, 24 // PIECE, rate=RATE / 2, week=WEEK // PIECE)
    if each is None or pieces is None:
        return None
    runs = _runs(each)
    hours = {(one.name, one.at // PIECE) for one in each}
    for piece in pieces:
        if (piece.name, piece.at) not in hours:
            part = piece._replace(value=piece.value / PIECE, expected=piece.expected / PIECE)
            runs.append([part._replace(at=piece.at * PIECE + n) for n in range(PIECE)])
    return runs


def _pieces(row: Sequence[float]) -> list[float]:
    """Sum six hours each, so that the last piece ends with the row."""
    begin = len(row) % PIECE
    return [sum(row[at : at + PIECE]) for at in range(begin, len(row), PIECE)]


def _runs(odd: Sequence[Odd]) -> list[list[Odd]]:
    """Put neighbouring odd hours of one series, off to the same side, together."""
    found: list[list[Odd]] = []
    for one in sorted(odd, key=lambda each: (each.name, each.at)):
        last = found[-1][-1] if found else None
        follows = last is not None and (last.name, last.at + 1) == (one.name, one.at)
        if last and follows and (last.value > last.expected) == (one.value > one.expected):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _anomaly(run: Sequence[Odd], key: tuple[str, str, str], begin: int) -> Anomaly:
    cost = Money(round(sum(one.value for one in run)), key[2])
    expected = Money(round(sum(one.expected for one in run)), key[2])
    since, until = (written((begin + at) * HOUR_US) for at in (run[0].at, run[-1].at + 1))
    kind = "more" if cost.nano > expected.nano else "less"
    return Anomaly(key[0], key[1], since, until, cost, expected, kind)

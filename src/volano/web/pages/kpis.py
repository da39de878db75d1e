"""KPIs: how does it go, and is it worth it? Every number leads to the traces or voices behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape
from starlette.requests import Request

from volano.monitor.machine import GAUGES, REMEMBERED_US
from volano.monitor.scorecard import ALL
from volano.traces.filter import Compare, Place, spell
from volano.traces.filter.values import Text
from volano.web.pages import figures, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

WINDOWS = {"1h": words.HOUR_US, "1d": words.DAY_US, "7d": 7 * words.DAY_US, "30d": 30 * words.DAY_US,
           "90d": 90 * words.DAY_US}  # fmt: skip
NARROWED = ("channel", "release", "model")
BY = ("release", "channel", "model", "key", "language", "region")
WORTH = ("satisfaction", "task_completion", "cost_per_request", "cost_per_success", "revenue", "margin",
         "return", "cost")  # fmt: skip
WELL = ("requests", "availability", "refusal_rate", "latency_p50", "latency_p95", "ttft_p95",
        "tokens_per_s", "throughput", "tokens", "concurrency")  # fmt: skip
COMPARED = ("error_rate", "latency_p95", "cost_per_request", "satisfaction", "task_completion",
            "cost_per_success", "revenue")  # fmt: skip
_OF_VOICES = {"satisfaction", "task_completion", "cost_per_success", "revenue", "margin", "return"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A card: the number, its interval, what changed, its line, and where its rows are."""

    name: str
    title: str
    value: str
    measured: bool
    reach: str
    why: str
    change: str
    tone: str
    chance: bool
    line: Markup
    href: str
    says: str
    formula: str
    behind: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page: its answer, the cards, the comparison, and what the address says."""

    headline: Markup
    asked: Mapping[str, str]
    windows: Sequence[tuple[str, str, str]]
    choices: Sequence[tuple[str, str, Sequence[str]]]
    by: Sequence[tuple[str, str]]
    worth: Sequence[Figure]
    well: Sequence[Figure]
    machine: Sequence[Figure]
    engines: Table | None
    slices: Table | None
    waiting: int
    diagnosis: Any
    report: str
    empty: bool
    data: Any


def asked(request: Request) -> dict[str, str]:
    """Read the address: the window, the filters, what it is compared by."""
    query = request.query_params
    window = query.get("window", "")
    by = query.get("by", "")[:80]
    return {
        "window": window if window in WINDOWS else "7d",
        "by": by if by in BY or (by.startswith("tag.") and by != "tag.") else BY[0],
        **{name: query.get(name, "").strip()[:200] for name in NARROWED},
    }


def look(app: Any, now_us: int, said: Mapping[str, str]) -> Page:
    """Read the scorecard."""
    since_us = now_us - WINDOWS[said["window"]]
    where = {name: said[name] for name in NARROWED if said[name]}
    card = app.scorecard
    board = card.board(since_us=since_us, until_us=now_us, where=where)
    slices = card.slices(
        said["by"], COMPARED, since_us=since_us, until_us=now_us, where=where
    )  # fmt: skip
    empty = (
        not where and not board.cards["requests"].now.n and not board.cards["satisfaction"].now.n
    )
    return Page(
        headline=_headline(board, said),
        asked=said,
        windows=[(key, name, _address(said, window=key)) for key, name in _windows()],
        choices=[
            (name, title, card.values(name, since_us=since_us, until_us=now_us))
            for name, title in (("channel", _("Channel")), ("release", _("Release")),
                                ("model", _("Model")))
        ],
        by=[(name, _by(name)) for name in dict.fromkeys([*BY, said["by"]])],
        worth=[_figure(board.cards[name], said, since_us) for name in WORTH if name in board.cards],
        well=[_figure(board.cards[name], said, since_us) for name in WELL],
        machine=_machine(app, now_us),
        engines=_engines(app, now_us),
        slices=_table(slices, said, since_us),
        waiting=board.waiting,
        diagnosis=_diagnosis(app, said),
        report="/report?" + urlencode({"since": said["window"], "channel": said["channel"]}),
        empty=empty,
        data={"window": said["window"], "where": where, "kpis": {
            name: {"kpi": one.kpi.to_dict(), "now": one.now, "before": one.before, "line": one.line}
            for name, one in board.cards.items()
        }, "by": said["by"], "slices": [{"value": name, **answers} for name, answers in slices.rows],
            "waiting": board.waiting},
    )  # fmt: skip


def _diagnosis(app: Any, said: Mapping[str, str]) -> Any:
    """Return why the last quarter of an hour was slow, where it was; of the window of an hour only."""
    if said["window"] != "1h":
        return None
    found = app.diagnoses.show(since="15m", channel=said["channel"])
    return None if found.cause in ("not slow", "too few calls") else found


def _windows() -> Sequence[tuple[str, str]]:
    return [("1h", _("1 hour")), ("1d", _("1 day")), ("7d", _("7 days")), ("30d", _("30 days")),
            ("90d", _("90 days"))]  # fmt: skip


def _by(name: str) -> str:
    known = {"release": _("release"), "channel": _("channel"), "model": _("model"),
             "key": _("key"), "language": _("language"), "region": _("region")}  # fmt: skip
    return known.get(name, name)


def _address(said: Mapping[str, str], **other: str) -> str:
    query = {name: value for name, value in {**said, **other}.items() if value}
    return f"/kpis?{urlencode(query)}"


def _headline(board: Any, said: Mapping[str, str]) -> Markup:
    told = {"1h": _("in the last hour"), "1d": _("in the last day"), "7d": _("in the last 7 days"),
            "30d": _("in the last 30 days"), "90d": _("in the last 90 days")}  # fmt: skip
    cards = {name: one.now for name, one in board.cards.items()}
    calls = int(cards["requests"].value or 0)
    when = told[said["window"]]
    if not calls:
        return escape(_("Nobody called {when}.")).format(when=when)
    count = ngettext("one call", "{n} calls", calls).format(n=words.count(calls))
    went = cards["availability"]
    first = (
        _("{share} of {calls} went well {when}").format(
            share=figures.value(went, board.cards["availability"].kpi), calls=count, when=when
        )
        if went.value is not None
        else _("{calls} came {when}, and none was taken on").format(calls=count, when=when)
    )
    return escape(words.capital(first)) + escape("; ") + escape(_worth(board)) + Markup(".")


def _worth(board: Any) -> str:
    """Say whether it is worth it, as far as outcomes tell."""
    if "revenue" not in board.cards:
        return _("what it was worth is not told by this")
    cards = {name: one.now for name, one in board.cards.items()}
    kpis = {name: one.kpi for name, one in board.cards.items()}
    revenue, cost, done = cards["revenue"], cards["cost"], cards["task_completion"]
    if revenue.value is not None and cards["return"].value is not None:
        return _("it brought {revenue} for {cost}").format(
            revenue=figures.value(revenue, kpis["revenue"]), cost=figures.value(cost, kpis["cost"])
        )
    if revenue.value is not None:
        return _("it brought {revenue}").format(revenue=figures.value(revenue, kpis["revenue"]))
    if done.value is not None:
        return _("{share} of the tasks were done").format(
            share=figures.value(done, kpis["task_completion"])
        )
    return _("what it is worth is not measured yet")


def _figure(card: Any, said: Mapping[str, str], since_us: int) -> Figure:
    now, kpi = card.now, card.kpi
    moved, tone, chance = figures.change(now, card.before, kpi)
    name = figures.title(kpi.name)
    first, last = (card.line[0][0], card.line[-1][0]) if card.line else (0, 0)
    label = _("{name} from {begin} to {end}").format(
        name=name, begin=words.exact(first), end=words.exact(last)
    )
    return Figure(
        kpi.name, name, figures.value(now, kpi), now.value is not None, figures.reach(now), now.why,
        moved, tone, chance, figures.line(card.line, label), _rows(kpi.name, now, said, since_us),
        kpi.says, kpi.formula, _behind(kpi.name, now.n),
    )  # fmt: skip


def _machine(app: Any, now_us: int) -> list[Figure]:
    """Return what this host says of the last hour, with its newest value; nothing of what it does not tell."""
    look = app.machine.newest(now_us)
    told = []
    for one in GAUGES.values() if look is not None else ():
        value = one.read(look)
        if one.of_engines or value is None:
            continue
        points = app.machine.ask(
            one.name, since_us=now_us - REMEMBERED_US, until_us=now_us, each_us=words.MINUTE_US
        )
        name, line = figures.title(one.name), [(point.at_us, point.value) for point in points]
        label = _("{name} from {begin} to {end}").format(
            name=name, begin=words.exact(line[0][0]), end=words.exact(line[-1][0])
        ) if line else name  # fmt: skip
        told.append(Figure(
            one.name, name, figures.spelt(value, one), True, "", "", "", "off", False,
            figures.line(line, label), "", one.says, one.formula, words.ago(look.at_us, now_us),
        ))  # fmt: skip
    return told


def _engines(app: Any, now_us: int) -> Table | None:
    """Return what each engine takes of this host, by the newest look."""
    look = app.machine.newest(now_us)
    if look is None or not look.engines:
        return None
    gauges = [one for one in GAUGES.values() if one.of_engines]
    rows = [
        Row("", [Cell("text", name), *(Cell("number", _part(one.read(look, name), one)) for one in gauges)],
            {"engine": name, **{one.name: one.read(look, name) for one in gauges}})
        for name in sorted(look.engines)
    ]  # fmt: skip
    columns = (
        Column(_("Engine")),
        *(Column(figures.title(one.name), number=True) for one in gauges),
    )
    return Table(_("Engines, of the whole host"), columns, rows)


def _part(value: float | None, kpi: Any) -> str:
    return "–" if value is None else figures.spelt(value, kpi)


def _behind(name: str, n: int) -> str:
    """Say what stands behind a number."""
    count = words.count(n)
    if name == "satisfaction":
        return ngettext("one voice", "{n} voices", n).format(n=count)
    if name in ("task_completion", "cost_per_success"):
        return ngettext("one task", "{n} tasks", n).format(n=count)
    if name in ("revenue", "margin", "return", "revenue_per_request"):
        return ngettext("one amount", "{n} amounts", n).format(n=count)
    return ngettext("one call", "{n} calls", n).format(n=count)


def _rows(name: str, now: Any, said: Mapping[str, str], since_us: int) -> str:
    """Return the list of the traces or voices that a number is made of."""
    if name in _OF_VOICES:
        window = said["window"] if said["window"] in ("1h", "1d", "7d") else ""
        return links.listing(
            "feedback", channel=said["channel"], release=said["release"], since=window
        )
    outcome = {"availability": "failed", "error_rate": "failed", "errors": "failed",
               "refusal_rate": "refused"}.get(name)  # fmt: skip
    return _traces(said, since_us, outcome=outcome, slower=_slower(name, now.value))


def _slower(name: str, us: float | None) -> str:
    field, _q, quantile = name.partition("_p")
    return f"{field} >= {round(us)}us" if us and quantile else ""


def _traces(
    said: Mapping[str, str], since_us: int, *, outcome: str | None = None, slower: str = "",
    where: str = "",
) -> str:  # fmt: skip
    model = spell(Compare(Place("model"), "=", Text(said["model"]))) if said.get("model") else ""
    kept = " and ".join(part for part in (model, slower, where) if part)
    window = said["window"]
    chosen = {"since": window} if window in ("1h", "1d", "7d") else {"from": words.iso(since_us)}
    return links.listing(
        "traces",
        channel=said["channel"],
        release=said["release"],
        outcome=outcome,
        where=kept,
        **chosen,
    )


def _table(slices: Any, said: Mapping[str, str], since_us: int) -> Table:
    names = [n for n in COMPARED if any(n in answers for _, answers in slices.rows)]
    kpis = {name: ALL[name] for name in ("requests", *names)}
    return Table(
        _("By {what}").format(what=_by(said["by"])),
        (Column(words.capital(_by(said["by"]))), Column(figures.title("requests"), number=True),
         *(Column(figures.title(n), 1 if n in ("error_rate", "satisfaction") else 2 if n != "cost_per_request" else 3,
                  number=True) for n in names)),
        [_row(value, answers, kpis, said, since_us) for value, answers in slices.rows],
        empty=_("No call here."),
    )  # fmt: skip


def _row(
    value: str, answers: Mapping[str, Any], kpis: Mapping[str, Any], said: Mapping[str, str], since_us: int
) -> Row:  # fmt: skip
    href = _slice(said, value, since_us)
    cells = [Cell("ref", value or _("none"), href=href)]
    for name, kpi in kpis.items():
        answer = answers.get(name)
        if answer is None or answer.value is None:
            why = answer.why if answer is not None else ""
            cells.append(
                Cell("markup", Markup('<span class="none" title="{}">–</span>').format(why))
            )
        else:
            reach = figures.reach(answer)
            text = figures.value(answer, kpi)
            sub = (
                Markup(' <span class="sub num reach-text">{}</span>').format(reach) if reach else ""
            )
            cells.append(Cell("markup", Markup('<span class="num">{}</span>{}').format(text, sub)))
    return Row(href or "", cells, {"value": value, **answers})


def _slice(said: Mapping[str, str], value: str, since_us: int) -> str | None:
    """Return the list of a slice's traces; of a language there is none."""
    by = said["by"]
    if not value or by == "language":
        return None
    if by in NARROWED:
        return _traces({**said, by: value}, since_us)
    tag = by.removeprefix("tag.") if by.startswith("tag.") or by == "region" else ""
    place = Place(tag, "tag") if tag else Place(by)
    return _traces(said, since_us, where=spell(Compare(place, "=", Text(value))))

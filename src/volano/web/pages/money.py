"""Money: what calls cost, where it goes, where it will go, and how far the budgets reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape
from starlette.requests import Request

from volano.core.errors import InvalidError
from volano.traces.errors import TooMuchReportedError
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.plain import plain
from volano.web.pages.view import Cell, Column, Facts, Row, State, Table
from volano.web.pages.words import money

WINDOWS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}
BY = ("channel", "model", "key", "group-tree", "release", "target", "provider", "region")
LINKS = {"channel": "channel", "key": "key", "release": "release", "model": "model",
         "target": "target", "group": "group"}  # fmt: skip
"""Dimensions that the list of traces is filtered by, and what it calls them."""
COLOURS = 5
MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class Bit:
    """A piece of a bar, from `y` upwards, as percentages; `tone` is its colour's number."""

    tone: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of the chart: its place, its pieces, and the same in words and cells."""

    name: str
    x: float
    bits: Sequence[Bit]
    told: str
    cells: Sequence[Markup]


@dataclass(frozen=True, slots=True)
class Chart:
    """Days in stacked bars, in one currency. `names` are the colours' names with their links."""

    title: str
    currency: str
    top: str
    wide: float
    names: Sequence[tuple[int, Markup]]
    days: Sequence[Day]
    summary: str


@dataclass(frozen=True, slots=True)
class Purse:
    """A budget as a bar: spent and held as percentages of it, and what is left in words."""

    name: str
    href: str | None
    spent: float
    held: float
    told: str
    left: str
    until: str
    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Money:
    """The page."""

    query: Mapping[str, str]
    windows: Sequence[tuple[str, str, str]]
    dimensions: Sequence[tuple[str, str, str]]
    of: str
    clear: str
    headline: Markup
    charts: Sequence[Chart]
    purses: Sequence[Purse]
    sections: Sequence[Any]
    aside: Sequence[Any]
    empty: bool
    data: Any


def look(app: Any, request: Request, now_us: int) -> Money:
    """Read the keepers; dimension, window and filter are in the address."""
    asked = request.query_params
    by = asked.get("by", "") if asked.get("by", "") in BY else "channel"
    since = asked.get("since", "") if asked.get("since", "") in WINDOWS else "30d"
    of = _known(app, asked.get("of", "")[:200])
    query = {"by": by, "since": since, "of": of}
    sums = app.spending.sums([by], of=of, since=since)
    days = app.spending.sums(["day", by], of=of, since=since)
    outlook = app.spending.forecast(of=of)
    watch = app.spending.watch()
    standing = app.costs.budgets()
    energy = app.spending.energy(of=of, since="1d")  # it reads every call, unlike the sums
    reported, more = _reported(app)
    ordered = _ordered(sums)
    return Money(
        query=query,
        windows=[
            (key, name, _address(query, since=key))
            for key, name in (("1d", _("1 day")), ("7d", _("7 days")), ("30d", _("30 days")),
                              ("90d", _("90 days")))
        ],
        dimensions=[(key, _title(key), _address(query, by=key)) for key in BY],
        of=of,
        clear=_address(query, of=""),
        headline=_headline(sums, query),
        charts=[
            _chart(days, ordered[currency], currency, query, now_us)
            for currency in sorted(ordered, key=lambda one: -len(ordered[one]))
        ],
        purses=[_purse(each) for each in standing],
        sections=[_table(sums, query), _odd(watch)],
        aside=[*_outlooks(outlook), *more, _energy(energy)],
        empty=not sums and not of and not reported,
        data=plain({
            "sums": [{"by": [*name], **plain(s)} for name, s in sums], "days": days, "forecast": outlook,
            "anomalies": watch, "budgets": standing, "energy": energy, "query": query,
            "reported": reported,
        }),
    )  # fmt: skip


def _known(app: Any, of: str) -> str:
    """Return the filter, or nothing where it is none: an address may be of anybody's making."""
    try:
        app.spending.sums(["channel"], of=of, since="1h")
    except InvalidError:
        return ""
    return of


def _title(by: str) -> str:
    return {
        "channel": _("Channel"), "model": _("Model"), "key": _("Key"), "group-tree": _("Group"),
        "release": _("Release"), "target": _("Target"), "provider": _("Provider"),
        "region": _("Region"),
    }[by]  # fmt: skip


def _address(query: Mapping[str, str], **changed: str) -> str:
    return f"/money?{urlencode({name: value for name, value in {**query, **changed}.items() if value})}"


def _ordered(sums: Any) -> dict[str, list[str]]:
    """Return the names that cost most, by currency."""
    found: dict[str, list[str]] = {}
    for (name, currency), s in sums:
        if currency and s.nano > 0:
            found.setdefault(currency, []).append(name)
    return found


def _total(sums: Any, by: str) -> dict[str, int]:
    """Return what all cost; a group with others below it has theirs in it already."""
    found: dict[str, int] = {}
    for (name, currency), s in sums:
        if currency and not (by == "group-tree" and "/" in name):
            found[currency] = found.get(currency, 0) + s.nano
    return found


def _headline(sums: Any, query: Mapping[str, str]) -> Markup:
    by = query["by"]
    stretch = {
        "1d": _("The last day"), "7d": _("The last 7 days"), "30d": _("The last 30 days"),
        "90d": _("The last 90 days"),
    }[query["since"]]  # fmt: skip
    totals = _total(sums, by)
    calls = sum(s.unpriced for (name, _c), s in sums if not (by == "group-tree" and "/" in name))
    if not totals:
        if calls:
            told = ngettext("One call was made, its price is not known.",
                            "{n} calls were made, their price is not known.", calls)  # fmt: skip
            return escape(told).format(n=words.count(calls))
        return escape(_("{stretch} cost nothing.")).format(stretch=stretch)
    said = escape(_("{stretch} cost {money}")).format(stretch=stretch, money=money(totals))
    (name, currency), first = next(((by, s) for by, s in sums if by[1]), (("", ""), None))
    if first is not None and first.nano and totals[currency]:
        part = first.nano / totals[currency]
        said += escape(_("; {part} of it went to {what} {name}")).format(
            part=f"{part:.0%}".replace("%", "\u202f%"), what=_title(by).casefold(),
            name=links.link(_traces(by, name, query) or _drill(by, name, query), name or _("none")),
        )  # fmt: skip
    if calls:
        told = ngettext("; one call has no price", "; {n} calls have no price", calls)
        said += escape(told).format(n=words.count(calls))
    return said + "."


def _traces(by: str, name: str, query: Mapping[str, str], day: str = "") -> str | None:
    """Return the address of the traces behind a number, where their list can be narrowed so."""
    narrowed = {LINKS[by]: name} if by in LINKS else {}
    kind, _colon, value = query["of"].partition(":")
    if kind in LINKS:
        narrowed.setdefault(LINKS[kind], value)
    if not name or by not in LINKS or (query["of"] and kind not in LINKS):
        return None
    stretch = {"day": day} if day else {"since": query["since"]}
    return links.listing("traces", **narrowed, **stretch)


def _drill(by: str, name: str, query: Mapping[str, str]) -> str | None:
    """Return this page, of these calls only, by the next dimension."""
    if not name:
        return None
    kind = "group" if by == "group-tree" else by
    return _address(query, of=f"{kind}:{name}", by="model" if by == "channel" else "channel")


def _chart(
    days: Any, ordered: Sequence[str], currency: str, query: Mapping[str, str], now_us: int
) -> Chart:
    by = query["by"]
    if by == "group-tree":  # sums overlap: only the topmost are parts of the whole
        ordered = [name for name in ordered if "/" not in name]
    shown, rest = ordered[:COLOURS], ordered[COLOURS:]
    table: dict[str, dict[str, int]] = {}
    for (day, name, money_of), s in days:
        if money_of == currency and name in ordered:
            key = name if name in shown else ""
            row = table.setdefault(day, {})
            row[key] = row.get(key, 0) + s.nano
    names = [*shown, *([""] if rest else [])]
    end = now_us // words.DAY_US
    dates = [
        words.iso(n * words.DAY_US)[:10] for n in range(end - WINDOWS[query["since"]], end + 1)
    ]
    most = max((sum(row.values()) for row in table.values()), default=0) or 1
    wide = 100 / len(dates)
    found = [
        _day(day, n * wide, table.get(day, {}), names, most, currency, query)
        for n, day in enumerate(dates)
    ]
    top = money({currency: most})
    return Chart(
        _("{currency} a day, by {what}").format(currency=currency, what=_title(by).casefold()),
        currency, top, wide * 0.78,
        [(_tone(n, name), links.link(_drill(by, name, query), name)
          if name else escape(_("{n} others").format(n=len(rest))))
         for n, name in enumerate(names)],
        found,
        _("{n} days, the dearest {money}").format(n=len(dates), money=top),
    )  # fmt: skip


def _day(
    day: str, x: float, row: Mapping[str, int], names: Sequence[str],
    most: int, currency: str, query: Mapping[str, str],
) -> Day:  # fmt: skip
    bits, y = [], 0.0
    for n, name in enumerate(names):
        height = 100 * row.get(name, 0) / most
        if height:
            bits.append(Bit(_tone(n, name), y, max(height, 0.4)))
            y += height
    cells = [
        links.link(_traces(query["by"], name, query, day) if name else None,
                   money({currency: row[name]}))
        if row.get(name) else Markup("–")
        for name in names
    ]  # fmt: skip
    return Day(day, x, bits, f"{day}: {money({currency: sum(row.values())})}", cells)


def _tone(n: int, name: str) -> int:
    return n if name else COLOURS


def _table(sums: Any, query: Mapping[str, str]) -> Table:
    by, totals = query["by"], _total(sums, query["by"])
    return Table(
        _("Where it goes"),
        (
            Column(_title(by)),
            Column(_("Cost"), number=True),
            Column(_("Part"), 2),
            Column(_("Calls"), number=True),
            Column(_("Without a price"), 2, number=True),
            Column(_("Tokens in, out"), 3, number=True),
        ),
        [_row(name, currency, s, totals, query) for (name, currency), s in sums[:MOST_ROWS]],
        empty=_("No call was made by these in this time."),
        command=f"volano cost show {by} --since {query['since']}",
    )


def _row(
    name: str, currency: str, s: Any, totals: Mapping[str, int], query: Mapping[str, str]
) -> Row:
    by = query["by"]
    traces = _traces(by, name, query)
    cost = money({currency: s.nano}) if currency else _("unknown")
    part = s.nano * 1_000_000 // totals[currency] if totals.get(currency) else None
    return Row(
        traces or "",
        (
            Cell("ref", name or _("none"), href=_drill(by, name, query)),
            Cell("markup", links.link(traces, cost)),
            Cell("share", part // 1000 * 1000) if part is not None else Cell("text", "–"),
            Cell("markup", links.link(traces, words.count(s.calls))),
            Cell("number", words.count(s.unpriced)),
            Cell(
                "number",
                _("{sent}, {answered}").format(
                    sent=words.short_count(s.prompt_tokens),
                    answered=words.short_count(s.completion_tokens),
                ),
            ),
        ),
        s,
    )


def _odd(watch: Any) -> Table:
    """Say what moved in the last day, or why that is not known."""
    kinds = {"more": State(_("more"), "bad"), "less": State(_("less"), "wait"),
             "new": State(_("new"), "wait")}  # fmt: skip
    query = {"since": "7d", "of": ""}
    return Table(
        _("Unlike the weeks before"),
        (Column(_("What")), Column(_("How")), Column(_("Cost"), number=True),
         Column(_("Usual then"), 2, number=True), Column(_("Between"), 2)),
        [
            Row("", (
                Cell("text", one.name, sub=one.what),
                Cell("state", kinds[one.kind]),
                Cell("markup", links.link(_traces(one.what, one.name, query, one.since[:10]),
                                          money({one.cost.currency: one.cost.nano}))),
                Cell("number", money({one.cost.currency: one.expected.nano})),
                Cell("text", f"{one.since[5:16].replace('T', ' ')} – {one.until[11:16]} UTC"),
            ), one)
            for one in watch.found[:20]
        ],
        empty=(_("Nothing: every hour of the last day cost what such hours cost.")
               if "looked" in watch.answer
               else _("No answer yet: three whole weeks and a day of calls are needed.")),
    )  # fmt: skip


def _outlooks(outlook: Sequence[Any]) -> list[Facts]:
    found = []
    for one in outlook:
        title = _("This month") if one.span.startswith("month") else _("The next 30 days")
        until = one.span.rpartition(" ")[2]

        def amount(value: Any) -> Cell:
            return Cell("number", money({value.currency: value.nano}))

        facts = [(_("until"), Cell("text", until)), (_("spent"), amount(one.spent))]
        if one.expected is None:
            days = one.answer.rpartition(": ")[2].split()
            told = _("not enough history: {n} of {of} days").format(n=days[0], of=days[2])
            facts.append((_("forecast"), Cell("text", told)))
        else:
            bounds = f"{money({one.low.currency: one.low.nano})} – {money({one.high.currency: one.high.nano})}"
            facts += [
                (_("expected"), amount(one.expected)),
                (_("9 of 10 times"), Cell("number", bounds)),
            ]
        found.append(
            Facts(title, facts if title != _("The next 30 days") else [facts[0], *facts[2:]])
        )
    return found


def _reported(app: Any) -> tuple[Sequence[Mapping[str, Any]], Sequence[Facts]]:
    """Return what applications reported of the last day, as rows and as a section; nothing where nothing was."""
    title = _("Past the gateway, as applications report")
    try:
        rows = app.spending.reported(since="1d")
    except TooMuchReportedError as error:
        return [], [Facts(title, [(_("last day"), Cell("text", error.message))])]
    facts = [(row["service"] or _("none"), Cell("markup", _told_of(row))) for row in rows[:6]]
    return rows, [Facts(title, facts)] if rows else []


def _told_of(row: Mapping[str, Any]) -> Markup:
    cost = _("unknown") if row["cost"] == "unknown" else row["cost"]
    spans = ngettext("one span in the last day", "{n} spans in the last day", row["spans"])
    return Markup('<span class="num">{}</span><span class="why sub num">{}</span>').format(
        cost, spans.format(n=words.count(row["spans"]))
    )


def _energy(rows: Sequence[Mapping[str, Any]]) -> Facts:
    facts = [(row["channel"] or _("none"), Cell("markup", _range(row))) for row in rows[:6]]
    return Facts(_("Energy of the last day, at least and at most"), facts)


def _range(row: Mapping[str, Any]) -> Markup:
    return Markup(
        '<span class="num">{}\u202fWh</span><span class="why sub num">{}\u202fg CO₂e</span>'
    ).format(row["wh"], row["g_co2e"])


def _purse(one: Any) -> Purse:
    amount = one.amount.nano or 1
    spent, held = (min(100.0, max(0.0, 100 * part.nano / amount)) for part in (one.spent, one.held))
    name = one.subject.partition(":")[2]
    if one.left.nano <= 0:
        tone, word = "bad", _("empty")
    elif one.empty:
        tone, word = (
            "wait",
            _("empty by {time} at this rate").format(time=one.empty[:16].replace("T", " ")),
        )
    else:
        tone, word = "good", _("lasts")
    return Purse(
        one.subject,
        _address({"by": "channel", "since": "30d"}, of=one.subject) if name != "*" else None,
        spent,
        min(held, 100 - spent),
        _("{spent} of {amount} spent").format(
            spent=money({one.spent.currency: one.spent.nano}),
            amount=money({one.amount.currency: one.amount.nano}),
        )
        + (_(", {held} held").format(held=money({one.held.currency: one.held.nano})) if one.held.nano else ""),
        _("{left} left").format(left=money({one.left.currency: one.left.nano})),
        {"day": _("today"), "week": _("this week"), "month": _("this month"), "total": _("in all")}[one.window],
        tone,
        word,
    )  # fmt: skip

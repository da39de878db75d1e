"""Traces, listed: a filter, words, saved views, a picture over time, and the rows they choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from volano.traces.errors import FilterError, FilterTooLongError
from volano.traces.filter import Compare, Place, parse, spell
from volano.traces.filter.fields import ATTRIBUTE, FIELDS, TAG
from volano.traces.filter.values import Ago, Moment, Text, moment
from volano.traces.span import Span
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.traces import OUTCOMES, SINCE, outcome
from volano.web.pages.view import Asked, Cell, Column, Filter, Listing, Pulse, Pulses, Row

STRETCHES = 48
_SECOND_US = 1_000_000
_CHOSEN = {name: name for name in ("channel", "release", "key", "target", "group", "model")}
_KEPT = ("where", "q", "channel", "release", "outcome", "since", "key", "target",
         "group", "model", "day")  # fmt: skip
EXAMPLES = (
    "latency > 2s and outcome = error",
    'text ~ "refund" and not channel = internal',
    "cost > 0.01 USD and tag.plan = pro",
    'attr."gen_ai.request.temperature" >= 0.7',
    "release = support@* and began > -24h",
)


@dataclass(frozen=True, slots=True)
class Chip:
    """A saved view: its name, where it leads, and whether it is what is shown."""

    name: str
    href: str
    now: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """What the page shows above its rows."""

    where: str
    full: str
    problem: str
    marked: str
    views: Sequence[Chip]
    picture: Pulses | None
    fields: Sequence[tuple[str, str]]
    examples: Sequence[tuple[str, str]]
    live: bool
    turn: str
    stream: str
    span: str
    """The stretch of time that was chosen in the picture, in words."""
    unspan: str
    hidden: Sequence[tuple[str, str]]


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List traces, newest first."""
    where = (asked.get("where") or "").strip()
    problem: FilterError | FilterTooLongError | None = None
    full = ""
    try:
        full = _full(where, asked)
    except (FilterError, FilterTooLongError) as error:
        problem = error
    since_us, until_us = _window(asked, now_us)
    page = None
    if problem is None:
        page = app.traces.page(
            full, text=asked.q, since_us=since_us, until_us=until_us, before=asked.before,
            limit=asked.limit,
        )  # fmt: skip
    return Listing(
        headline=_headline(app, now_us),
        columns=(
            Column(_("Asked")),
            Column(_("Answered"), 2),
            Column(_("Outcome")),
            Column(_("Release"), 2),
            Column(_("First token"), 3, number=True),
            Column(_("Total"), 3, number=True),
            Column(_("When")),
        ),
        rows=[] if page is None else _rows(page.rows),
        following=None if page is None else page.next,
        filters=_filters(app),
        panel=_panel(app, asked, now_us, where, full, problem, (since_us, until_us)),
    )


def _panel(
    app: Any, asked: Asked, now_us: int, where: str, full: str,
    problem: FilterError | FilterTooLongError | None, window: tuple[int | None, int | None],
) -> Panel:  # fmt: skip
    kept = {name: asked.get(name) or "" for name in (*_KEPT, "from", "until")} | {"q": asked.q}
    live = bool(asked.get("live")) and problem is None and not asked.before
    turned = {**kept, "live": "" if live else "1"}
    chosen = asked.get("from") or asked.get("until")
    return Panel(
        where=where,
        full=full,
        problem="" if problem is None else problem.message,
        marked="" if problem is None else problem.shown,
        views=[
            Chip(view.name, links.listing("traces", where=view.where, q=view.text),
                 view.where == full and view.text == asked.q)
            for view in app.views.list()
        ],
        picture=None if problem else _picture(app, asked, now_us, full, window, kept),
        fields=[*((f.name, f.says) for f in FIELDS.values()), ("tag.NAME", TAG.says),
                ("attr.NAME", ATTRIBUTE.says)],
        examples=[(text, links.listing("traces", where=text)) for text in EXAMPLES],
        live=live,
        turn=links.listing("traces", **turned),
        stream="/loop/events?" + urlencode({"traces": urlencode(_given(kept)) or "all"}),
        span=_said(window) if chosen else "",
        unspan=links.listing("traces", **{**kept, "from": "", "until": ""}),
        hidden=[(name, kept[name]) for name in ("from", "until", "key", "target") if kept[name]],
    )  # fmt: skip


def _given(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


def _full(where: str, asked: Asked) -> str:
    """Return the filter with what was chosen beside it.

    Raises:
        FilterError, FilterTooLongError: it cannot be read.
    """
    node = parse(where)
    parts = [] if node is None else [f"({spell(node)})"]
    chosen = [
        spell(Compare(Place(field), "=", Text(value)))
        for name, field in _CHOSEN.items()
        if (value := asked.get(name))
    ]
    ended = asked.get("outcome")
    if ended == "failed":
        chosen.append("failed = true")
    elif ended in OUTCOMES:
        chosen.append(f"outcome = {ended}")
    if node is not None and not chosen:
        return spell(node)
    return " and ".join([*parts, *chosen])


def _window(asked: Asked, now_us: int) -> tuple[int | None, int | None]:
    since = SINCE.get(asked.get("since") or "")
    day_us = words.day(asked.get("day") or "")
    if day_us is not None:
        return day_us, day_us + words.DAY_US
    begin, end = _at(asked.get("from"), now_us), _at(asked.get("until"), now_us)
    return (now_us - since if begin is None and since else begin), end


def _at(text: str | None, now_us: int) -> int | None:
    match moment(text or ""):
        case Moment(us):
            return us
        case Ago(us):
            return now_us - us
    return None


def _picture(
    app: Any, asked: Asked, now_us: int, full: str, window: tuple[int | None, int | None],
    kept: dict[str, str],
) -> Pulses | None:  # fmt: skip
    """Count what the filter chooses over time; each column leads to its rows."""
    end_us = window[1] or now_us
    begin_us = window[0] if window[0] is not None else end_us - words.DAY_US
    if begin_us >= end_us:
        return None
    each_us = max(_SECOND_US, -(-(end_us - begin_us) // STRETCHES // _SECOND_US) * _SECOND_US)
    found = {
        one.at_us: one
        for one in app.traces.histogram(
            full, text=asked.q, since_us=begin_us, until_us=end_us, each_us=each_us
        )
    }
    begin_us = begin_us // each_us * each_us
    most = max((one.calls for one in found.values()), default=0)
    if not most:
        return None
    pulses = []
    for at_us in range(begin_us, end_us, each_us):
        one = found.get(at_us)
        if one is None:
            pulses.append(Pulse(0.0, 0.0))
            continue
        href = links.listing("traces", **{
            **kept, "since": "", "from": words.iso(at_us), "until": words.iso(at_us + each_us),
        })  # fmt: skip
        told = _("{when}: {n}, {failed} failed").format(
            when=words.exact(at_us), n=words.count(one.calls), failed=words.count(one.errors)
        )
        good = one.calls - one.errors
        pulses.append(Pulse(good / most, one.errors / most, href, told))
    total = sum(one.calls for one in found.values())
    failed = sum(one.errors for one in found.values())
    note = _("{n} in this time, {failed} failed; up to {most} in {each}").format(
        n=words.count(total), failed=words.count(failed), most=words.count(most),
        each=words.duration(each_us),
    )  # fmt: skip
    return Pulses(_("Over time"), pulses, begin_us=begin_us, end_us=end_us, note=note)


def _said(window: tuple[int | None, int | None]) -> str:
    begin, end = ("…" if us is None else words.exact(us) for us in window)
    return f"{begin} – {end}"


def _headline(app: Any, now_us: int) -> Markup:
    hour = app.traces.counts(now_us - words.HOUR_US)
    total, failed = hour.calls, hour.errors
    if not total:
        return escape(_("No request in the last hour."))
    asked = ngettext("One request", "{n} requests", total).format(n=words.count(total))
    if not failed:
        return escape(_("{asked} in the last hour; all were answered.")).format(asked=asked)
    return escape(_("{asked} in the last hour; {failed}.")).format(
        asked=asked,
        failed=Markup('<a href="{}">{}</a>').format(
            links.listing("traces", outcome="failed", since="1h"),
            ngettext("{n} failed", "{n} failed", failed).format(n=words.count(failed)),
        ),
    )


def _filters(app: Any) -> tuple[Filter, ...]:
    channels = [channel.name for channel in app.releases.channels()]
    outcomes = [("failed", _("failed or cut off")),
                *((key, _(each.word)) for key, each in OUTCOMES.items())]  # fmt: skip
    releases = [each.ref for each in app.catalog.list("release", limit=20)]
    return (
        Filter("channel", _("Channel"), [(name, name) for name in channels]),
        Filter("release", _("Release"), [(ref, ref) for ref in releases]),
        Filter("outcome", _("Outcome"), outcomes),
        Filter("since", _("Time"), [("15m", _("last 15 min")), ("1h", _("last hour")),
                                    ("1d", _("last day")), ("7d", _("last week")),
                                    ("30d", _("last 30 days")), ("90d", _("last 90 days"))]),
    )  # fmt: skip


def _rows(found: Sequence[Any]) -> list[Row]:
    """One row a trace: further steps of it on this page are counted on its first."""
    by_id: dict[str, list[Any]] = {}
    for row in found:
        by_id.setdefault(row.id, []).append(row)
    return [_row(steps[0], len(steps) - 1) for steps in by_id.values()]


def _row(trace: Any, more: int) -> Row:
    href = links.item("traces", trace.id)
    span = isinstance(trace, Span)
    name = trace.name if span else trace.id[:12]
    also = ngettext("and one more step", "and {n} more steps", more).format(n=more) if more else ""
    sub = " · ".join(filter(None, (f"{trace.kind} {trace.service}".strip() if span else "", also)))
    release = links.item("releases", trace.release) if trace.release and not span else None
    candidate = not span and trace.arm == "candidate"
    return Row(
        href=href,
        cells=(
            Cell("ref", words.clip(trace.input_text, 110) or name, href=href, sub=sub or None),
            Cell("text", words.clip(trace.output_text or trace.error, 90)),
            Cell("state", outcome(trace)),
            Cell("ref", trace.release or "–", href=release,
                 sub=_("candidate") if candidate else None),
            Cell("number", words.duration(trace.ttft_us)),
            Cell("number", words.duration(trace.latency_us)),
            Cell("time", trace.began_us),
        ),
        data=trace,
    )  # fmt: skip

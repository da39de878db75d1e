"""The report of a period, for those who do not use the console: one file, nothing loaded from elsewhere.

The same page is shown in the console for printing.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

from volano.monitor.period import COMPARED, Period
from volano.monitor.scorecard import ALL
from volano.web.pages import figures, words
from volano.web.pages.happenings import told
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.render import HEADERS, TEMPLATES, environment

FIRST = ("requests", "availability", "cost", "satisfaction", "task_completion", "revenue")
WORTH = ("satisfaction", "task_completion", "cost_per_request", "cost_per_success", "revenue",
         "revenue_per_request", "margin", "return")  # fmt: skip
_TOLD = {*FIRST, *WORTH, *(name for names in COMPARED.values() for name in names)}
CHARTS = ("requests", "latency_p95", "cost", "revenue")


def html(period: Period, *, workspace: str, now_us: int) -> str:
    """Return the whole report as one page."""
    cards = period.board.cards
    return environment().get_template("paper.html").render(
        period=period, workspace=workspace, style=_style(), now_us=now_us,
        span=_span(period), written=words.exact(now_us), headline=_headline(period),
        first=[_number(cards[name]) for name in FIRST if name in cards],
        charts={
            name: figures.chart(
                cards[name].line, cards[name].kpi, label=figures.title(name),
                currency=cards[name].now.currency,
            )
            for name in CHARTS if name in cards
        },
        worth=[_number(cards[name]) for name in WORTH if name in cards],
        tables={
            name: _table(name, names, some.rows)
            for name, names in COMPARED.items() if (some := period.slices.get(name))
        },
        happened=[_happened(one) for one in period.changes],
        alerts=[_alert(one) for one in period.alerts],
        when=words.exact, count=words.count, title=figures.title,
        capital=words.capital,
        formulas=[card.kpi for name, card in cards.items() if name in _TOLD],
    )  # fmt: skip


def headers() -> dict[str, str]:
    """Return the headers of the page in the console: its own style, nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {**HEADERS, "Content-Security-Policy": policy}


def _style() -> Markup:
    return Markup((TEMPLATES / "paper.css").read_text(encoding="utf-8"))  # noqa: S704 - ours


def _span(period: Period) -> str:
    return _("{begin} to {end}").format(
        begin=words.exact(period.since_us)[:16], end=words.exact(period.until_us)[:16] + " UTC"
    )


def _headline(period: Period) -> str:
    """Say it in one sentence: how much, how well, for how much, what for."""
    cards = {name: one.now for name, one in period.board.cards.items()}
    calls = int(cards["requests"].value or 0)
    if not calls:
        return _("Nobody called in this period.")
    parts = [ngettext("one call", "{n} calls", calls).format(n=words.count(calls))]
    if cards["availability"].value is not None:
        parts.append(_("{share} went well").format(share=_value(period, "availability")))
    parts.append(
        _("they cost {cost}").format(cost=_value(period, "cost"))
        if cards["cost"].value is not None
        else _("what they cost is not measured")
    )
    worth = [name for name in ("revenue", "task_completion", "satisfaction")
             if name in cards and cards[name].value is not None]  # fmt: skip
    if not worth:
        parts.append(_("what they were worth is not measured"))
    elif worth[0] == "revenue":
        parts.append(_("and brought {revenue}").format(revenue=_value(period, "revenue")))
    else:
        parts.append(f"{figures.title(worth[0])}: {_value(period, worth[0])}")
    return words.capital(", ".join(parts)) + "."


def _value(period: Period, name: str) -> str:
    card = period.board.cards[name]
    return figures.value(card.now, card.kpi)


def _number(card: Any) -> dict[str, Any]:
    moved, tone, chance = figures.change(card.now, card.before, card.kpi)
    return {
        "title": figures.title(card.kpi.name), "value": figures.value(card.now, card.kpi),
        "reach": figures.reach(card.now), "n": words.count(card.now.n), "why": card.now.why,
        "measured": card.now.value is not None, "change": moved, "tone": tone, "chance": chance,
        "before": figures.value(card.before, card.kpi), "says": card.kpi.says,
    }  # fmt: skip


def _table(
    name: str, names: Sequence[str], rows: Sequence[tuple[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    shown = ["requests", *(n for n in names if any(n in answers for _v, answers in rows))]
    return {
        "title": {"channel": _("Channel"), "release": _("Release"), "model": _("Model")}[name],
        "columns": [figures.title(n) for n in shown],
        "rows": [
            (words.visible(value or _("none")), [_cell(answers.get(n), n) for n in shown])
            for value, answers in rows
        ],
    }  # fmt: skip


def _cell(answer: Any, name: str) -> tuple[str, str]:
    if answer is None or answer.value is None:
        return "–", ""
    return figures.value(answer, ALL[name]), figures.reach(answer)


def _happened(one: Any) -> dict[str, Any]:
    """Tell an event as the console does, without links: the file leads nowhere."""
    content = {"release": one.release, "rollout": one.release} if one.release else {}
    event = SimpleNamespace(
        at_us=one.at_us, verb=one.verb, subject=one.subject, principal=one.by, content=content
    )
    text = told(event).text.striptags()
    return {"at_us": one.at_us, "text": text, "why": one.why, "by": one.by}


def _alert(one: Mapping[str, Any]) -> dict[str, Any]:
    labels = ", ".join(one["labels"].values())
    lasted = None if one["resolved_us"] is None else one["resolved_us"] - one["fired_us"]
    return {
        **one, "name": f"{one['rule']} ({labels})" if labels else one["rule"],
        "lasted": words.duration(lasted) if lasted is not None else _("goes on"),
    }  # fmt: skip

"""Alerts: what burns now, what may soon, what was; and what is left of what was promised."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.plain import plain
from volano.web.pages.view import Cell, Column, Row, State, Table

_STATES = {
    "pending": State("pending", "wait"),
    "firing": State("firing", "bad"),
    "acknowledged": State("acknowledged", "busy"),
    "resolved": State("over", "good"),
}
_ORDER = {"critical": 0, "warning": 1, "info": 2}
_OVER = 20
_FILTERS = ("channel", "release", "key", "target")
"""What a list of traces can be narrowed by."""


@dataclass(frozen=True, slots=True)
class Card:
    """An alert that is not over, and where its traces are."""

    alert: Any
    state: State
    labels: Sequence[tuple[str, str]]
    href: str
    failed: str
    silenced: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """An SLO: `left` of its error budget as 0..1 for the bar; `tone` says whether it lasts."""

    name: str
    says: str
    state: State
    left: float
    left_text: str
    facts: Sequence[tuple[str, str]]
    href: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The page. `digest` changes when what it says does."""

    headline: Markup
    cards: Sequence[Card]
    budgets: Sequence[Budget]
    sections: Sequence[Table]
    silences: Sequence[Any]
    empty: bool
    data: Any
    digest: str


def look(app: Any, now_us: int) -> Picture:
    """Read the keepers."""
    alerts = list(app.alerts.list(all=True, limit=_OVER))
    rules, silences, slos = app.alerts.rules(), app.alerts.silences(), app.slos.list()
    live = [one for one in alerts if one.state != "resolved"]
    over = [one for one in alerts if one.state == "resolved"]
    live.sort(key=lambda one: (one.state == "pending", _ORDER.get(one.severity, 3), -one.id))
    data = plain({"alerts": alerts, "rules": rules, "silences": silences, "slos": slos})
    return Picture(
        headline=_headline(live, rules, now_us),
        cards=[_card(one, silences) for one in live],
        budgets=[_budget(one) for one in slos],
        sections=[_history(over), _rules(rules), _receivers(app.alerts.receivers())],
        silences=silences,
        empty=not rules and not alerts,
        data=data,
        digest=hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16],
    )


def _headline(live: Sequence[Any], rules: Sequence[Mapping[str, Any]], now_us: int) -> Markup:
    burning = [one for one in live if one.state != "pending"]
    if not rules and not live:
        return escape(_("Nothing is watched yet."))
    if not burning:
        watched = ngettext("one rule watches", "{n} rules watch", len(rules)).format(n=len(rules))
        pending = [one for one in live if one.state == "pending"]
        if pending:
            return escape(_("Nothing burns; {n} may soon.")).format(n=len(pending))
        return escape(_("Nothing burns; {watched}.")).format(watched=watched)
    first = burning[0]
    told = escape(
        ngettext("One alert burns: {rule}", "{n} alerts burn, first of all {rule}", len(burning))
    ).format(
        n=len(burning),
        rule=Markup('<a href="#alert-{}">{}</a>').format(first.id, words.visible(_name(first))),
    )
    since = words.time_tag(first.fired_us, now_us)
    return told + escape(_(", since {when}.")).format(when=since)


def _name(alert: Any) -> str:
    values = ", ".join(alert.labels.values())
    return f"{alert.rule} ({values})" if values else str(alert.rule)


def _card(alert: Any, silences: Sequence[Any]) -> Card:
    found = _STATES[alert.state]
    narrowed = {name: alert.labels.get(name) for name in _FILTERS}
    return Card(
        alert,
        State(_(found.word), found.tone),
        [*alert.labels.items()],
        links.listing("traces", **narrowed, since="1h"),
        links.listing("traces", **narrowed, since="1h", outcome="failed"),
        any(one.covers(alert) for one in silences),
    )


def _budget(slo: Mapping[str, Any]) -> Budget:
    left, burn = slo["left"], slo["burn_rate_1h"]
    if left is None:
        state = State(_("no calls yet"), "off")
    elif left <= 0:
        state = State(_("spent"), "bad")
    elif burn is not None and burn > 1:
        state = State(_("burning"), "wait")
    else:
        state = State(_("lasts"), "good")
    facts = [
        (_("calls"), words.count(slo["calls"])),
        (_("went badly"), words.count(slo["bad"])),
        (_("burn rate, last hour"), "–" if burn is None else f"{burn:.2g}"),
    ]
    narrowed = {name: slo["where"].get(name) for name in _FILTERS}
    failed = "failed" if slo["measure"] == "availability" else None
    return Budget(
        slo["name"], slo["says"], state, min(max(left if left is not None else 1.0, 0.0), 1.0),
        "–" if left is None else f"{left * 100:.0f}\u202f%", facts,
        links.listing("traces", **narrowed, outcome=failed, since="7d"),
    )  # fmt: skip


def _history(over: Sequence[Any]) -> Table:
    return Table(
        _("Over"),
        (Column(_("Alert")), Column(_("How it ended"), 2), Column(_("Burnt"), number=True), Column(_("Ended"))),
        [
            Row(
                "",
                (
                    Cell("text", _name(one)),
                    Cell("text", words.clip(one.told, 120)),
                    Cell("number", words.duration(max(0, one.resolved_us - (one.fired_us or one.pending_us)))),
                    Cell("time", one.resolved_us),
                ),
                one,
            )
            for one in over
        ],
        empty=_("Nothing has burnt yet."),
    )  # fmt: skip


def _rules(rules: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        _("Rules"),
        (Column(_("Rule")), Column(_("What it says"), 2), Column(_("Kind"), 3), Column(_("State"))),
        [
            Row(
                "",
                (
                    Cell("text", one["name"]),
                    Cell("text", _why(one)),
                    Cell("text", f"{one['kind']}, {one['severity']}"),
                    Cell("state", _rule_state(one)),
                ),
                one,
            )
            for one in rules
        ],
        empty=_("No rule yet. This writes some to begin with:"),
        command="volano alert init",
    )  # fmt: skip


def _why(rule: Mapping[str, Any]) -> str:
    """Say why it cannot be judged, or what to do where it burns."""
    return words.clip(rule["summary"] if rule["state"] == "well" else rule["state"], 120) or "–"


def _rule_state(rule: Mapping[str, Any]) -> State:
    if rule["trouble"]:
        return State(_("cannot be judged"), "bad")
    if rule["burning"]:
        return State(_("{n} burning").format(n=rule["burning"]), "bad")
    if rule["state"] != "well":
        return State(_("cannot say yet"), "off")
    return State(_("well"), "good")


def _receivers(receivers: Sequence[Mapping[str, Any]]) -> Table:
    def state(one: Mapping[str, Any]) -> State:
        if one["given_up"]:
            return State(_("{n} given up").format(n=one["given_up"]), "bad")
        if one["waiting"]:
            return State(_("{n} waiting").format(n=one["waiting"]), "wait")
        return State(_("told"), "good")

    return Table(
        _("Who is told"),
        (Column(_("Receiver")), Column(_("State"))),
        [
            Row(
                "",
                (
                    Cell("text", one["name"], sub=words.clip(one["error"] or one["kind"], 100)),
                    Cell("state", state(one)),
                ),
                one,
            )
            for one in receivers
        ],
        empty=_("Nobody is told: alerts show here only. Receivers stand in the files of rules; try one:"),
        command="volano alert test NAME",
    )  # fmt: skip

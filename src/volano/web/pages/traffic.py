"""Traffic: what passes the gateway now and in the last while, how well, and at what cost."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request

from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.nouns import NOUNS
from volano.web.pages.plain import plain
from volano.web.pages.traces import SINCE
from volano.web.pages.view import Cell, Column, Facts, Pulse, Pulses, Row, State, Table
from volano.web.pages.words import money

WINDOWS = ("15m", "1h", "1d")
_EACH_US = {"15m": words.MINUTE_US // 4, "1h": words.MINUTE_US, "1d": 24 * words.MINUTE_US}
_STATES = {
    "closed": State("well", "good"),
    "half-open": State("on trial", "wait"),
    "open": State("passed over", "bad"),
    "resting": State("asked for rest", "wait"),
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """The page. `digest` changes when what it says does."""

    since: str
    windows: Sequence[tuple[str, str]]
    headline: Markup
    sections: Sequence[Any]
    aside: Sequence[Any]
    data: Any
    digest: str


def window(request: Request) -> str:
    """Return which stretch of time was asked for."""
    asked = request.query_params.get("since", "")
    return asked if asked in WINDOWS else "1h"


def look(app: Any, now_us: int, since: str = "1h") -> Traffic:
    """Read the keepers."""
    since_us = now_us - SINCE[since]
    workers, health = app.gateway.status(), app.gateway.health()
    sums = {by: app.traces.traffic(by, since_us) for by in ("", "target", "key_id")}
    sums["channel"] = app.traces.traffic(
        "channel", since_us, [channel.name for channel in app.releases.channels()]
    )
    keys = {key.id: key.name for key in app.keys.list()}
    times = app.traces.stretches(since_us, _EACH_US[since])
    targets = app.targets.list()
    data = plain({
        "since": since, "workers": workers, "health": health, "sums": sums, "times": times,
        "targets": targets,
    })  # fmt: skip
    told = {"15m": _("in the last 15 minutes"), "1h": _("in the last hour"),
            "1d": _("in the last day")}  # fmt: skip
    return Traffic(
        since=since,
        windows=[("15m", _("15 minutes")), ("1h", _("1 hour")), ("1d", _("1 day"))],
        headline=_headline(sums[""], workers, since, told[since]),
        sections=[
            *(
                [
                    _drawing(times, since_us, now_us, _EACH_US[since]),
                    _table(
                        _("By channel"),
                        _("Channel"),
                        sums["channel"],
                        since,
                        "channel",
                        {"": _("unknown")},
                    ),
                    _table(
                        _("By target"),
                        _("Target"),
                        sums["target"],
                        since,
                        "target",
                        {one.name: one.model for one in sums["target"]},
                    ),
                    _table(_("By key"), _("Key"), sums["key_id"], since, "key", keys),
                ]
                if times
                else [_how_to_call(app)]
            ),
            _targets(targets, health, since),
        ],
        aside=[_now(sums[""], workers)],
        data=data,
        digest=hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16],
    )


def _headline(total: Sequence[Any], workers: Sequence[Any], since: str, told: str) -> Markup:
    rate = sum(worker["calls_per_s"] for worker in workers)
    if not total:
        return escape(_("Nobody called {when}.")).format(when=told)
    one = total[0]
    calls = ngettext("One call", "{n} calls", one.calls).format(n=words.count(one.calls))
    if one.errors:
        failed = Markup('<a href="{}">{}</a>').format(
            links.listing("traces", outcome="failed", since=since),
            _("{n} failed").format(n=words.count(one.errors)),
        )
    else:
        failed = escape(_("none failed"))
    now = _("{rate}/s now").format(rate=f"{rate:.1f}")
    return escape(_("{calls} {when}, {failed}; {now}.")).format(
        calls=calls, when=told, failed=failed, now=now
    )


def _now(total: Sequence[Any], workers: Sequence[Any]) -> Facts:
    one = total[0] if total else None

    def number(text: str) -> Cell:
        return Cell("number", text)

    return Facts(
        _("Now"),
        [
            (_("calls a second"), number(f"{sum(w['calls_per_s'] for w in workers):.1f}")),
            (_("under way"), number(words.count(sum(w["in_flight"] for w in workers)))),
            (_("of these streams"), number(words.count(sum(w["streams"] for w in workers)))),
            (_("workers"), number(words.count(len(workers)))),
            (_("median"), number(words.duration(one.p50_us if one else None))),
            (_("95 % within"), number(words.duration(one.p95_us if one else None))),
            (_("cost"), _cost(one) if one else number("–")),
        ],
    )


def _drawing(times: Sequence[Any], since_us: int, now_us: int, each_us: int) -> Pulses:
    found = {one.at_us: one for one in times}
    begin = since_us // each_us * each_us
    at = range(begin, now_us + 1, each_us)
    most = max((one.calls for one in times), default=0)
    pulses = [
        Pulse((found[us].calls - found[us].errors) / most, found[us].errors / most)
        if us in found
        else Pulse(0.0, 0.0)
        for us in at
    ]
    return Pulses(
        _("Calls over time"),
        pulses,
        begin_us=begin,
        end_us=now_us,
        note=_("up to {n} in {time}").format(
            n=words.count(most), time=words.duration(each_us).replace("60.0\u202fs", "1\u202fmin")
        ),
    )


def _how_to_call(app: Any) -> Table:
    address = f"127.0.0.1:{app.settings.port}"
    return Table(
        _("Calls"), (), [], empty=_("A call through the gateway shows here at once:"),
        command=NOUNS["traces"].command.format(address=address),
    )  # fmt: skip


def _table(
    title: str, head: str, sums: Sequence[Any], since: str, filter_: str, called: Mapping[str, str]
) -> Table:
    """Sums by name; `called` says what people call it, where that is not its name."""
    return Table(
        title,
        (Column(head), Column(_("Calls"), number=True), Column(_("Failed"), number=True),
         Column(_("Cost"), number=True),
         Column(_("Median"), 2, number=True), Column(_("95 %"), 2, number=True),
         Column(_("Tokens in"), 3, number=True), Column(_("Tokens out"), 3, number=True)),
        [_row(one, since, filter_, called.get(one.name, "")) for one in sums],
        empty=_("No call here."),
    )  # fmt: skip


def _row(one: Any, since: str, filter_: str, called: str) -> Row:
    query = {filter_: one.name, "since": since}
    href = links.listing("traces", **query) if one.name else None
    failed = links.listing("traces", **query, outcome="failed") if one.name and one.errors else None
    return Row(
        href or "",
        (
            Cell(
                "ref",
                called or one.name or _("none"),
                href=href,
                sub=words.visible(one.name) if called else None,
            ),
            Cell("number", words.count(one.calls)),
            Cell("markup", links.link(failed, words.count(one.errors))),
            _cost(one),
            Cell("number", words.duration(one.p50_us)),
            Cell("number", words.duration(one.p95_us)),
            Cell("number", words.count(one.prompt_tokens)),
            Cell("number", words.count(one.completion_tokens)),
        ),
        one,
    )


def _cost(one: Any) -> Cell:
    """What calls cost together, and how many are not in it, as nobody knows what they cost."""
    left_out = _("{n} unpriced").format(n=words.count(one.unpriced)) if one.unpriced else None
    return Cell("number", money(one.nano), sub=left_out)


def _targets(targets: Sequence[Any], health: Sequence[Any], since: str) -> Table:
    """How the workers see each target; those of an account or a server can be switched off.

    A switch stands once for all models of its target.
    """
    known = {target.name: target for target in targets}
    seen = {row["target"] for row in health}
    off = [t.name for t in targets if t.name not in seen]
    rows = sorted(
        [*health, *({"target": name, "model": "", "state": ""} for name in off)],
        key=lambda row: row["target"],
    )
    models = Counter(row["target"] for row in rows)
    again = [row["target"] == one["target"] for one, row in pairwise([{"target": None}, *rows])]
    return Table(
        _("Targets"),
        (
            Column(_("Target")),
            Column(_("Model"), 2),
            Column(_("State")),
            Column(_("Under way"), 2, number=True),
            Column(_("First content"), 3, number=True),
            Column(_("Switch")),
        ),
        [
            Row(
                "",
                (
                    Cell("text", row["target"]),
                    Cell("text", row["model"] or "–"),
                    Cell("state", _state(row["state"], known.get(row["target"]))),
                    Cell("number", words.count(row.get("in_flight", 0))),
                    Cell("number", words.duration(row.get("latency_us") or None)),
                    Cell(
                        "markup",
                        _switch(known.get(row["target"]), since, models[row["target"]], again=same),
                    ),
                ),
                row,
            )
            for row, same in zip(rows, again, strict=True)
        ],
        empty=_("Nothing is asked by the gateway yet."),
        command="volano target add openai --provider openai",
    )


def _state(state: str, target: Any) -> State:
    if target is not None and not target.enabled:
        return State(_("switched off"), "off")
    found = _STATES.get(state, State("not used", "off"))
    return State(_(found.word), found.tone)


def _switch(target: Any, since: str, models: int, *, again: bool) -> Markup:
    """A form of one button; what runs here has none: its channel says whether it serves."""
    if target is None:
        return Markup("")
    if again:
        return Markup('<span class="sub">{}</span>').format(_("as above"))
    turn, word = ("disable", _("Turn off")) if target.enabled else ("enable", _("Turn on"))
    reach = (
        Markup(' <span class="sub">{}</span>').format(
            _("all {n} models").format(n=words.count(models))
        )
        if models > 1
        else ""
    )
    return Markup(
        '<form class="switch" method="post" action="/traffic/target?since={}">'
        '<input type="hidden" name="target" value="{}">'
        '<input type="hidden" name="turn" value="{}">'
        '<button type="submit">{}<span class="sr"> {}</span></button>{}</form>'
    ).format(since, target.name, turn, word, words.visible(target.name), reach)

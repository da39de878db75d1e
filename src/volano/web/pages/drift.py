"""Drift: has the traffic moved since a pinned window? One page for all references, one for a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.plain import plain
from volano.web.pages.view import Cell, Column, Facts, Row, State, Table

STATES = {
    "drift": State("drift", "bad"),
    "none": State("has not moved", "good"),
    "insufficient evidence": State("insufficient evidence", "wait"),
    "not looked yet": State("not looked yet", "off"),
}
_ORDER = {"drift": 0, "insufficient evidence": 1, "none": 2}
_EXAMPLES = 3
_BAR, _HIGH = 12, 34
_RECT = Markup('<rect class="{}" x="{}" y="{}" width="4.5" height="{}"/>')


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its answer, its sections, the facts at the side. `command` fills an empty one."""

    title: str
    headline: Markup
    sections: Sequence[Any]
    aside: Sequence[Any]
    data: Any
    command: str = ""
    up: bool = False
    state: State | None = None


def overview(app: Any) -> Page:
    """Say of each reference whether traffic has moved since."""
    rows = app.drift.list()
    command = "" if rows else "volano drift pin NAME --channel CHANNEL --last 7d --every 1d"
    return Page(
        _("Drift"), _answer(rows), [_references(rows)] if rows else [], [], {"references": rows},
        command=command,
    )  # fmt: skip


def look(app: Any, key: str, now_us: int) -> Page:
    """Show one look; the key may be a reference's name, for its last one."""
    found = app.drift.show(key)
    traces = {
        one for topic in found.topics for one in topic.ids[:_EXAMPLES] if topic.moved
    }  # fmt: skip
    texts = app.traces.by_ids(traces) if traces else {}
    reference = next((r for r in app.drift.references() if r.name == found.reference), None)
    channel = reference.channel if reference else ""
    return Page(
        found.reference,
        _told(found, now_us),
        [*_topics(found, texts), *_findings(found, channel)],
        [_facts(found, reference)],
        found,
        command=f"volano drift dataset {found.id} --name moved" if found.state == "drift" else "",
        up=True,
        state=_state(found.state),
    )


def picture(bars: Sequence[tuple[str, float, float]]) -> Markup:
    """Draw shares before (outlined) and after (filled), bin by bin."""
    if not bars:
        return Markup("")
    most = max(max(a, b) for _, a, b in bars) or 1.0
    width = len(bars) * _BAR
    parts = []
    for at, (_name, before, after) in enumerate(bars):
        a, b = before / most * (_HIGH - 2), after / most * (_HIGH - 2)
        parts.append(_RECT.format("before", at * _BAR + 1, f"{_HIGH - a:.1f}", f"{a:.1f}"))
        parts.append(_RECT.format("after", at * _BAR + 6, f"{_HIGH - b:.1f}", f"{b:.1f}"))
    said = "; ".join(f"{name}: {a:.0%} → {b:.0%}" for name, a, b in bars)
    label = escape(words.clip(said, 600))
    drawn = Markup("").join(parts)
    return Markup(
        '<svg class="moved" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
        '<title>{label}</title><line class="tick" x1="0" x2="{w}" y1="{h}" y2="{h}"/>{bars}</svg>'
    ).format(w=width, h=_HIGH, label=label, bars=drawn)


def _answer(rows: Sequence[Any]) -> Markup:
    if not rows:
        return escape(_("Nothing is pinned yet: say which traffic later traffic should be like."))
    moved = [row for row in rows if row["state"] == "drift"]
    if moved:
        links_ = Markup(", ").join(
            links.link(f"/drift/{row['look']}", f"{row['name']} ({row['moved']})") for row in moved
        )
        return escape(_("Yes: {what} moved.")).format(what=links_)
    open_ = sum(row["state"] != "none" for row in rows)
    if not open_:
        return escape(_("No: nothing has moved since it was pinned."))
    if open_ == len(rows):
        return escape(_("Not known: there is too little to tell by."))
    return escape(
        ngettext(
            "Nothing is seen to move, but of one reference there is too little to tell.",
            "Nothing is seen to move, but of {n} references there is too little to tell.", open_,
        )
    ).format(n=open_)  # fmt: skip


def _references(rows: Sequence[Any]) -> Table:
    return Table(
        _("References"),
        (Column(_("Reference")), Column(_("Has it moved?")), Column(_("What"), 2),
         Column(_("Calls pinned"), 3, number=True), Column(_("Looks"), 2), Column(_("Last look"))),
        [
            Row(
                f"/drift/{row['look']}",
                (
                    Cell("ref", row["name"], href=f"/drift/{row['look']}" if row["look"] else None,
                         sub=row["channel"] or None),
                    Cell("state", _state(row["state"])),
                    Cell("text", row["moved"] or "–"),
                    Cell("number", words.count(row["n"])),
                    Cell("text", _("by itself, every {time}").format(time=row["every"])
                         if row["every"] != "never" else _("when asked")),
                    Cell("time", row["looked_us"] or None),
                ),
                row,
            )
            for row in rows
        ],
    )  # fmt: skip


def _told(found: Any, now_us: int) -> Markup:
    when = words.time_tag(found.at_us, now_us)
    if found.state == "drift":
        return escape(_("Yes: {what} moved, seen {when}.")).format(what=found.moved, when=when)
    if found.state == "none":
        return escape(_("No: nothing has moved as far as was asked for, seen {when}.")).format(
            when=when
        )
    if found.needed is None:
        return escape(_("Not known: too few calls passed to tell, seen {when}.")).format(when=when)
    return escape(
        _("Not known: {n} users or sessions were seen, {needed} would tell, seen {when}.")
    ).format(n=words.count(found.units), needed=words.count(found.needed), when=when)


def _topics(found: Any, texts: Any) -> list[Table]:
    """Tables of the topics that moved, with calls to read."""
    tables = []
    for signal, title in (("input", _("What is asked")), ("output", _("What is answered"))):
        seen = any(f.signal == signal and f.state == "drift" for f in found.findings)
        rows = (
            [_topic(t, texts) for t in found.topics if t.signal == signal and t.moved]
            if seen
            else []
        )
        if rows:
            tables.append(
                Table(
                    _("{what}: topics that moved").format(what=title),
                    (Column(_("Words")), Column(_("Before"), number=True),
                     Column(_("After"), number=True), Column(_("Such as"), 2)),
                    rows,
                )
            )  # fmt: skip
    return tables


def _topic(topic: Any, texts: Any) -> Row:
    examples = Markup("<br>").join(
        links.link(links.item("traces", one), words.clip(getattr(
            texts[one], f"{topic.signal}_text"), 48) if one in texts else one[:12])
        for one in topic.ids[:_EXAMPLES]
    )  # fmt: skip
    return Row(
        "",
        (
            Cell(
                "ref",
                " · ".join(topic.words[:5]) or _("topic {n}").format(n=topic.number),
                href=links.item("traces", topic.ids[0]) if topic.ids else None,
            ),
            Cell("markup", _share(topic.before)),
            Cell("markup", _share(topic.after)),
            Cell("markup", examples or Markup("–")),
        ),
        topic,
    )


def _share(share: Any) -> Markup:
    value, low, high = share
    return Markup('<span class="num">{}</span> <span class="sub num">{}</span>').format(
        f"{value:.0%}", f"{low:.0%}–{high:.0%}"
    )


def _findings(found: Any, channel: str) -> list[Table]:
    """A table for the whole, and one for each slice: what moved first."""
    tables = []
    names = dict.fromkeys(["all", *sorted(f.slice for f in found.findings)])
    for name in names:
        asked = [f for f in found.findings if f.slice == name]
        if asked:
            asked.sort(key=lambda f: _ORDER[f.state])
            title = _("All of it") if name == "all" else name.replace("=", ": ")
            tables.append(_questions(title, asked, _where(name, channel)))
    return tables


def _where(slice_: str, channel: str) -> dict[str, str]:
    """Return the filters of the list of traces that lead to a slice."""
    dimension, _eq, value = slice_.partition("=")
    here = {"channel": channel, "since": "1d"}
    return {**here, dimension: value} if dimension in {"channel", "release", "key"} else here


def _questions(title: str, asked: Sequence[Any], where: dict[str, str]) -> Table:
    href = links.listing("traces", **where)
    return Table(
        title,
        (Column(_("Signal")), Column(_("Has it moved?")), Column(_("Picture")),
         Column(_("How far"), 2, number=True), Column("p", 3, number=True),
         Column(_("Calls"), 2, number=True), Column(_("Needed"), 3, number=True)),
        [
            Row(
                href,
                (
                    Cell("ref", _signal(f.signal), href=href, sub=_middle(f)),
                    Cell("state", _state(f.state)),
                    Cell("markup", picture(f.picture)),
                    Cell("number", "–" if f.effect is None else f"{f.effect:.0%}"),
                    Cell("number", "–" if f.p is None else f"{f.p:.2g}"),
                    Cell("markup", links.link(href, f"{f.before[0]} → {f.after[0]}")),
                    Cell("number", "–" if f.needed is None else words.count(f.needed)),
                ),
                f,
            )
            for f in asked
        ],
    )  # fmt: skip


def _signal(name: str) -> str:
    known = {
        "input": _("what is asked"), "output": _("what is answered"),
        "input length": _("length of the question"), "output length": _("length of the answer"),
        "latency": _("latency"), "cost": _("cost"), "language": _("language"),
        "outcome": _("outcome"),
    }  # fmt: skip
    return known.get(name, name.replace("quality ", _("quality: ")))


def _middle(finding: Any) -> str | None:
    if finding.middle is None:
        return None
    before, after = finding.middle
    if finding.signal == "latency":
        return f"{words.duration(round(before))} → {words.duration(round(after))}"
    if finding.signal == "cost":
        return f"{before / 1e9:.6f} → {after / 1e9:.6f}"
    return f"{words.number(round(before, 3))} → {words.number(round(after, 3))}"


def _facts(found: Any, reference: Any) -> Facts:
    facts = [
        (_("window from"), Cell("time", found.since_us)),
        (_("until"), Cell("time", found.until_us)),
        (_("calls"), Cell("number", words.count(found.n))),
        (_("users, sessions"), Cell("number", words.count(found.units))),
        (_("level"), Cell("number", f"{found.level:.2g}")),
        (_("look"), Cell("code", found.id)),
    ]
    if reference is not None:
        facts += [
            (_("reference"), Cell("text", reference.ref)),
            (_("pinned from"), Cell("time", reference.since_us)),
            (_("until"), Cell("time", reference.until_us)),
            (_("calls pinned"), Cell("number", words.count(reference.n))),
        ]
    return Facts(_("Compared"), facts)


def _state(state: str) -> State:
    found = STATES[state]
    return State(_(found.word), found.tone)


def data(page: Page) -> Any:
    """Return the plain values behind a page."""
    value = page.data
    return plain(value.to_dict() if hasattr(value, "to_dict") else value)

"""Feedback: what people, programs and judges said about answers."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, voices, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import (
    Asked,
    Cell,
    Code,
    Column,
    Facts,
    Filter,
    Item,
    Listing,
    Row,
    State,
    Table,
    Tone,
)

_SCANNED = 2_000
SINCE = {"1h": words.HOUR_US, "1d": words.DAY_US, "7d": 7 * words.DAY_US}


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """Count what was said by release or channel, then list it, newest first.

    The text is looked for in comments and corrections. Release and channel are those of the
    trace; what waits for its trace has neither.
    """
    since = SINCE.get(asked.get("since") or "")
    since_us = now_us - since if since else None
    everything = app.feedbacks.list(
        name=asked.get("name"), since_us=since_us, limit=_SCANNED, before_seq=asked.cursor
    )
    found = [voice for voice in app.feedbacks.joined(everything) if _fits(voice, asked)]
    shown, more = found[: asked.limit], len(found) > asked.limit
    first = not asked.before
    return Listing(
        headline=_headline(app, now_us),
        columns=_columns(),
        rows=[_row(voice) for voice in shown],
        following=str(shown[-1].feedback.seq) if more and shown else None,
        filters=_filters(app, asked),
        sections=voices.sections(app, asked, since_us) if first and everything else (),
    )


def _fits(voice: Any, asked: Asked) -> bool:
    each, place = voice.feedback, voice.place
    if (
        asked.q
        and asked.q.casefold()
        not in (
            f"{each.name} {each.given} {each.comment} {each.correction} {each.by} {each.source_name} "
            f"{each.about}"
        ).casefold()
    ):
        return False
    if asked.get("waits") and not voice.waits:
        return False
    return (
        asked.get("source") in (None, each.source)
        and asked.get("release") in (None, place.release if place else "")
        and asked.get("channel") in (None, place.channel if place else "")
    )


def _filters(app: Any, asked: Asked) -> list[Filter]:
    names = sorted({each.name for each in app.feedbacks.list(limit=500)})
    narrowed = [
        Filter(name, title, [(value, value)])
        for name, title in (("release", _("Release")), ("channel", _("Channel")))
        if (value := asked.get(name))
    ]
    return [
        *narrowed,
        Filter("name", _("Name"), [(name, name) for name in names]),
        Filter("by", _("Counted by"), [("release", _("release")), ("channel", _("channel")),
                                       ("source", _("source")), ("day", _("day"))]),
        Filter("source", _("From"), [("person", _("people")), ("program", _("programs")),
                                     ("judge", _("judges"))]),
        Filter("since", _("Since"), [("1h", _("1 hour")), ("1d", _("1 day")),
                                     ("7d", _("7 days"))]),
        Filter("waits", _("Trace"), [("yes", _("not there yet"))]),
    ]  # fmt: skip


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one piece of feedback, with a way to its trace and to what was said before it."""
    given = app.feedbacks.get(key)
    [voice] = app.feedbacks.joined([given])
    texts = ((_("Correction"), given.correction), (_("Comment"), given.comment))
    told = [
        (_("about"), Cell("text", given.about)),
        (_("trace"), _trace_cell(voice)),
        (_("metric"), Cell("text", given.metric or _("a free name"))),
        (_("source"), Cell("text", _source(given))),
        (_("by"), Cell("text", given.by)),
        (_("group"), Cell("text", given.group or "–")),
        (_("given"), Cell("time", given.at_us)),
        (_("id"), Cell("code", given.id)),
    ]
    if given.confidence is not None:
        told.insert(4, (_("confidence"), Cell("number", f"{given.confidence:g}")))
    return Item(
        title=given.name,
        headline=escape(_("{by} said {name} = {value} about {trace}, {when}.")).format(
            by=words.visible(given.source_name or given.by),
            name=words.visible(given.name),
            value="–" if given.given is None else words.visible(_told(given.given)),
            trace=links.link(
                links.item("traces", voice.place.trace_id) if voice.place else None,
                _("this answer") if given.level == "trace" else given.about,
            ),
            when=words.time_tag(given.at_us, now_us),
        ),
        state=verdict(given),
        sections=[
            *(Code(title, text, open=True) for title, text in texts if text),
            *_thread(app, given),
        ],
        aside=[Facts(_("Facts"), told)],
        data=given,
    )


def _thread(app: Any, given: Any) -> list[Table]:
    """Return all that was said in this thread, where that is more than once."""
    thread = app.feedbacks.history(given.id)
    if len(thread) < 2:
        return []
    rows = [
        Row(links.item("feedback", each.id),
            (Cell("ref", _told(each.given), href=links.item("feedback", each.id)),
             Cell("state", _standing(each)), Cell("text", each.by), Cell("time", each.at_us)), each)
        for each in reversed(thread)
    ]  # fmt: skip
    columns = (Column(_("Said")), Column(_("State")), Column(_("By"), 2), Column(_("When")))
    return [Table(_("Said before, and after"), columns, rows)]


def _standing(given: Any) -> State:
    if given.retracted:
        return State(_("taken back"), "bad")
    return State(_("holds"), "good") if given.current else State(_("superseded"), "off")


def _told(given: Any) -> str:
    return "–" if given is None else f"{given:g}" if isinstance(given, float) else str(given)


def _source(given: Any) -> str:
    kind = {"person": _("person"), "program": _("program"), "judge": _("judge")}
    told = kind.get(given.source, given.source)
    return f"{told} {given.source_name}" if given.source_name else told


def _trace_cell(voice: Any) -> Cell:
    if voice.place is not None:
        trace = voice.place.trace_id
        return Cell("ref", trace, href=links.item("traces", trace))
    return Cell("text", voice.why or _("of no one trace"))


def feedback_table(given: Sequence[Any], *, trace_id: str) -> Table:
    """Return the feedback on one trace, or the command that gives some."""
    return Table(
        _("Feedback"),
        (Column(_("Name")), Column(_("Value")), Column(_("Said")), Column(_("By"), 2),
         Column(_("When"), 2)),
        [
            Row(links.item("feedback", each.id),
                (Cell("ref", each.name, href=links.item("feedback", each.id)),
                 Cell("state", verdict(each)),
                 Cell("text", words.clip(each.correction or each.comment, 140)),
                 Cell("text", each.by), Cell("time", each.at_us)), each)
            for each in given
        ],
        empty=_("Nobody has said anything about this answer."),
        command=f"volano feedback add {trace_id} --name correct --value 0",
    )  # fmt: skip


def verdict(given: Any) -> State:
    """Return the value in a word: right, wrong, or what was given itself."""
    if given.retracted:
        return State(_("taken back"), "off")
    if given.given is None:
        return State(_("note"), "off")
    tone: Tone = "busy" if given.value is None else "wait" if given.value < 0.5 else "good"
    if given.category is not None or given.nano is not None:
        bad = given.value == 0
        return State(words.clip(given.given, 40), "bad" if bad else tone)
    if given.value not in (0, 1):
        number = given.given if given.metric else given.value
        return State(f"{number:g}" if given.metric else f"{number:.2f}", tone)
    if given.metric:
        return State(_("yes") if given.number else _("no"), "good" if given.value else "bad")
    return State(_("right"), "good") if given.value else State(_("wrong"), "bad")


def _headline(app: Any, now_us: int) -> Markup:
    day = app.feedbacks.list(since_us=now_us - words.DAY_US, limit=_SCANNED)
    waits = sum(voice.waits for voice in app.feedbacks.joined(day))
    if not day:
        return escape(_("Nobody said anything in the last day."))
    fixed = sum(1 for each in day if each.correction)
    told = ngettext("One voice in the last day", "{n} voices in the last day", len(day))
    more = ngettext("; one brings a correction", "; {n} bring a correction", fixed) if fixed else ""
    held = ngettext("one waits for its trace", "{n} wait for their trace", waits)
    tail: str | Markup = "."
    if waits:
        href = links.listing("feedback", waits="yes", since="1d")
        tail = Markup("; {}.").format(links.link(href, held.format(n=words.count(waits))))
    return Markup("{}{}{}").format(
        told.format(n=words.count(len(day))), more.format(n=words.count(fixed)), tail
    )


def _columns() -> tuple[Column, ...]:
    return (
        Column(_("Said")),
        Column(_("Value")),
        Column(_("Name"), 2),
        Column(_("About"), 2),
        Column(_("By"), 3),
        Column(_("When")),
    )


def _row(voice: Any) -> Row:
    given, place = voice.feedback, voice.place
    href = links.item("feedback", given.id)
    about = given.trace_id[:12] if given.level == "trace" else given.about
    trace = links.item("traces", place.trace_id) if place else None
    said = given.correction or given.comment or given.name
    return Row(
        href,
        (
            Cell("ref", words.clip(said, 120), href=href),
            Cell("state", verdict(given)),
            Cell("text", given.name),
            Cell("ref", words.clip(about, 40), href=trace,
                 sub=_("not there yet") if voice.waits else None),
            Cell("text", given.source_name or given.by),
            Cell("time", given.at_us),
        ),
        given,
    )  # fmt: skip

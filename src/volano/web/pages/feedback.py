"""Feedback: what people, programs and judges said about answers."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.core.errors import NotFoundError
from volano.web.pages import links, words
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
)

_SCANNED = 2_000


class UnknownFeedbackError(NotFoundError):
    """There is no feedback `{id}`."""

    hint = "See what there is with `volano feedback list`."


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List feedback, newest first; the text is looked for in comments and corrections."""
    everything = app.feedbacks.list(name=asked.get("name"), limit=_SCANNED, before_seq=asked.cursor)
    wanted = asked.q.casefold()
    found = [
        each for each in everything
        if not wanted
        or wanted in f"{each.name} {each.comment} {each.correction} {each.by}".casefold()
    ]  # fmt: skip
    shown, more = found[: asked.limit], len(found) > asked.limit
    names = sorted({each.name for each in app.feedbacks.list(limit=500)})
    return Listing(
        headline=_headline(app, now_us),
        columns=_columns(),
        rows=[_row(each) for each in shown],
        following=str(shown[-1].seq) if more and shown else None,
        filters=[Filter("name", _("Name"), [(name, name) for name in names])],
    )


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one piece of feedback, with a way to its trace."""
    given = next((f for f in app.feedbacks.list(limit=_SCANNED) if f.id == key), None)
    if given is None:
        raise UnknownFeedbackError(id=key)
    texts = ((_("Correction"), given.correction), (_("Comment"), given.comment))
    return Item(
        title=given.name,
        headline=escape(_("{by} said {name} = {value} about {trace}, {when}.")).format(
            by=words.visible(given.by),
            name=words.visible(given.name),
            value="–" if given.value is None else f"{given.value:g}",
            trace=links.link(links.item("traces", given.trace_id), _("this answer")),
            when=words.time_tag(given.at_us, now_us),
        ),
        state=verdict(given),
        sections=[Code(title, text, open=True) for title, text in texts if text],
        aside=[
            Facts(
                _("Facts"),
                [
                    (_("trace"), Cell("ref", given.trace_id,
                                      href=links.item("traces", given.trace_id))),
                    (_("by"), Cell("text", given.by)),
                    (_("group"), Cell("text", given.group or "–")),
                    (_("given"), Cell("time", given.at_us)),
                    (_("id"), Cell("code", given.id)),
                ],
            )
        ],
        data=given,
    )  # fmt: skip


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
    """Return the value in a word: right, wrong, or the number itself."""
    if given.value is None:
        return State(_("note"), "off")
    if given.value in (0, 1):
        return State(_("right"), "good") if given.value else State(_("wrong"), "bad")
    return State(f"{given.value:.2f}", "wait" if given.value < 0.5 else "good")


def _headline(app: Any, now_us: int) -> Markup:
    day = app.feedbacks.list(since_us=now_us - words.DAY_US, limit=_SCANNED)
    if not day:
        return escape(_("Nobody said anything in the last day."))
    fixed = sum(1 for each in day if each.correction)
    told = ngettext("One voice in the last day", "{n} voices in the last day", len(day))
    more = ngettext("; one brings a correction.", "; {n} bring a correction.", fixed)
    return Markup("{}{}").format(
        told.format(n=words.count(len(day))), more.format(n=words.count(fixed))
    )


def _columns() -> tuple[Column, ...]:
    return (
        Column(_("Said")),
        Column(_("Value")),
        Column(_("Name"), 2),
        Column(_("Trace"), 2),
        Column(_("By"), 3),
        Column(_("When")),
    )


def _row(given: Any) -> Row:
    href = links.item("feedback", given.id)
    return Row(
        href,
        (
            Cell(
                "ref", words.clip(given.correction or given.comment or given.name, 120), href=href
            ),
            Cell("state", verdict(given)),
            Cell("text", given.name),
            Cell("ref", given.trace_id[:12], href=links.item("traces", given.trace_id)),
            Cell("text", given.by),
            Cell("time", given.at_us),
        ),
        given,
    )

"""Sessions: conversations, the one seen last first; and one of them, what is new in each turn."""

from typing import Any

from markupsafe import Markup, escape

from volano.core.errors import NotFoundError
from volano.traces.sessions import feedback_of
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.plain import plain
from volano.web.pages.trace_step import messages
from volano.web.pages.view import (
    Asked,
    Cell,
    Column,
    Dialogue,
    Facts,
    Item,
    Listing,
    Row,
    State,
    Turn,
)
from volano.web.pages.words import money

_JUDGED = 100
"""Feedback is looked up on so many of a session's newest traces."""


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List sessions; a filter names one exactly."""
    found = _named(app, asked.q) if asked.q else app.sessions.list(
        limit=asked.limit + 1, before=asked.before
    )  # fmt: skip
    shown, more = found[: asked.limit], len(found) > asked.limit
    return Listing(
        headline=_headline(shown, now_us),
        columns=(
            Column(_("Session")), Column(_("User"), 2), Column(_("Turns"), number=True),
            Column(_("Failed")), Column(_("Feedback"), 2), Column(_("Cost"), 2, number=True),
            Column(_("Seen last")),
        ),
        rows=[_row(app, each) for each in shown],
        following=f"{shown[-1].last_us}:{shown[-1].id}" if more and shown else None,
    )  # fmt: skip


def item(app: Any, key: str, now_us: int, *, after: str | None = None) -> Item:
    """Show one session, from its beginning or from where the last page ended."""
    session = app.sessions.get(key)
    found = app.sessions.show(key, limit=20, after=after)
    turns = [_turn(each) for each in found.turns]
    going_on = f"{links.item('sessions', key)}?after={found.following}" if found.following else None
    good, given = _scores(app, session)
    return Item(
        title=key,
        headline=escape(
            ngettext("One turn, seen last {when}.", "{n} turns, seen last {when}.", found.total)
        ).format(n=words.count(found.total), when=words.time_tag(session.last_us, now_us)),
        sections=[Dialogue(_("Conversation"), turns, going_on, links.item("sessions", key) if after else None)],
        aside=[
            Facts(_("Session"), [
                (_("user"), Cell("text", session.unit or "–")),
                (_("turns"), Cell("number", words.count(found.total))),
                (_("failed"), Cell("number", _some(session, session.failed))),
                (_("cost"), Cell("number", _least(session, money(session.nano)))),
                (_("feedback"), Cell("text", _said(good, given))),
            ]),
        ],
        data={**plain(session), **plain(found)},
    )  # fmt: skip


def _named(app: Any, q: str) -> tuple[Any, ...]:
    try:
        return (app.sessions.get(q),)
    except NotFoundError:
        return ()


def _headline(shown: Any, now_us: int) -> Markup:
    if not shown:
        return escape(_("No session."))
    return escape(_("The last one spoke {when}.")).format(
        when=words.time_tag(shown[0].last_us, now_us)
    )


def _row(app: Any, session: Any) -> Row:
    href = links.item("sessions", session.id)
    good, given = _scores(app, session)
    failed = (
        State(_some(session, session.failed), "bad") if session.failed else State(_("none"), "good")
    )
    return Row(
        href,
        (
            Cell("ref", words.clip(session.id, 80), href=href),
            Cell("text", session.unit or "–"),
            Cell("number", _some(session, session.turns)),
            Cell("state", failed),
            Cell("text", _said(good, given)),
            Cell("number", _least(session, money(session.nano))),
            Cell("time", session.last_us),
        ),
        session,
    )


def _scores(app: Any, session: Any) -> tuple[int, int]:
    """Return how much of the newest feedback on a session is good, and how much there is."""
    ids = session.traces[:_JUDGED]
    return feedback_of(said.value for said in app.feedbacks.on(ids, until_seq=1 << 62))


def _said(good: int, given: int) -> str:
    return _("{good} of {given} good").format(good=good, given=given) if given else "–"


def _some(session: Any, n: int) -> str:
    return words.count(n) if session.whole else f"{words.count(n)}+"


def _least(session: Any, text: str) -> str:
    return text if session.whole or text == "–" else f"{text}+"


def _turn(turn: Any) -> Turn:
    bad = turn.outcome in ("error", "cut")
    return Turn(
        links.item("traces", turn.trace_id), turn.began_us, messages(turn.said),
        words.duration(turn.latency_us), money(turn.nano) if turn.nano else "",
        State(_("failed"), "bad") if bad else None, turn.error or "",
    )  # fmt: skip

"""Judges: which may be believed alone? How far people agree with each, and what it asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.evals.judges.telling import spelt
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, State, Table

Listed = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its answer, and the table; `command` fills an empty one."""

    headline: Markup
    table: Table | None
    command: str
    data: Any


def overview(app: Any) -> Page:
    """Say of the newest version of every judge how far it may be believed."""
    found = app.judges.newest()
    return Page(
        _answer(found), table(found) if found else None,
        "" if found else "volano judge save FILE", {"judges": found},
    )  # fmt: skip


def table(found: Listed, *, more: str = "") -> Table:
    """Return the judges as a table; `more` is where there is more of them."""
    columns = (
        Column(_("Judge")), Column(_("Asks"), 2), Column(_("Trust")),
        Column(_("Agreement with people")), Column(_("Rows"), 3, number=True),
        Column(_("Check"), 2), Column(_("Checked"), 3),
    )  # fmt: skip
    return Table(_("Judges"), columns, [_row(one) for one in found], more=more or None)


def _row(one: Mapping[str, Any]) -> Row:
    check = one["check"]
    href = links.artifact("report", check) if check else None
    cells = (
        Cell("text", one["judge"], sub=one["kind"] or None),
        Cell("text", one["model"] or ", ".join(one["judges"]) or "–", sub=_pinned(one)),
        Cell("state", trust(one)),
        Cell("text", _agreement(one)),
        Cell("number", words.count(one["n"]) if check else "–"),
        Cell("ref", check or "–", href=href),
        Cell("time", one["checked_us"]) if check else Cell("text", "–"),
    )
    return Row(href or "", cells, one)


def trust(one: Mapping[str, Any]) -> State:
    """Return whether a judge may be believed alone."""
    if one["trusted"]:
        return State(_("checked"), "good")
    return State(_("not alone") if one["check"] else _("not checked"), "wait")


def _pinned(one: Mapping[str, Any]) -> str | None:
    """Say whether what it asks can change."""
    if one["pinned"]:
        return _("pinned")
    return _("a provider may change it") if one["model"] else None


def _agreement(one: Mapping[str, Any]) -> str:
    if one["check"] is None:
        return _("never checked against people")
    return _("kappa {kappa}").format(kappa=spelt(one["kappa"]))


def _answer(found: Listed) -> Markup:
    if not found:
        return escape(_("No model judges answers yet."))
    good = sum(bool(one["trusted"]) for one in found)
    said = ngettext(
        "One of {of} may be believed alone.", "{n} of {of} may be believed alone.", good
    )
    if left := sum(one["check"] is None for one in found):
        said += " " + ngettext(
            "One was never checked against people.",
            "{left} were never checked against people.", left,
        )  # fmt: skip
    return escape(said).format(
        n=words.count(good), of=words.count(len(found)), left=words.count(left)
    )

"""Two traces side by side: what differs, word by word and step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.core.errors import NotFoundError
from volano.web.pages import words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

CANDIDATES = 12
_PLAIN = {"latency_us": "duration", "ttft_us": "duration", "cost_nano": "nano", "share": "share"}


@dataclass(frozen=True, slots=True)
class Diff:
    """The page. `difference` is None where one of the two ids is not given yet."""

    a: str
    b: str
    headline: Markup
    difference: Any
    fields: Table | None
    steps: Table | None
    others: Table | None


def look(app: Any, a: str, b: str) -> Diff:
    """Compare, or offer what to compare with.

    Raises:
        NotFoundError: nothing was recorded under one of these ids.
    """
    if not a or not b:
        return Diff(a, b, escape(_("Which two traces?")), None, None, None, _others(app, a or b))
    found = app.traces.diff(a, b)
    return Diff(a, b, _headline(found), found, _fields(found), _steps(found), None)


def _headline(found: Any) -> Markup:
    if found.same:
        return escape(_("The two say the same; only times may differ."))
    said = []
    if found.fields:
        n = len(found.fields)
        said.append(ngettext("one field differs", "{n} fields differ", n).format(n=n))
    for name, pieces in ((_("input"), found.input), (_("output"), found.output)):
        gone, new = (sum(len(p.text.split()) for p in pieces if p.of == of) for of in ("a", "b"))
        if gone or new:
            said.append(_("{name} −{gone} +{new} words").format(name=name, gone=gone, new=new))
    return escape(words.capital(", ".join(said)) + ".")


def _fields(found: Any) -> Table:
    return Table(
        _("Fields"),
        (Column(_("Field")), Column("A"), Column("B")),
        [
            Row(
                "",
                (Cell("text", each.name.removesuffix("_us").replace("_", " ")),
                 Cell("text", _shown(each.name, each.a)), Cell("text", _shown(each.name, each.b))),
                each,
            )
            for each in found.fields
        ],
        empty=_("All fields are the same."),
    )  # fmt: skip


def _shown(name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    kind = _PLAIN.get(name)
    if kind == "duration":
        return words.duration(value)
    if kind == "share":
        return words.percent(value)
    if kind == "nano":
        return f"{value / 1e9:.6f}".rstrip("0").rstrip(".")
    return str(value)


def _steps(found: Any) -> Table:
    return Table(
        _("Steps"),
        (Column(_("Step")), Column("A", number=True), Column("B", number=True),
         Column(_("Change"), number=True)),
        [
            Row(
                "",
                (Cell("text", step.name), Cell("number", words.duration(step.a_us)),
                 Cell("number", words.duration(step.b_us)), Cell("number", _change(step))),
                step,
            )
            for step in found.steps
        ],
    )  # fmt: skip


def _change(step: Any) -> str:
    if step.a_us is None:
        return _("new")
    if step.b_us is None:
        return _("gone")
    return f"{step.b_us / step.a_us:.2f} ×" if step.a_us else "–"


def _others(app: Any, chosen: str) -> Table | None:
    """Offer traces of the same channel, the newest first."""
    if not chosen:
        return None
    try:
        head = app.traces.get(chosen)
        found: Sequence[Any] = app.traces.list(channel=head.channel, limit=CANDIDATES + 1)
    except NotFoundError:
        found = []
    return Table(
        _("Compare with"),
        (Column(_("Asked")), Column(_("Answered"), 2), Column(_("Release")), Column(_("When"))),
        [
            Row(
                href,
                (Cell("ref", words.clip(one.input_text, 90) or one.id[:12], href=href),
                 Cell("text", words.clip(one.output_text or one.error, 80)),
                 Cell("text", one.release or "–"), Cell("time", one.began_us)),
                one,
            )
            for one in found
            if one.id != chosen
            for href in [f"/traces/diff?a={chosen}&b={one.id}"]
        ],
        empty=_("There is no other trace of its channel."),
        command=f"volano trace diff {chosen} …",
    )  # fmt: skip

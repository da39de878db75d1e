"""Two versions of a prompt: the words that changed, what is sent, and all that is set besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.core.errors import VolanoError
from volano.core.words import Pieces, differing
from volano.prompts.beside import beside
from volano.prompts.prompt import Prompt
from volano.web.pages import prompt_words, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

_KNOWN = 200
_CUT = 20_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One message in both: its role (`was` where it had another), and its words."""

    role: str
    was: str
    pieces: Pieces
    same: bool


@dataclass(frozen=True, slots=True)
class Diff:
    """The page; without two versions, the choice of them."""

    old: str
    new: str
    headline: Markup
    written: Sequence[Turn]
    sent: Sequence[Turn]
    table: Table | None
    known: Sequence[str]
    data: Any


def look(app: Any, old: str, new: str) -> Diff:
    """Compare, or offer what to compare.

    Raises:
        UnknownArtifactError: one of them does not exist.
    """
    known = [one.ref for one in app.catalog.list("prompt", limit=_KNOWN)]
    if not old or not new:
        headline = escape(_("Which two versions?"))
        return Diff(old, new, headline, [], [], None, known, {"known": known})
    one, two = app.catalog.get("prompt", old), app.catalog.get("prompt", new)
    a, b = prompt_words.read(app, one), prompt_words.read(app, two)
    written = turns(prompt_words.messages(a, one), prompt_words.messages(b, two))
    sent = turns(_sent(a), _sent(b))
    rows = _settings(a, b)
    why = prompt_words.why(two)
    data = {"old": one.ref, "new": two.ref, "why": why, "messages": written, "sent": sent,
            "settings": [row.data for row in rows]}  # fmt: skip
    table = Table(
        _("Besides the words"),
        (Column(_("What")), Column(_("Old")), Column(_("New"))), rows,
        empty=_("Variables, examples, settings and schema are the same."),
    )  # fmt: skip
    headline = _headline(written, rows, why)
    return Diff(one.ref, two.ref, headline, written, sent, table, known, data)


def turns(a: Sequence[Mapping[str, str]], b: Sequence[Mapping[str, str]]) -> list[Turn]:
    """Return the messages side by side."""
    nothing = {"role": "", "content": ""}
    found = []
    for one, two in ((old or nothing, new or nothing) for old, new in beside(a, b)):
        texts = one["content"][:_CUT], two["content"][:_CUT]
        role, was = two["role"] or one["role"], one["role"] if two["role"] else ""
        same = one == two
        found.append(Turn(role, was if was != role else "", differing(*texts), same))
    return found


def _sent(prompt: Prompt | None) -> list[dict[str, Any]]:
    try:
        return prompt_words.preview(prompt) if prompt else []
    except VolanoError:
        return []


def _headline(written: Sequence[Turn], rows: Sequence[Row], why: str) -> Markup:
    n = sum(not one.same for one in written)
    if not n and not rows:
        return escape(_("They say the same."))
    told = []
    if n:
        told.append(ngettext("one message changed", "{n} messages changed", n).format(n=n))
    if rows:
        told.append(
            ngettext("one thing besides the words", "{n} things besides the words", len(rows))
            .format(n=len(rows))
        )  # fmt: skip
    said = escape(words.capital(_(" and ").join(told))) + "."
    return said + Markup(" <q>{}</q>").format(words.visible(words.clip(why, 200))) if why else said


def _settings(a: Prompt | None, b: Prompt | None) -> list[Row]:
    before, after = _all(a), _all(b)
    names = dict.fromkeys((*before, *after))
    return [
        Row("", (Cell("code", name), _value(before.get(name)), _value(after.get(name))),
            {"name": name, "old": before.get(name), "new": after.get(name)})
        for name in names
        if before.get(name) != after.get(name)
    ]  # fmt: skip


def _value(value: Any) -> Cell:
    if value is None:
        return Cell("text", "–")
    return Cell("code", words.clip_raw(prompt_words.shown(value), 600))


def _all(prompt: Prompt | None) -> dict[str, Any]:
    if prompt is None:
        return {}
    return {
        **dict(prompt.settings),
        **{f"{{{{{name}}}}}": one.to_dict() for name, one in prompt.variables.items()},
        **({"examples": dict(prompt.pick)} if prompt.pick else {}),
        **({"schema": prompt.schema} if prompt.schema is not None else {}),
    }

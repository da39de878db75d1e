"""The list of models: what each is, how far in its life, and which channels it serves."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from volano.models.life import STATES
from volano.web.pages import links, model_words, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Asked, Cell, Column, Filter, Listing, Row

COUNTED = 200
"""So many of the newest models are looked at to say how many serve."""
_SCANNED_PAGES = 20

Model = Mapping[str, Any]


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List models, newest first; the state is a filter."""
    found = _scan(app, asked)
    shown, more = found[: asked.limit], len(found) > asked.limit
    return Listing(
        headline=_headline(app, now_us),
        columns=(
            Column(_("Model")), Column(_("State")), Column(_("Serves")), Column(_("Format"), 2),
            Column(_("Engine"), 2), Column(_("Parameters"), 3, number=True),
            Column(_("Size"), 2, number=True), Column(_("Labels"), 3), Column(_("Made"), 2),
        ),
        rows=[_row(model) for model in shown],
        following=str(shown[-1]["created_us"]) if more and shown else None,
        filters=[
            Filter("state", _("State"), [(one, model_words.state(one).word) for one in STATES])
        ],
    )  # fmt: skip


def _headline(app: Any, now_us: int) -> Markup:
    newest = app.lives.list(limit=COUNTED)
    if not newest:
        return escape(_("None yet."))
    serving = sum(bool(model["channels"]) for model in newest)
    total = app.catalog.counts().get("model", 0)
    among = _("{n} models").format(n=words.count(total))
    if total > len(newest):
        among = _("the newest {n} models").format(n=len(newest))
    text = (
        ngettext(
            "{k} of {among} serves traffic; the newest is {newest}, made {when}.",
            "{k} of {among} serve traffic; the newest is {newest}, made {when}.", serving,
        )
        if serving and total > 1
        else _("It serves traffic: {newest}, made {when}.") if serving
        else _("None of {among} serves traffic; the newest is {newest}, made {when}.") if total > 1
        else _("It serves no traffic yet: {newest}, made {when}.")
    )  # fmt: skip
    return escape(text).format(
        k=serving, among=among,
        newest=links.link(links.artifact("model", newest[0]["ref"]), newest[0]["ref"]),
        when=words.time_tag(newest[0]["created_us"], now_us),
    )  # fmt: skip


def _scan(app: Any, asked: Asked) -> list[Model]:
    """Return up to limit + 1 models in the state whose words contain the text."""
    wanted, state, found = asked.q.casefold(), asked.get("state"), []
    before, size = asked.cursor, max(asked.limit + 1, 50)
    for _page in range(_SCANNED_PAGES):
        page = app.lives.list(limit=size, before_us=before)
        found += [one for one in page if state in (None, one["state"]) and wanted in _haystack(one)]
        if len(found) > asked.limit or len(page) < size:
            break
        before = page[-1]["created_us"]
    return found


def _haystack(model: Model) -> str:
    said = (model["ref"], model["format"], model["engine"], str(model["created_by"]))
    return " ".join((*said, *model["labels"], *model["channels"])).casefold()


def _row(model: Model) -> Row:
    href = links.artifact("model", model["ref"])
    return Row(
        href,
        (
            Cell("ref", model["ref"], href=href),
            Cell("state", model_words.state(model["state"])),
            Cell("markup", model_words.served(list(dict.fromkeys(model["channels"])))),
            Cell("text", model["format"] or "–"),
            Cell("text", model["engine"] or "–"),
            Cell("number", model_words.parameters(model.get("parameters"))),
            Cell("number", words.size(model["size"]) if model["size"] else "–"),
            Cell("text", ", ".join(model["labels"]) or "–"),
            Cell("time", model["created_us"]),
        ),
        model,
        muted=model["state"] in ("retired", "revoked"),
    )

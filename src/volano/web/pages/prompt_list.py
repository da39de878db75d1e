"""The list of prompts: each with its newest version, what its labels name and where it serves."""

from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, prompt_words, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Asked, Cell, Column, Listing, Row

MOST = 2_000


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List prompts, those first that changed last."""
    found: dict[str, list[Any]] = {}
    for one in app.catalog.list("prompt", limit=MOST):
        found.setdefault(one.name, []).append(one)
    wanted = asked.q.casefold()
    chosen = [all_ for all_ in found.values() if wanted in _haystack(all_)]
    before = asked.cursor
    if before is not None:
        chosen = [all_ for all_ in chosen if all_[0].manifest.created_us < before]
    shown, more = chosen[: asked.limit], len(chosen) > asked.limit
    return Listing(
        headline=_headline(list(found.values()), now_us),
        columns=(
            Column(_("Prompt")), Column(_("Labels"), 2), Column(_("Why"), 2),
            Column(_("Versions"), 3, number=True), Column(_("Made")), Column(_("Made by"), 3),
        ),
        rows=[_row(all_) for all_ in shown],
        following=str(shown[-1][0].manifest.created_us) if more and shown else None,
    )  # fmt: skip


def _headline(prompts: list[list[Any]], now_us: int) -> Markup:
    if not prompts:
        return escape(_("None yet."))
    newest = prompts[0][0]
    text = ngettext(
        "One prompt: {newest}, made {when} by {who}.",
        "{n} prompts; {newest} changed last, {when}, by {who}.", len(prompts),
    )  # fmt: skip
    return escape(text).format(
        n=words.count(len(prompts)),
        newest=links.link(links.artifact("prompt", newest.ref), newest.ref),
        when=words.time_tag(newest.manifest.created_us, now_us),
        who=words.visible(newest.created_by),
    )


def _haystack(versions: list[Any]) -> str:
    labels = (label for one in versions for label in one.labels)
    newest = versions[0]
    template = newest.manifest.meta.get("template", "")
    return " ".join((newest.name, template, prompt_words.why(newest), *labels)).casefold()


def _row(versions: list[Any]) -> Row:
    one = versions[0]
    href = links.artifact("prompt", one.ref)
    labels = [f"{label} → @{each.number}" for each in versions for label in each.labels]
    return Row(
        href,
        (
            Cell("ref", one.ref, href=href, sub=words.clip(one.manifest.meta.get("template"), 120)),
            Cell("text", ", ".join(labels)),
            Cell("text", words.clip(prompt_words.why(one), 120)),
            Cell("number", words.count(len(versions))),
            Cell("time", one.manifest.created_us),
            Cell("text", one.created_by),
        ),
        {"ref": one.ref, "labels": labels, "versions": len(versions), "artifact": one},
    )

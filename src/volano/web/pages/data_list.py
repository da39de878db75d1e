"""All datasets, each with its newest version."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.core.principal import Principal
from volano.web.pages import data_links, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

MOST = 10_000
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Datasets:
    """The page: its answer, and a line for each dataset."""

    headline: Markup
    table: Table | None
    q: str
    data: Any


def look(app: Any, q: str, by: Principal) -> Datasets:
    """List the datasets that somebody may read, those first that changed last."""
    found: dict[str, list[Any]] = {}
    for one in app.datasets.list(limit=MOST, by=by):
        found.setdefault(one.name, []).append(one)
    wanted = q.casefold()
    chosen = {
        name: all_
        for name, all_ in found.items()
        if wanted in " ".join((name, *(label for one in all_ for label in one.labels))).casefold()
    }
    rows = [_row(all_) for all_ in list(chosen.values())[:SHOWN]]
    data = {"datasets": [row.data for row in rows]}
    if not found:
        headline = escape(_("No dataset yet. Rows of anything make one."))
        return Datasets(headline, None, q, data)
    newest = next(iter(found.values()))[0]
    headline = escape(
        ngettext("One dataset: {newest}, {rows}.",
                 "{n} datasets; {newest} changed last: {rows}.", len(found))
    ).format(
        n=words.count(len(found)),
        newest=links.link(data_links.page(newest.ref), newest.ref), rows=_holds(newest),
    )  # fmt: skip
    return Datasets(headline, _table(rows), q, data)


def _table(rows: list[Row]) -> Table:
    return Table(
        _("Datasets"),
        (
            Column(_("Newest version")), Column(_("Rows"), number=True), Column(_("Splits"), 2),
            Column(_("Labels"), 2), Column(_("Versions"), 3, number=True),
            Column(_("Size"), 3, number=True), Column(_("Made by"), 2), Column(_("Made")),
        ),
        rows,
        empty=_("No dataset is called so."),
    )  # fmt: skip


def _row(versions: list[Any]) -> Row:
    one = versions[0]
    href = data_links.page(one.ref)
    labels = [f"{label} → @{each.number}" for each in versions for label in each.labels]
    splits = split_counts(one)
    total = sum(splits.values())
    data = {"ref": one.ref, "rows": total, "splits": splits, "labels": labels,
            "versions": len(versions), "size": one.manifest.size, "made_by": one.created_by,
            "made_us": one.manifest.created_us}  # fmt: skip
    told = ", ".join(f"{words.count(n)} {name}" for name, n in splits.items())
    return Row(
        href,
        (
            Cell("ref", one.ref, href=href, sub=_("dropped") if one.state == "dropped" else None),
            Cell("number", words.count(total) if splits else "–"), Cell("text", told),
            Cell("text", ", ".join(labels)), Cell("number", words.count(len(versions))),
            Cell("number", words.size(one.manifest.size)), Cell("text", one.created_by),
            Cell("time", one.manifest.created_us),
        ),
        data,
    )  # fmt: skip


def split_counts(artifact: Any) -> dict[str, int]:
    """Return how many rows each split has, as the manifest says."""
    counts = artifact.manifest.meta.get("counts") or {}
    named = {path.rpartition(".")[0] for path in artifact.manifest.files}
    found = {name: n for name, n in counts.items() if name in named and isinstance(n, int)}
    return {name: found[name] for name in (*(n for n in ("train", "test") if n in found),
            *(n for n in found if n not in ("train", "test")))}  # fmt: skip


def _holds(artifact: Any) -> str:
    total = sum(split_counts(artifact).values())
    return ngettext("one row", "{n} rows", total).format(n=words.count(total))

"""The routes of datasets: their list, one version's profile, rows and lineage, two side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from volano.data.pii import KINDS
from volano.store.errors import DroppedError
from volano.web.pages import (
    data_diff,
    data_links,
    data_list,
    data_profile,
    data_rows,
    lineage_graph,
    links,
    render,
    words,
)  # fmt: skip
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Cell, Facts, Table

Draw = Callable[[Any, Request, int], Response]
Guard = Callable[[Draw], Callable[[Request], Response]]
VIEWS = ("profile", "rows", "rejected", "lineage")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above every view of a version."""

    ref: str
    labels: tuple[str, ...]
    sentence: Markup
    tabs: tuple[tuple[str, str, bool], ...]
    facts: Facts
    versions: Table


def routes(guard: Guard) -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/data", guard(all_), name="data"),
        Route("/data.json", guard(all_)),
        Route("/data/diff", guard(diff)),
        Route("/data/diff.json", guard(diff)),
        Route("/data/{ref:path}", guard(version)),
    ]


def all_(app: Any, request: Request, now_us: int) -> Response:
    """List all datasets."""
    by = data_links.reader(request)
    page = data_list.look(app, request.query_params.get("q", "").strip()[:200], by)
    if render.wants_json(request):
        return render.json(page.data)
    return render.html(app, request, "data.html", now_us, data=page)


def diff(app: Any, request: Request, now_us: int) -> Response:
    """Show two versions side by side."""
    query = request.query_params
    old, new = (query.get(name, "").strip()[:300] for name in ("old", "new"))
    skip = data_links.number(query.get("skip"), 10**9)
    page = data_diff.look(app, old, new, skip, data_links.reader(request))
    if render.wants_json(request):
        return render.json(page.data)
    return render.html(app, request, "data_diff.html", now_us, diff=page)


def version(app: Any, request: Request, now_us: int) -> Response:
    """Show one version; the view is in the address."""
    ref = request.path_params["ref"].removesuffix(".json")
    by, query = data_links.reader(request), request.query_params
    artifact = app.datasets.get(ref, by=by)
    view = query.get("view", "profile")
    view = view if view in VIEWS else "profile"
    found: Any = None
    try:
        opened = app.datasets.version(artifact.ref)
    except DroppedError:
        view = "lineage" if view == "lineage" else "dropped"
    else:
        found = _view(app, view, opened, query, by)
    if view == "lineage":
        found = lineage_graph.look(app, f"dataset/{artifact.ref}")
    if render.wants_json(request):
        return render.json({"ref": artifact.ref, view: getattr(found, "data", None)})
    head = _head(app, artifact, view, now_us)
    return render.html(
        app, request, "data_version.html", now_us, head=head, view=view, found=found,
        kinds_of_personal=KINDS,
    )  # fmt: skip


def _view(app: Any, view: str, opened: Any, query: Any, by: Any) -> Any:
    if view == "profile":
        total = sum(opened.rows(split) for split in opened.splits)
        return data_profile.look(app, opened.artifact.ref, total, by)
    if view == "rows":
        return data_rows.look(app, opened, query, by)
    return data_rows.rejected(app, opened, query, by) if view == "rejected" else None


def _head(app: Any, artifact: Any, view: str, now_us: int) -> Head:
    ref = artifact.ref
    others = app.datasets.list(artifact.name, limit=200)
    before = next((one.ref for one in others if one.number < artifact.number), None)
    tabs = [(_("Profile"), data_links.page(ref), view == "profile"),
            (_("Rows"), data_links.rows(ref), view == "rows"),
            (_("Left out"), data_links.page(ref, view="rejected"), view == "rejected"),
            (_("Lineage"), data_links.page(ref, view="lineage"), view == "lineage")]  # fmt: skip
    if before:
        tabs.append(
            (_("Since @{n}").format(n=before.rpartition("@")[2]),
             data_links.differences(before, ref), False)
        )  # fmt: skip
    made = escape(_("Made {when} by {who}.")).format(
        when=words.time_tag(artifact.manifest.created_us, now_us),
        who=words.visible(artifact.created_by),
    )
    return Head(ref, tuple(artifact.labels), made, tuple(tabs), _facts(artifact, others),
                lineage_graph.versions(artifact, others))  # fmt: skip


def _facts(artifact: Any, others: list[Any]) -> Facts:
    manifest = artifact.manifest
    run = manifest.made_by
    versions = Markup(" ").join(
        Markup("<b>@{}</b>").format(one.number) if one.number == artifact.number
        else links.link(data_links.page(one.ref), f"@{one.number}")
        for one in others[:12]
    )  # fmt: skip
    return Facts(
        _("Version"),
        [
            (_("versions"), Cell("markup", versions)),
            (_("made"), Cell("time", manifest.created_us)),
            (_("by"), Cell("text", artifact.created_by)),
            *([(_("in run"), Cell("ref", run[:8], href=links.item("runs", run)))] if run else []),
            (_("size"), Cell("number", words.size(manifest.size))),
            (_("digest"), Cell("code", str(artifact.digest)[:19] + "…")),
            (_("manifest"), Cell("ref", artifact.ref, href=links.artifact("dataset", artifact.ref))),
        ],
    )  # fmt: skip

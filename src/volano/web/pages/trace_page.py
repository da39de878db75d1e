"""The routes of one trace: its page, pieces of its tree, details of a step, and what can be done with it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from volano.core.errors import ForbiddenError, InvalidError, NotFoundError, VolanoError
from volano.traces.step import Outline
from volano.web.forms import form
from volano.web.pages import links, render, sessions, trace_graph, trace_step, trace_tree
from volano.web.pages.i18n import gettext as _
from volano.web.pages.nouns import noun
from volano.web.pages.view import Uses
from volano.web.sign_in import visitor

Draw = Callable[[Any, Request, int], Response]
Guard = Callable[[Draw], Callable[[Request], Response]]
_MOST_BYTES = 300_000
_LONGEST = 200


class OwnerUseError(ForbiddenError):
    """Only the owner may do this with a trace, and no key."""

    hint = "Use the console's own session, or `volano trace replay`."


class BadUseError(InvalidError):
    """This form does not say what to do with which trace."""

    hint = "Use the forms on the page of a trace."


def routes(app: Any, guard: Guard, now: Callable[[], int], one: Draw) -> list[BaseRoute]:
    """Return the routes; `one` draws the page of any other thing."""

    def page(app: Any, request: Request, now_us: int) -> Response:
        key = request.path_params["key"].removesuffix(".json")
        if not render.wants_json(request):
            return show(app, request, key, now_us)
        outline = _outline(app, key)
        if outline is None or outline.steps == outline.calls == 1:
            request.path_params["noun"] = "traces"
            return one(app, request, now_us)
        first = app.steps.roots(key, limit=trace_tree.PAGE, after=request.query_params.get("after"))
        return render.json({"noun": "traces", "item": {"outline": outline, "roots": first}})

    def session(app: Any, request: Request, now_us: int) -> Response:
        return show_session(app, request, now_us)

    return [
        Route("/item/traces/{key}", guard(page), name="trace"),
        Route("/item/sessions/{key:path}", guard(session), name="session"),
        Route("/trace/{id}/steps", guard(steps)),
        Route("/trace/{id}/step/{span}", guard(step)),
        Route("/trace/{id}/replay/{again}", guard(compare)),
        Route("/trace/use", use(app, now), methods=["POST"]),
    ]


def show(app: Any, request: Request, key: str, now_us: int) -> Response:
    """Show one trace: as a tree where it has several steps, else as the call it is."""
    kind = noun("traces")
    if key == "last" and (last := app.traces.last()) is not None:
        key = last.id
    outline = _outline(app, key)
    if outline is None or (outline.steps == 1 and outline.calls):
        item = kind.item(app, key, now_us)
        item = replace(item, aside=[uses(app, key), *item.aside])
        return render.html(app, request, "item.html", now_us, noun=kind, item=item, key=key)
    query = {name: value[:_LONGEST] for name, value in request.query_params.items()}
    opened = trace_step.details(app, outline, query["step"]) if query.get("step") else None
    graph = trace_graph.look(app, outline) if query.get("view") == "graph" else None
    tree = trace_tree.look(
        app, outline, now_us, under=query.get("under", ""), at=query.get("at", ""),
        after=query.get("after"), drawn=graph is None,
    )  # fmt: skip
    return render.html(
        app, request, "trace.html", now_us, noun=kind, key=key, tree=tree, details=opened,
        graph=graph, uses=uses(app, key), trees=trace_tree,
    )  # fmt: skip


def show_session(app: Any, request: Request, now_us: int) -> Response:
    """Show one session as a conversation; where a page of it begins is in the address."""
    kind, key = noun("sessions"), request.path_params["key"].removesuffix(".json")
    item = sessions.item(app, key, now_us, after=request.query_params.get("after"))
    if render.wants_json(request):
        return render.json({"noun": kind.key, "item": item.data})
    return render.html(app, request, "item.html", now_us, noun=kind, item=item, key=key)


def steps(app: Any, request: Request, now_us: int) -> Response:
    """Return more rows of a tree that is open already."""
    outline = app.steps.outline(request.path_params["id"])
    query = request.query_params
    depth = query.get("depth", "0")
    lines = trace_tree.opened(
        app, outline, query.get("under", ""), int(depth) if depth.isdigit() and len(depth) < 7 else 0,
        query.get("after"), with_itself=bool(query.get("open")),
    )  # fmt: skip
    return _piece(
        "trace_rows.html", now_us, lines=lines, trees=trace_tree, shown="", trace_id=outline.id
    )


def step(app: Any, request: Request, now_us: int) -> Response:
    """Return the details of one step."""
    outline = app.steps.outline(request.path_params["id"])
    found = trace_step.details(app, outline, request.path_params["span"])
    return _piece("trace_step.html", now_us, details=found)


def compare(app: Any, request: Request, now_us: int) -> Response:
    """Show a recorded answer and the one that was given when it was asked again."""
    old_id, new_id = request.path_params["id"], request.path_params["again"]
    old, new = app.traces.get(old_id), app.traces.by_ids([new_id]).get(new_id)
    return render.html(
        app, request, "replay.html", now_us, noun=noun("traces"), old=old, new=new,
        old_href=links.item("traces", old_id), new_href=links.item("traces", new_id),
        trees=trace_tree,
    )  # fmt: skip


def uses(app: Any, trace_id: str) -> Uses:
    """Return the forms: add it to a dataset, ask it again."""
    calls = app.traces.by_ids([trace_id]) if hasattr(app.traces, "by_ids") else {}
    call = calls.get(trace_id)
    replays = getattr(app, "replays", None)
    releases = replays.choices(call) if replays and call is not None else []
    datasets = sorted({one.name for one in app.catalog.list("dataset", limit=50)})
    return Uses(_("Use it"), trace_id, datasets, releases)


def use(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the forms: it does one thing and leads to what came of it."""

    async def handler(request: Request) -> Response:
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerUseError
            said = await _said(request)
            href = await run_in_threadpool(_do, app, said, who.principal)
        except VolanoError as error:
            return render.failure(app, request, error, now())
        return RedirectResponse(href, 303)

    return handler


def _do(app: Any, said: dict[str, str], by: Any) -> str:
    trace_id = said["trace"]
    if said["do"] == "dataset":
        made = app.curator.take(
            trace_id, said.get("dataset", ""), label=said.get("label") or None, by=by
        )
        return links.item("datasets", made.ref)
    done = app.replays.replay(trace_id, release=said.get("release") or None, by=by)
    return f"/trace/{quote(trace_id)}/replay/{quote(done['id'])}"


async def _said(request: Request) -> dict[str, str]:
    fields = await form(request, most=_MOST_BYTES, refusal=BadUseError)
    if not fields.get("trace") or fields.get("do") not in ("dataset", "replay"):
        raise BadUseError
    return fields


def _outline(app: Any, key: str) -> Outline | None:
    try:
        found: Outline = app.steps.outline(key)
    except NotFoundError:
        return None
    return found


def _piece(template: str, now_us: int, **view: Any) -> HTMLResponse:
    return HTMLResponse(render.part(template, now_us, **view), headers=render.HEADERS)

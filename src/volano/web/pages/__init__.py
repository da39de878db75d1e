"""The console: server-rendered pages over the keepers.

Every page answers one question in its first line. Lists and details are one
page each, for all nouns; a noun says how it is listed and what one of it shows
(`nouns`). Pages are plain links and forms; scripts only add live numbers,
keys and relative times. What people or models wrote is escaped, always.

`routes(app)` wants the composition root; requests are authenticated already.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from volano.core.clock import Clock, SystemClock
from volano.web.pages import (
    alerts,
    data_links,
    data_page,
    diff,
    drift,
    evaluators,
    find,
    judges,
    kpis,
    live,
    model_diff,
    money,
    paper,
    playground_page,
    render,
    report_diff,
    report_rows,
    reviewing,
    trace_page,
    traffic,
)  # fmt: skip
from volano.web.pages.asked import asked_for
from volano.web.pages.assets import static_route
from volano.web.pages.caring import care
from volano.web.pages.loop import look
from volano.web.pages.nouns import noun
from volano.web.pages.saved_views import forget, keep
from volano.web.pages.steered import steer
from volano.web.pages.steering import ADDRESS as STEERED
from volano.web.pages.switch import turn

__all__ = ["routes", "static_route"]


def routes(app: Any, clock: Clock | None = None) -> list[BaseRoute]:
    """Return the console's routes over these keepers."""
    now = (clock or SystemClock()).now_us

    def guard(draw: Callable[[Any, Request, int], Response]) -> Callable[[Request], Response]:
        return render.guarded(app, now, lambda request: draw(app, request, now()))

    return [
        Route("/", guard(home), name="loop"),
        Route("/loop", guard(home)),
        Route("/loop.json", guard(home)),
        Route("/loop/events", live.endpoint(app, now)),
        Route("/traffic", guard(passing), name="traffic"),
        Route("/traffic.json", guard(passing)),
        Route("/traffic/target", turn(app, now), methods=["POST"]),
        Route("/alerts", guard(burning), name="alerts"),
        Route("/alerts.json", guard(burning)),
        Route("/alerts/care", care(app, now), methods=["POST"]),
        Route(STEERED, steer(app, now), methods=["POST"]),
        Route("/kpis", guard(how), name="kpis"),
        Route("/kpis.json", guard(how)),
        Route("/report", guard(printed), name="report"),
        Route("/report.json", guard(printed)),
        Route("/traces/diff", guard(compare), name="diff"),
        Route("/traces/diff.json", guard(compare)),
        Route("/traces/view", keep(app, now), methods=["POST"]),
        Route("/traces/view/remove", forget(app, now), methods=["POST"]),
        Route("/drift", guard(drifting), name="drift"),
        Route("/drift/{key}", guard(drifting)),
        Route("/evaluators", guard(judged), name="evaluators"),
        Route("/evaluators/{name}", guard(judged)),
        Route("/judges", guard(believed), name="judges"),
        Route("/judges.json", guard(believed)),
        Route("/review/{name}", guard(reviewing.page), name="review"),
        Route("/review/{name}/{deed}", reviewing.deed(app, now), methods=["POST"]),
        Route("/money", guard(spent), name="money"),
        Route("/money.json", guard(spent)),
        *data_page.routes(guard),
        *playground_page.routes(app, guard, now),
        Route("/models/compare", guard(models), name="models"),
        Route("/models/compare.json", guard(models)),
        Route("/reports/compare", guard(reports), name="reports"),
        Route("/reports/compare.json", guard(reports)),
        Route("/reports/answers", guard(answers), name="answers"),
        Route("/reports/answers.json", guard(answers)),
        Route("/find", guard(search), name="find"),
        Route("/list/{noun}", guard(rows), name="list"),
        *trace_page.routes(app, guard, now, one),
        Route("/item/{noun}/{key:path}", guard(one), name="item"),
    ]


def home(app: Any, request: Request, now_us: int) -> Response:
    """Show the loop."""
    picture = look(app, now_us)
    if render.wants_json(request):
        return render.json(picture)
    return render.html(app, request, "loop.html", now_us, picture=picture)


def passing(app: Any, request: Request, now_us: int) -> Response:
    """Show the traffic; the stretch of time is in the address."""
    found = traffic.look(app, now_us, traffic.window(request))
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "traffic.html", now_us, traffic=found)


def burning(app: Any, request: Request, now_us: int) -> Response:
    """Show the alerts and the error budgets."""
    picture = alerts.look(app, now_us)
    if render.wants_json(request):
        return render.json(picture.data)
    return render.html(app, request, "alerts.html", now_us, picture=picture)


def how(app: Any, request: Request, now_us: int) -> Response:
    """Show the KPIs; window, filters and comparison are in the address."""
    page = kpis.look(app, now_us, kpis.asked(request))
    if render.wants_json(request):
        return render.json(page.data)
    return render.html(app, request, "kpis.html", now_us, kpis=page)


def printed(app: Any, request: Request, now_us: int) -> Response:
    """Show the report of a period as it is printed."""
    query = request.query_params
    period = app.periods.show(
        since=query.get("since") or "7d", until=query.get("until", ""),
        channel=query.get("channel", "").strip(),
    )  # fmt: skip
    if render.wants_json(request):
        return render.json(period)
    name = render.workspace_name(app)
    text = paper.html(period, workspace=name, now_us=now_us)
    return HTMLResponse(text, headers=paper.headers())


def drifting(app: Any, request: Request, now_us: int) -> Response:
    """Show all references, or one look."""
    key = request.path_params.get("key", "").removesuffix(".json")
    found = drift.look(app, key, now_us) if key else drift.overview(app)
    if render.wants_json(request):
        return render.json(drift.data(found))
    return render.html(app, request, "drift.html", now_us, drift=found)


def judged(app: Any, request: Request, now_us: int) -> Response:
    """Show all evaluators, or the scores of one."""
    name = request.path_params.get("name", "").removesuffix(".json")
    last = request.query_params.get("last", "")
    found = evaluators.one(app, name, last) if name else evaluators.overview(app)
    if render.wants_json(request):
        return render.json(evaluators.data(found))
    return render.html(app, request, "evaluators.html", now_us, it=found)


def believed(app: Any, request: Request, now_us: int) -> Response:
    """Show all judges, and how far each may be believed."""
    found = judges.overview(app)
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "judges.html", now_us, it=found)


def spent(app: Any, request: Request, now_us: int) -> Response:
    """Show the money; dimension, window and filter are in the address."""
    found = money.look(app, request, now_us)
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "money.html", now_us, money=found)


def rows(app: Any, request: Request, now_us: int) -> Response:
    """List one noun; everything that narrows the list is in the address."""
    kind = noun(request.path_params["noun"].removesuffix(".json"))
    asked = asked_for(request.query_params)
    listing = kind.listing(app, asked, now_us)
    narrowed = bool(asked.q or asked.before or any(asked.filters.values()))
    following = _following(request, listing.following)
    if render.wants_json(request):
        body = {"noun": kind.key, "rows": [row.data for row in listing.rows], "next": following}
        return render.json(body)
    return render.html(
        app, request, kind.template, now_us,
        noun=kind, listing=listing, asked=asked, narrowed=narrowed, following=following,
    )  # fmt: skip


def compare(app: Any, request: Request, now_us: int) -> Response:
    """Show how two traces differ; both ids are in the address."""
    a, b = (request.query_params.get(name, "").strip()[:64] for name in "ab")
    found = diff.look(app, a, b)
    if render.wants_json(request):
        return render.json(found.difference)
    return render.html(app, request, "diff.html", now_us, diff=found)


def models(app: Any, request: Request, now_us: int) -> Response:
    """Show two models side by side; both refs are in the address."""
    a, b = (request.query_params.get(name, "").strip()[:300] for name in "ab")
    found = model_diff.look(app, a, b)
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "model_diff.html", now_us, diff=found)


def reports(app: Any, request: Request, now_us: int) -> Response:
    """Show reports side by side; their refs are in the address."""
    query = request.query_params
    named = [query.get("a", ""), *query.getlist("b")]
    found = report_diff.look(app, [ref.strip()[:300] for ref in named])
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "report_diff.html", now_us, diff=found)


def answers(app: Any, request: Request, now_us: int) -> Response:
    """Show a report's rows; what narrows them is in the address."""
    found = report_rows.look(app, request.query_params)
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "report_rows.html", now_us, found=found, only=report_rows.ONLY)


def one(app: Any, request: Request, now_us: int) -> Response:
    """Show one thing."""
    kind, key = noun(request.path_params["noun"]), request.path_params["key"]
    if kind.key == "datasets" and "authorization" in request.headers:
        key = key.removesuffix(".json")  # a key sees rows where it is asked what it may see
        return RedirectResponse(data_links.page(key), 303)
    item = kind.item(app, key.removesuffix(".json"), now_us)
    if render.wants_json(request):
        return render.json({"noun": kind.key, "item": item.data})
    return render.html(app, request, "item.html", now_us, noun=kind, item=item, key=key)


def search(app: Any, request: Request, now_us: int) -> Response:
    """Go to the one thing that the text names, or show where it occurs."""
    q = request.query_params.get("q", "").strip()[:200]
    if q and (href := find.exact(app, q)):
        return RedirectResponse(href, 303)
    found = find.everywhere(app, q, now_us) if q else []
    return render.html(app, request, "find.html", now_us, q=q, found=found)


def _following(request: Request, before: str | None) -> str | None:
    if before is None:
        return None
    query = {name: value for name, value in request.query_params.items() if value}
    return f"{request.url.path}?{urlencode({**query, 'before': before})}"

"""Control: the one process that writes the catalog. API, console, jobs, rollouts.

It serves the same app on two Unix sockets: `control.sock` for the command line
of the folder's owner, `relay.sock` for what the gateway's workers pass on.
"""

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from volano.access.hosts import check_host
from volano.access.session import check_token
from volano.app import App
from volano.core.errors import NotFoundError, UnauthenticatedError, VolanoError
from volano.settings import Settings
from volano.web import pages
from volano.web.api.plain import plain
from volano.web.api.routes import WrongMethodError, error_response, routes, told
from volano.web.api.tail import tail_route
from volano.web.metrics import metrics
from volano.web.pages.render import failure
from volano.web.sign_in import COOKIE, Visitor, visitor

log = logging.getLogger(__name__)


class UnknownPathError(NotFoundError):
    """There is nothing at {path}."""

    hint = "The API is under /api/v1, models answer under /v1, the console is at /."


def build(app: App, door: str) -> Starlette:
    """Return the ASGI app of one door, `local` or `relay`."""
    site = Starlette(
        routes=[
            Route("/api/v1/health", told("health", health)),
            Route("/api/v1/welcome", told("welcome", welcome), methods=["POST"]),
            Route("/api/v1/status", told("status", status)),
            Route("/metrics", told("metrics", metrics)),
            tail_route(),
            *routes(),
            Route(
                "/api/{path:path}",
                unknown,
                methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"],
            ),
            pages.static_route(),
            *pages.routes(app),
        ],
        exception_handlers={404: unknown_page, 405: unknown_page},
    )
    site.state.app = app
    site.state.door = door
    site.add_middleware(Guard)
    return site


class Guard:
    """Lets pages be seen with the console's session only."""

    OPEN = ("/api/", "/static/")

    def __init__(self, site: Any):
        self._site = site

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._site(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = None
        path = request.url.path
        if not path.startswith(self.OPEN) and path != "/metrics":  # it asks for itself
            answer = self._turn_away(request)
        await (answer or self._site)(scope, receive, send)

    def _turn_away(self, request: Request) -> Response | None:
        """Take the session from the link once, then demand its cookie."""
        app = request.app.state.app
        try:
            token = request.query_params.get("session", "")
            if token and request.method == "GET":
                check_host(request.headers.get("host"), app.settings.port, tls=app.settings.tls)
                if check_token(token, app.session_token):
                    return _signed_in(request.url.path, token, secure=app.settings.tls)
            visitor(request)
        except VolanoError as error:
            return failure(app, request, error, app.clock.now_us())
        return None


def _signed_in(path: str, token: str, *, secure: bool) -> Response:
    """Put the session into a cookie and the link out of the address bar."""
    answer = RedirectResponse("/" + path.lstrip("/"), 303)
    answer.set_cookie(COOKIE, token, secure=secure, httponly=True, samesite="strict", path="/")
    return answer


async def health(request: Request) -> Response:
    """Say whether every engine that a channel needs answers; to this machine's names only."""
    app = request.app.state.app
    if request.app.state.door != "local":
        check_host(request.headers.get("host"), app.settings.port, tls=app.settings.tls)
    waiting = await asyncio.to_thread(app.waiting_for)
    if waiting:
        error = {"code": "starting", "message": f"waiting for {', '.join(waiting)}", "hint": ""}
        return JSONResponse({"error": error}, 503)
    return JSONResponse({"ready": True})


async def welcome(request: Request) -> Response:
    """Tell the owner, at the local door only, what to use."""
    who = _owner(request)
    return JSONResponse(await asyncio.to_thread(request.app.state.app.welcome, who.principal))


async def status(request: Request) -> Response:
    """Say what serves, what moves and what works, to the owner."""
    _owner(request)
    return JSONResponse(plain(await asyncio.to_thread(request.app.state.app.status)))


def _owner(request: Request) -> Visitor:
    who = visitor(request)
    if not who.local:
        raise UnauthenticatedError
    return who


async def unknown(request: Request) -> Response:
    """Answer for API paths that do not exist, or that are asked with another method."""
    path = request.url.path[:200]
    allowed = _allowed(request)
    if allowed:
        return error_response(WrongMethodError(path=path, allowed=", ".join(sorted(allowed))))
    return error_response(UnknownPathError(path=path))


def _allowed(request: Request) -> set[str]:
    """Return the methods that sentences with this path take; none when there is no such path."""
    return {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.endpoint is not unknown
        if route.path.startswith("/api/") and route.matches(request.scope)[0] is Match.PARTIAL
        for method in route.methods or ()
    }


async def unknown_page(request: Request, _error: Exception) -> Response:
    """Answer for pages that do not exist; for paths of the API in the API's own form."""
    if request.url.path.startswith("/api/"):
        return await unknown(request)
    app = request.app.state.app
    missing = UnknownPathError(path=request.url.path[:200])
    return failure(app, request, missing, app.clock.now_us())


def run(settings: Settings) -> None:
    """Serve until SIGTERM. The app's own threads (jobs, rollouts) run beside."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    with App(settings, held=True) as app:
        app.start()
        asyncio.run(_serve(app, settings.path("run").resolve()))


async def _serve(app: App, folder: Path) -> None:
    servers = [_server(build(app, door), folder / f"{name}.sock")
               for door, name in (("local", "control"), ("relay", "relay"))]  # fmt: skip
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(server._serve() for server in servers))  # noqa: SLF001


def _server(site: Starlette, path: Path) -> uvicorn.Server:
    path.unlink(missing_ok=True)
    os.umask(0o077)
    config = uvicorn.Config(
        site, uds=str(path), log_level="warning", access_log=False, lifespan="off",
        timeout_graceful_shutdown=1, proxy_headers=False, server_header=False,
    )  # fmt: skip
    return uvicorn.Server(config)

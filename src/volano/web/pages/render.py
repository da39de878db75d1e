"""From a view to a response: HTML for people, JSON for programs, one address for both."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

import volano
from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    VolanoError,
)
from volano.web.pages import assets, i18n, wheel, words
from volano.web.pages.nouns import NOUNS
from volano.web.pages.plain import plain

TEMPLATES = Path(__file__).parent.parent / "templates"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
"""On every page: nothing inline runs, nothing from elsewhere loads, nobody frames us."""

_STATUS: tuple[tuple[type[VolanoError], int], ...] = (
    (NotFoundError, 404),
    (InvalidError, 400),
    (UnauthenticatedError, 401),
    (ForbiddenError, 403),
    (ConflictError, 409),
    (TooLargeError, 413),
    (UnavailableError, 503),
)

_TURNED_AWAY = (UnauthenticatedError, ForbiddenError)
_NOBODYS = {"name": "volano", "folder": "", "address": ""}
"""What the foot of a page says to somebody who may not know where the data lies."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the template environment: everything is escaped, every name must exist."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.filters.update(
        visible=words.visible,
        percent=words.percent,
        count=words.count,
        short=words.short_count,
    )
    env.globals.update(
        static=assets.url,
        nouns=NOUNS,
        wheel=wheel,
        duration=words.duration,
        version=volano.__version__,
    )
    return env


def html(
    app: Any, request: Request, template: str, now_us: int, *, status: int = 200, **view: Any
) -> HTMLResponse:
    """Draw a page."""
    view = {"workspace": _workspace(app), **view}
    text = environment().get_template(template).render(
        page=request.url.path, now_us=now_us, when=lambda at_us: words.time_tag(at_us, now_us),
        **view,
    )  # fmt: skip
    return HTMLResponse(text, status, headers=HEADERS)


def part(template: str, now_us: int, **view: Any) -> str:
    """Draw a piece of a page, for the live stream."""
    return environment().get_template(template).render(
        now_us=now_us, when=lambda at_us: words.time_tag(at_us, now_us), **view
    )  # fmt: skip


def parts(template: str) -> Any:
    """Return the macros of a template, to draw pieces of a page one by one."""
    return environment().get_template(template).module


def json(value: Any, status: int = 200) -> JSONResponse:
    """Return plain JSON of whatever it is."""
    return JSONResponse(
        plain(value), status, headers={"Cache-Control": "no-store", "Vary": "Accept"}
    )


def wants_json(request: Request) -> bool:
    """Say whether the address ends in `.json`, or `Accept` prefers JSON to HTML."""
    if request.url.path.endswith(".json"):
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def guarded(
    app: Any, now: Callable[[], int], draw: Callable[[Request], Response]
) -> Callable[[Request], Response]:
    """Return the handler that turns the errors of rooms into pages of their own."""

    def handler(request: Request) -> Response:
        try:
            return draw(request)
        except VolanoError as error:
            return failure(app, request, error, now())

    return handler


def failure(app: Any, request: Request, error: VolanoError, now_us: int) -> Response:
    """Return the page of an error: what happened, and the next move."""
    status = next((code for family, code in _STATUS if isinstance(error, family)), 500)
    if wants_json(request):
        body = {"error": {"code": error.code, "message": error.message, "hint": error.advice}}
        return json(body, status)
    view = {"workspace": _NOBODYS} if isinstance(error, _TURNED_AWAY) else {}
    return html(app, request, "failure.html", now_us, status=status, error=error, **view)


def workspace_name(app: Any) -> str:
    """Return what this workspace is called."""
    return _workspace(app)["name"]


def _workspace(app: Any) -> Mapping[str, str]:
    """Return what the foot of each page says: where the data lies, and the gateway's address."""
    folder = Path(app.settings.folder)
    home = Path.home()
    shown = f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
    name = folder.parent.name if folder.name == ".volano" else folder.name
    return {"name": name, "folder": shown, "address": f"127.0.0.1:{app.settings.port}"}

"""The switch of a target: the one thing that the Traffic page changes."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from volano.core.errors import ForbiddenError, InvalidError, VolanoError
from volano.web.forms import form
from volano.web.pages import render
from volano.web.pages.traffic import window
from volano.web.sign_in import visitor

_MOST_BYTES = 4096


class OwnerSwitchError(ForbiddenError):
    """Only the owner may turn a target on or off, and no key."""

    hint = "Use the console's own session, or `volano target disable`."


class BadSwitchError(InvalidError):
    """This form does not say which target to turn on or off."""

    hint = "Use the buttons of the Traffic page."


def turn(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the form: it changes one target and leads back to the page."""

    async def handler(request: Request) -> Response:
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerSwitchError
            name, verb = await _said(request)
            change = app.targets.enable if verb == "enable" else app.targets.disable
            await run_in_threadpool(change, name, by=who.principal)
        except VolanoError as error:
            return render.failure(app, request, error, now())
        return RedirectResponse(f"/traffic?since={window(request)}", 303)

    return handler


async def _said(request: Request) -> tuple[str, str]:
    fields = await form(request, most=_MOST_BYTES, refusal=BadSwitchError)
    name, verb = fields.get("target", ""), fields.get("turn", "")
    if not name or verb not in ("enable", "disable"):
        raise BadSwitchError
    return name, verb

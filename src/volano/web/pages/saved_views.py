"""The forms that save a view of the Traces page under a name, and forget it."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from volano.core.errors import ForbiddenError, InvalidError, VolanoError
from volano.web.forms import form
from volano.web.pages import links, render
from volano.web.sign_in import visitor

_MOST_BYTES = 65_536


class OwnerViewError(ForbiddenError):
    """Only the owner may save or forget a view here, and no key."""

    hint = "Use the console's own session, or `volano view save`."


class BadViewFormError(InvalidError):
    """This form is larger than a view."""

    hint = "Use the form of the Traces page."


Change = Callable[[dict[str, str], Any], str]
Handler = Callable[[Request], Awaitable[Response]]


def keep(app: Any, now: Callable[[], int]) -> Handler:
    """Return the handler that saves a view and leads to it."""

    def change(said: dict[str, str], by: Any) -> str:
        view = app.views.save(
            said.get("name", ""), where=said.get("where", ""), text=said.get("text", ""), by=by
        )
        return links.listing("traces", where=view.where, q=view.text)

    return _handler(app, now, change)


def forget(app: Any, now: Callable[[], int]) -> Handler:
    """Return the handler that forgets a view; what it showed stays on the screen."""

    def change(said: dict[str, str], by: Any) -> str:
        view = app.views.remove(said.get("name", ""), by=by)
        return links.listing("traces", where=view.where, q=view.text)

    return _handler(app, now, change)


def _handler(app: Any, now: Callable[[], int], change: Change) -> Handler:
    async def handler(request: Request) -> Response:
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerViewError
            said = await form(request, most=_MOST_BYTES, refusal=BadViewFormError)
            href = await run_in_threadpool(change, said, who.principal)
        except VolanoError as error:
            return render.failure(app, request, error, now())
        return RedirectResponse(href, 303)

    return handler

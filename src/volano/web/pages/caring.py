"""The forms of the Alerts page: acknowledge, silence, end a silence."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from volano.core.errors import ForbiddenError, InvalidError, VolanoError
from volano.core.principal import Principal
from volano.web.forms import form
from volano.web.pages import render
from volano.web.sign_in import visitor

_MOST_BYTES = 4096


class OwnerCareError(ForbiddenError):
    """Only the owner may acknowledge or silence alerts here, and no key."""

    hint = "Use the console's own session, or `volano alert ack`."


class BadCareError(InvalidError):
    """This form does not say which alert, or what to do."""

    hint = "Use the buttons of the Alerts page."


def care(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the forms: it does one thing and leads back to the page."""

    async def handler(request: Request) -> Response:
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerCareError
            number, turn = await _said(request)
            await run_in_threadpool(_do, app, number, turn, who.principal)
        except VolanoError as error:
            return render.failure(app, request, error, now())
        return RedirectResponse("/alerts", 303)

    return handler


def _do(app: Any, number: int, turn: str, by: Principal) -> None:
    if turn == "ack":
        app.alerts.ack(number, by=by)
    elif turn == "unsilence":
        app.alerts.unsilence(number, by=by)
    else:
        alert = app.alerts.show(number)
        where = [f"{name}={value}" for name, value in alert["labels"].items()]
        app.alerts.silence(rule=alert["rule"], where=where, until="1h", by=by)


async def _said(request: Request) -> tuple[int, str]:
    fields = await form(request, most=_MOST_BYTES, refusal=BadCareError)
    number, turn = fields.get("id", ""), fields.get("turn", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadCareError
    if turn not in ("ack", "silence", "unsilence"):
        raise BadCareError
    return int(number), turn

"""Reviewing: one answer at a time, by keyboard alone; each verdict is kept before the next comes.

Everything is a form of plain buttons; the script gives each button its key.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from volano.core.errors import ForbiddenError, InvalidError, NotFoundError, VolanoError
from volano.core.principal import SYSTEM, Principal
from volano.feedback.errors import LeaseLostError, NothingToUndoError
from volano.web.forms import form
from volano.web.pages import links, render
from volano.web.pages.i18n import gettext as _
from volano.web.pages.reviews import choices
from volano.web.sign_in import visitor

_MOST_BYTES = 512 << 10
_WRITTEN = {"comment": "comment", "correction": "correction", "demonstration": "correction"}


class OwnerReviewError(ForbiddenError):
    """Only the console's session may review, and no key."""

    hint = "Open the console by the link that `volano up` printed."


class BadReviewFormError(InvalidError):
    """This form does not say what to do with which item."""

    hint = "Use the buttons of the review page."


class NoSuchDeedError(NotFoundError):
    """A review has no `{deed}`."""

    hint = "See what there is with `volano review --help`."


def page(app: Any, request: Request, now_us: int) -> Response:
    """Show the item that this reviewer holds, or the next one, or that nothing is left."""
    name, reviewer = request.path_params["name"], request.query_params.get("as", "").strip()
    if not reviewer:
        return RedirectResponse(links.item("reviews", name), 303)
    told = app.reviews.next(name, reviewer=reviewer, by=SYSTEM)
    stands, metric = app.reviews.show(name), app.reviews.metric(name)
    if render.wants_json(request):
        return render.json({"next": told, "queue": stands})
    notes = {
        "lost": _("That item went to somebody else meanwhile; nothing was counted. Here is yours."),
        "none": _("There is nothing to undo."),
    }
    return render.html(
        app, request, "review.html", now_us,
        told=told, stands=stands, metric=metric, choices=choices(metric),
        wants=_WRITTEN.get(metric.type, ""), note=notes.get(request.query_params.get("said", "")),
        guidelines=stands.queue.guidelines or metric.description,
    )  # fmt: skip


def deed(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the page's forms: answer, skip, undo, resolve."""

    async def handler(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerReviewError
            fields = await form(request, most=_MOST_BYTES, refusal=BadReviewFormError)
            act = _act(app, name, request.path_params["deed"], fields, who.principal)
            said = ""
            try:
                await run_in_threadpool(act)
            except (LeaseLostError, NothingToUndoError) as error:
                said = "lost" if isinstance(error, LeaseLostError) else "none"
        except VolanoError as error:
            return render.failure(app, request, error, now())
        if request.path_params["deed"] == "resolve":
            return RedirectResponse(links.item("reviews", name), 303)
        query = {"as": fields.get("reviewer", ""), **({"said": said} if said else {})}
        return RedirectResponse(f"/review/{quote(name, safe='')}?{urlencode(query)}", 303)

    return handler


def _act(
    app: Any, name: str, what: str, fields: dict[str, str], by: Principal
) -> Callable[[], Any]:
    reviewer = fields.get("reviewer", "")
    if what == "undo":
        return partial(app.reviews.undo, name, reviewer=reviewer, by=by)
    item = fields.get("item", "")
    if not (item.isascii() and item.isdigit() and len(item) < 9):
        raise BadReviewFormError
    given = {part: fields[part] for part in ("value", "comment") if fields.get(part)}
    if what == "skip":
        return partial(app.reviews.skip, name, item=int(item), reviewer=reviewer, by=by)
    if what == "resolve":
        if "value" not in given:
            raise BadReviewFormError
        return partial(app.reviews.resolve, name, item=int(item), **given, by=by)
    if what != "answer":
        raise NoSuchDeedError(deed=ascii(what)[1:-1][:40])
    if fields.get("correction"):
        given["correction"] = fields["correction"]
    return partial(app.reviews.answer, name, item=int(item), reviewer=reviewer, **given, by=by)

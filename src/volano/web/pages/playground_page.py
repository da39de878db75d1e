"""The routes of prompts' own pages: two versions side by side, and the playground.

A form is asked for a page (plain) or, by the script, for lines of JSON that say what changes
on the page as it changes. Nothing is asked by an address alone: a link spends no money.
"""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from volano.core.errors import ForbiddenError, InvalidError, VolanoError
from volano.core.principal import Principal
from volano.evals.playground.sketch import Sketch
from volano.web.forms import pairs
from volano.web.pages import links, playground, prompt_diff, render
from volano.web.pages import playground_form as forms
from volano.web.pages.i18n import gettext as _
from volano.web.pages.playground_form import Form
from volano.web.sign_in import visitor

Draw = Callable[[Any, Request, int], Response]
Guard = Callable[[Draw], Callable[[Request], Response]]
_MOST_BYTES = 2 << 20
_MOST_FIELDS = 400
_END = object()
log = logging.getLogger(__name__)


class OwnerAskError(ForbiddenError):
    """Only the owner may ask in the playground, and no key."""

    hint = "Use the console's own session, `volano prompt try`, or the gateway."


class FaultError(VolanoError):
    """Something of ours failed; what came until then stays."""

    hint = "The reason is in .volano/logs/control.log."


class BadFormError(InvalidError):
    """This form cannot be read."""

    hint = "Use the form of the playground."


def routes(app: Any, guard: Guard, now: Callable[[], int]) -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/prompts/diff", guard(diff), name="prompts"),
        Route("/prompts/diff.json", guard(diff)),
        Route("/playground", guard(show), name="playground", methods=["GET"]),
        Route("/playground.json", guard(show), methods=["GET"]),
        Route("/playground", sent(app, now), methods=["POST"]),
        Route("/playground/ask", asked(app), methods=["POST"]),
    ]


def diff(app: Any, request: Request, now_us: int) -> Response:
    """Show two versions side by side; both refs are in the address."""
    old, new = (request.query_params.get(name, "").strip()[:300] for name in ("old", "new"))
    found = prompt_diff.look(app, old, new)
    if render.wants_json(request):
        return render.json(found.data)
    return render.html(app, request, "prompt_diff.html", now_us, diff=found)


def show(app: Any, request: Request, now_us: int) -> Response:
    """Show the form, filled from the address."""
    form = forms.read(request.query_params.multi_items()[:_MOST_FIELDS])
    page = playground.look(app, form)
    if render.wants_json(request):
        return render.json(page.data)
    return render.html(app, request, "playground.html", now_us, play=page)


def sent(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the plain form: it saves, or asks and shows all that came at once."""

    async def handler(request: Request) -> Response:
        try:
            by = _owner(request)
            form = forms.read(
                await pairs(request, most=_MOST_BYTES, refusal=BadFormError, fields=_MOST_FIELDS)
            )
            return await run_in_threadpool(_answer, app, request, form, by, now())
        except VolanoError as error:
            return render.failure(app, request, error, now())

    return handler


def _answer(app: Any, request: Request, form: Form, by: Principal, now_us: int) -> Response:
    if form.do == "add" or form.do.startswith("drop:"):
        form = forms.changed(form)
        page = playground.look(app, form)
        return render.html(app, request, "playground.html", now_us, play=page)
    page = playground.look(app, form)
    status = 200
    try:
        if form.do == "save":
            ref, new = _save(app, form, by)
            if new:
                return RedirectResponse(links.artifact("prompt", ref), 303)
            page.headline = _already(ref, form.why)
            return render.html(app, request, "playground.html", now_us, play=page)
        whole = _Whole(app, form, by)
        page.results, page.headline = whole.results, whole.headline or page.headline
    except VolanoError as error:
        page.error, status = error, 400
    return render.html(app, request, "playground.html", now_us, status=status, play=page)


def _save(app: Any, form: Form, by: Principal) -> tuple[str, bool]:
    """Save the form; return the version that says it, and whether that is a new one."""
    base = app.playground.sketch(form.prompt) if form.prompt else Sketch()
    form = forms.filled(form, base)
    before = app.prompts.newest(form.name)
    made = app.playground.save(form.name, forms.sketch(form, base), why=form.why, by=by)
    return str(made.ref), before is None or made.number > before.number


def _already(ref: str, why: str) -> Markup:
    """Say that nothing was saved: a version says it already, with its own why."""
    note = _("{ref} is already that: nothing was saved.")
    said = f"{note} {_('It keeps its own why.')}" if why else note
    link = Markup('<a href="{}"><bdi>{}</bdi></a>').format(links.artifact("prompt", ref), ref)
    return escape(said).format(ref=link)


class _Whole:
    """All that a run changes on a page, drawn at once."""

    def __init__(self, app: Any, form: Form, by: Principal):
        self.headline = Markup()
        places: dict[str, str] = {}
        self.results = Markup()
        parts = render.parts(playground.PARTS)
        for where, kind, what in playground.run(
            app, form, parts, by=by, stop=threading.Event()
        ):  # fmt: skip
            if where == "headline":
                self.headline = escape(what)
            elif where == "results":
                self.results = escape(what)
            elif kind == "html":
                places[where] = what
        for where, what in places.items():
            self.results = self.results.replace(f"<!--{where}-->", escape(what))


def asked(app: Any) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the script: one line of JSON for each change of the page."""

    async def handler(request: Request) -> Response:
        try:
            by = _owner(request)
            form = forms.read(
                await pairs(request, most=_MOST_BYTES, refusal=BadFormError, fields=_MOST_FIELDS)
            )
        except VolanoError as error:
            return render.json({"error": {"message": error.message, "hint": error.advice}}, 403)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        lines = _lines(app, form, by)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)

    return handler


async def _lines(app: Any, form: Form, by: Principal) -> AsyncIterator[str]:
    """Run on a thread of its own; when who listens has gone, nothing more is asked."""
    loop, stop = asyncio.get_running_loop(), threading.Event()
    told: asyncio.Queue[Any] = asyncio.Queue()

    def put(piece: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody listens
            loop.call_soon_threadsafe(told.put_nowait, piece)

    def work() -> None:
        parts = render.parts(playground.PARTS)
        try:
            for piece in playground.run(app, form, parts, by=by, stop=stop):
                put(piece)
                if stop.is_set():
                    return
        except VolanoError as error:
            put(("headline", "html", parts.wrong(error)))
        except Exception:
            log.exception("the playground failed")
            put(("headline", "html", parts.wrong(FaultError())))
        finally:
            put(_END)

    threading.Thread(target=work, name="playground", daemon=True).start()
    try:
        while (piece := await told.get()) is not _END:
            where, kind, what = piece
            yield json.dumps({"into": where, kind: str(what)}, ensure_ascii=False) + "\n"
    finally:
        stop.set()


def _owner(request: Request) -> Principal:
    who = visitor(request)
    if not who.may("admin"):
        raise OwnerAskError
    return who.principal

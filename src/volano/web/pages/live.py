"""`/loop/events`: one stream a tab keeps open, whatever page it shows.

It sends states, not steps: each message is the whole live part of that page,
and its id names what it shows. A tab that comes back with `Last-Event-ID` gets
nothing until something has changed, so resuming needs no memory here. All tabs
share one reading of the keepers.
"""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from volano.core.errors import VolanoError
from volano.web.pages import alerts, render, traffic
from volano.web.pages.asked import asked_for
from volano.web.pages.loop import look
from volano.web.pages.nouns import noun
from volano.web.pages.plain import plain

EVERY_S = 1.0
BEAT_S = 15.0
TRAFFIC_EVERY_S = 3.0
"""Sums over a day of calls are not read each second."""
LIFE_S = 600.0
"""A stream ends after this long and the browser asks again: none outlives its session for long."""


class Listener(Protocol):
    """The other end of a stream: a request, as far as the stream needs it."""

    async def is_disconnected(self) -> bool:
        """Say whether it has gone."""
        ...


class Pulse:
    """A page's picture, read at most once in a while however many tabs look."""

    def __init__(
        self,
        app: Any,
        now: Callable[[], int],
        read: Callable[[Any, int], Any] | None = None,
        every_s: float = EVERY_S,
    ):
        self._app, self._now, self._every_s = app, now, every_s
        self._read: Callable[[Any, int], Any] = read or look
        self._lock = threading.Lock()
        self._read_at = -every_s
        self._picture: Any = None

    def look(self) -> Any:
        """Return the picture, at most that old."""
        with self._lock:
            if self._picture is None or time.monotonic() - self._read_at >= self._every_s:
                self._picture = self._read(self._app, self._now())
                self._read_at = time.monotonic()
            return self._picture


def endpoint(app: Any, now: Callable[[], int]) -> Callable[[Request], Any]:
    """Return the handler of the stream."""
    pulse = Pulse(app, now)
    passing = {
        since: Pulse(app, now, partial(traffic.look, since=since), TRAFFIC_EVERY_S)
        for since in traffic.WINDOWS
    }

    burning = Pulse(app, now, alerts.look, TRAFFIC_EVERY_S)

    async def events(request: Request) -> Response:
        shown = request.query_params.get("item", "")
        since = request.query_params.get("traffic", "")
        traces = request.query_params.get("traces", "")
        seen = request.headers.get("last-event-id", "")

        def draw() -> tuple[str, str]:
            if "alerts" in request.query_params:
                found = burning.look()
                return found.digest, render.part("alerts_live.html", now(), picture=found)
            if since in passing:
                return _traffic(passing[since], now())
            if traces:
                return _traces(app, traces, now())
            return _item(app, shown, now()) if shown else _loop(pulse, now())

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        told = stream(request, draw, seen)
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)

    return events


async def stream(
    listener: Listener, draw: Callable[[], tuple[str, str]], seen: str
) -> AsyncIterator[str]:
    """Yield a message whenever what `draw` returns has another name than before.

    A page is read piece by piece, so one drawn while its subject changed may have the new name and
    the old words. So it is looked at once more after each change, and sent again where it differs.
    """
    yield ": volano\n\n"
    begun = beaten = time.monotonic()
    fresh = ""
    while time.monotonic() - begun < LIFE_S and not await listener.is_disconnected():
        try:
            name, html = await run_in_threadpool(draw)
        except VolanoError:
            name, html = seen, ""  # what was shown is gone or out of reach: the page stays as it is
        if name != seen or (html and fresh and html != fresh):
            fresh = html if name != seen else ""
            seen, beaten = name, time.monotonic()
            yield message(name, html)
        elif time.monotonic() - beaten > BEAT_S:
            beaten = time.monotonic()
            yield ": still here\n\n"
        else:
            fresh = ""
        await asyncio.sleep(EVERY_S)


def message(name: str, html: str) -> str:
    """Return one message of the stream (WHATWG HTML, 9.2 Server-sent events)."""
    data = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"id: {name}\n{data}\n"


def _loop(pulse: Pulse, now_us: int) -> tuple[str, str]:
    picture = pulse.look()
    return picture.digest, render.part("loop_live.html", now_us, picture=picture)


def _traffic(pulse: Pulse, now_us: int) -> tuple[str, str]:
    found = pulse.look()
    return found.digest, render.part("traffic_live.html", now_us, traffic=found)


def _traces(app: Any, query: str, now_us: int) -> tuple[str, str]:
    """The rows of a filter; they are read only when something was recorded since."""
    newest = app.traces.tail().next
    kind, asked = noun("traces"), asked_for(dict(parse_qsl(query)))
    return newest, render.part(
        "traces_live.html", now_us, listing=kind.listing(app, asked, now_us), noun=kind,
        asked=asked, narrowed=True, following=None,
    )  # fmt: skip


def _item(app: Any, shown: str, now_us: int) -> tuple[str, str]:
    kind, _slash, key = shown.partition("/")
    item = noun(kind).item(app, key, now_us)
    facts = json.dumps(plain(item.data), sort_keys=True)
    name = hashlib.sha256(facts.encode()).hexdigest()[:16]
    return name, render.part("item_live.html", now_us, item=item, noun=noun(kind))

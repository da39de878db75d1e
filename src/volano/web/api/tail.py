"""`GET /api/v1/traces/tail`: what is recorded, as server-sent events for who asks for a stream.

    event: trace
    data: {"id": "0af7…", "outcome": "ok", …}

    id: 412-9081
    event: at
    data: "412-9081"

The id is the cursor, behind the rows up to it: a client that comes back with
`Last-Event-ID` misses nothing. Who asks for JSON gets one look; see the verb `trace tail`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from volano.core.errors import VolanoError
from volano.web.api import VERBS
from volano.web.api.plain import plain
from volano.web.api.routes import endpoint_of, told, within
from volano.web.sign_in import visitor

EVERY_S = 0.5
BEAT_S = 15.0
LIFE_S = 600.0
"""A stream ends after this long and the client asks again: none outlives its key for long."""

_TAIL = next(verb for verb in VERBS if (verb.noun, verb.name) == ("trace", "tail"))


def tail_route() -> Route:
    """Return the route; it stands before those of the verbs."""
    plainly = endpoint_of(_TAIL)

    async def tail(request: Request) -> Response:
        if "text/event-stream" not in request.headers.get("accept", ""):
            return await plainly(request)
        within(_TAIL, visitor(request))
        where = request.query_params.get("where", "")
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        page = await _look(request.app.state.app, where, after)  # a wrong filter is told at once
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = _events(request, where, page)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    return Route("/api/v1/traces/tail", told("trace tail", tail))


async def _events(request: Request, where: str, page: Any) -> AsyncIterator[str]:
    yield _at(page.next)
    begun = beaten = time.monotonic()
    while True:
        for row in page.rows:
            data = json.dumps(plain(row), ensure_ascii=False)
            yield f"event: trace\ndata: {data}\n\n"
        if page.rows:
            yield _at(page.next)
            beaten = time.monotonic()
        elif time.monotonic() - beaten > BEAT_S:
            beaten = time.monotonic()
            yield ": still here\n\n"
        if time.monotonic() - begun > LIFE_S or await request.is_disconnected():
            return
        await asyncio.sleep(EVERY_S)
        try:
            page = await _look(request.app.state.app, where, page.next)
        except VolanoError:
            return  # the records are out of reach now: the client asks again from its last id


def _at(cursor: str) -> str:
    return f"id: {cursor}\nevent: at\ndata: {json.dumps(cursor)}\n\n"


async def _look(app: Any, where: str, after: str | None) -> Any:
    return await run_in_threadpool(app.traces.tail, where=where, after=after)

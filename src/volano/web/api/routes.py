"""The JSON door: every verb as a route under /api/v1, errors in one shape.

    POST /api/v1/releases/support@2/promote   {"channel": "support", "plan": "5%,25%,100%"}
    GET  /api/v1/releases?limit=5

Arguments come from the path, the query (GET) or a JSON object (POST). Errors
are `{"error": {"code", "message", "hint"}}` with the status of their family.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from volano.core import errors
from volano.web.api import VERBS, Verb
from volano.web.api.plain import plain
from volano.web.api.say import say
from volano.web.api.verb import FAMILY_HEADER
from volano.web.sign_in import Visitor, visitor

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_BODY_BYTES = 64 * 1024 * 1024
log = logging.getLogger(__name__)


class WrongMethodError(errors.InvalidError):
    """The path is there, but it does not take this method."""

    hint = "{path} takes {allowed}."


STATUS: tuple[tuple[type[errors.VolanoError], int], ...] = (
    (WrongMethodError, 405),
    (errors.InvalidError, 400),
    (errors.UnauthenticatedError, 401),
    (errors.ForbiddenError, 403),
    (errors.NotFoundError, 404),
    (errors.ConflictError, 409),
    (errors.GateError, 409),
    (errors.TooLargeError, 413),
    (errors.UnavailableError, 503),
    (errors.VolanoError, 500),
)


class NotJSONError(errors.InvalidError):
    """The body is not a JSON object: {why}."""

    hint = 'Send an object, such as {"channel": "support"}, as UTF-8.'


class MissingScopeError(errors.ForbiddenError):
    """This key may not say `{noun} {verb}`."""

    hint = (
        "Use the console's session or the command line for it, or a key with the scope `{scope}`."
    )


class OwnerOnlyError(errors.ForbiddenError):
    """Only the owner may say `{noun} {verb}`, and no key."""

    hint = "Use the command line or the console."


class BodyTooLargeError(errors.TooLargeError):
    """The body is larger than {limit} bytes."""


def routes() -> list[Route]:
    """Return a route for each verb: literal paths first, then those with a word at the end."""
    ordered = sorted(VERBS, key=lambda verb: ("{" in verb.path, verb.path.endswith("}")))
    return [
        Route(f"/api/v1{_pattern(verb)}", endpoint_of(verb), methods=[verb.method])
        for verb in ordered
    ]


def status_of(error: errors.VolanoError) -> int:
    """Return the HTTP status of an error's family."""
    return next(status for family, status in STATUS if isinstance(error, family))


def error_response(error: errors.VolanoError) -> JSONResponse:
    """Return an error in the door's one shape."""
    content = {"code": error.code, "message": error.message, "hint": error.advice}
    if error.shown:
        content["shown"] = error.shown
    headers = {}
    if isinstance(error, errors.GateError):
        headers[FAMILY_HEADER] = errors.GateError.__name__
    if isinstance(error, WrongMethodError):
        headers["allow"] = error.facts["allowed"]
    return JSONResponse({"error": plain(content)}, status_of(error), headers)


def _pattern(verb: Verb) -> str:
    """Refs and names may hold slashes: their parameter takes the rest before the verb."""
    head, brace, tail = verb.path.partition("{")
    name, _, rest = tail.partition("}")
    return f"{head}{{{name}:path}}{rest}" if brace else head


def told(what: str, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with its errors in the door's one shape; ours without their insides."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except errors.VolanoError as error:
            return error_response(error)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            log.exception("%s failed", what)
            hint = "The reason is in .volano/logs/control.log."
            return error_response(errors.VolanoError(f"volano failed at `{what}`.", hint=hint))

    return guarded


def endpoint_of(verb: Verb) -> Endpoint:
    """Return what answers for a verb."""

    async def endpoint(request: Request) -> Response:
        who = visitor(request)
        within(verb, who)
        arguments = {**await _arguments(request), **request.path_params}
        _take_idempotency_key(verb, request, arguments)
        result = await run_in_threadpool(
            say, request.app.state.app, verb, arguments, by=who.principal, local=who.local
        )
        return JSONResponse(result)

    return told(f"{verb.noun} {verb.name}", endpoint)


def _take_idempotency_key(verb: Verb, request: Request, arguments: dict[str, Any]) -> None:
    """A client that says a thing twice, because no answer came, sends the same key again."""
    key = request.headers.get("idempotency-key")
    for name in ("feedback_id", "idempotency_key"):
        if key and verb.changes and any(p.name == name and not p.first for p in verb.params):
            arguments.setdefault(name, key)


def within(verb: Verb, who: Visitor) -> None:
    """Refuse who may not say this verb.

    Raises:
        ForbiddenError: they may not.
    """
    if who.may(verb.scope):
        return
    if verb.scope == "admin":
        raise OwnerOnlyError(noun=verb.noun, verb=verb.name)
    raise MissingScopeError(noun=verb.noun, verb=verb.name, scope=verb.scope)


async def _arguments(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return dict(request.query_params)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError(limit=MAX_BODY_BYTES)
    if not body:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotJSONError(why=str(error)[:200]) from error
    if not isinstance(value, dict):
        raise NotJSONError(why=f"it is a {type(value).__name__}")
    return value

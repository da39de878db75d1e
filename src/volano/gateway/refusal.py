"""Errors as answers: status, OpenAI's error object, headers."""

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
from volano.gateway.call import Call
from volano.gateway.door import CHAT, Door
from volano.gateway.errors import EncodedBodyError, RateLimitError, WrongMethodError
from volano.gateway.record import record
from volano.wire.request import Request

JSON = b"content-type: application/json\r\n"
_FAMILIES: tuple[tuple[type[VolanoError], int, str], ...] = (
    (WrongMethodError, 405, "invalid_request_error"),
    (EncodedBodyError, 415, "invalid_request_error"),
    (RateLimitError, 429, "rate_limit_error"),
    (UnauthenticatedError, 401, "authentication_error"),
    (ForbiddenError, 403, "permission_error"),
    (NotFoundError, 404, "not_found_error"),
    (TooLargeError, 413, "invalid_request_error"),
    (ConflictError, 409, "invalid_request_error"),
    (InvalidError, 400, "invalid_request_error"),
    (UnavailableError, 503, "server_error"),
)


def status_of(error: VolanoError) -> tuple[int, str]:
    """HTTP status and OpenAI's error type."""
    for family, status, kind in _FAMILIES:
        if isinstance(error, family):
            return status, kind
    return 500, "server_error"


def refuse(request: Request, error: VolanoError, door: Door = CHAT) -> None:
    """Answer with the error's own status, in the words of the door it came to."""
    status, body, extra = as_answer(error, door)
    request.respond(status, JSON + extra, body)


def as_answer(error: VolanoError, door: Door, request_id: str = "") -> tuple[int, bytes, bytes]:
    """(status, body, header lines) of an error."""
    status, kind = status_of(error)
    message = f"{error.message} {error.advice}".strip()
    param = error.facts.get("param")
    code = error.facts.get("code") or error.code
    body = door.error(status, message, kind=kind, param=param, code=code, request_id=request_id)
    extra = b""
    if status == 401:
        extra = b"www-authenticate: Bearer\r\n"
    elif isinstance(error, RateLimitError):
        extra = error.headers
    elif status == 503:
        extra = b"retry-after: %d\r\n" % error.facts.get("retry_after_s", 1)
    elif status == 405:
        extra = f"allow: {error.facts['allowed']}\r\n".encode()
    return status, body, extra


def refuse_call(call: Call, error: VolanoError) -> None:
    """Refuse a call: traced as "refused" when its key was good, then answered."""
    status, body, extra = as_answer(error, call.door, call.trace)
    call.status, call.outcome, call.error, call.response = status, "refused", error.message, body
    if call.key is None:  # nobody's: no trace, but it is counted
        call.state.pulse.count((call.door.name, "", "", ""), "refused", status, 0)
    record(call)
    call.request.respond(status, JSON + extra + trace_headers(call), body)


_CACHED = {said: f"x-volano-cache: {said}\r\n".encode() for said in ("hit", "coalesced", "miss")}


_ANTHROPIC = ("anthropic.messages", "anthropic.count_tokens")
"""The doors whose clients look for the id in a header of another name."""


def trace_headers(call: Call) -> bytes:
    """The header lines that let a client name its call."""
    if not call.trace:
        return b""
    trace = call.trace
    lines = f"x-volano-trace: {trace}\r\nx-request-id: {trace}\r\n".encode()
    if call.door.name in _ANTHROPIC:
        lines += f"request-id: {trace}\r\n".encode()
    if call.cached:
        lines += _CACHED[call.cached]
    return lines if call.granted is None else lines + call.granted.headers()

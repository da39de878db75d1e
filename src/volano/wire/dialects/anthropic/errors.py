"""Errors of the messages API, between Anthropic's words and OpenAI's."""

import msgspec

from volano.wire.dialect import Fault

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_OF_STATUS = {status: kind for kind, status in _STATUS.items()} | {503: "overloaded_error"}
_OPENAI = {
    "billing_error": "insufficient_quota",
    "request_too_large": "invalid_request_error",
    "conflict_error": "invalid_request_error",
    "api_error": "server_error",
    "timeout_error": "server_error",
    "overloaded_error": "server_error",
}
_ANTHROPIC = {"insufficient_quota": "billing_error", "server_error": "api_error"}
_MAX_TEXT = 500


def read_error(status: int, body: bytes) -> Fault:
    """What the provider complains about; never raises."""
    kind = _of_status(status)
    try:
        error = msgspec.json.decode(body)["error"]
        fault = fault_of(error.get("type") or kind, error["message"])
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        fault = fault_of(kind, body[:_MAX_TEXT].decode(errors="replace").strip())
    nothing = f"The provider answered with status {status}."
    return fault if fault.message else fault._replace(message=nothing)


def fault_of(kind: object, message: object) -> Fault:
    """The fault in OpenAI's words; its code is Anthropic's kind where the two differ.

    Raises:
        TypeError: these are no words.
    """
    if not isinstance(kind, str) or not isinstance(message, str):
        raise TypeError
    said = _OPENAI.get(kind, kind)
    return Fault(message, said, None if said == kind else kind)


def status_of(kind: str) -> int:
    """The status that Anthropic gives with this kind of error."""
    return _STATUS.get(kind, 500)


def _of_status(status: int) -> str:
    return _OF_STATUS.get(status, "invalid_request_error" if status < 500 else "api_error")


def write_error(
    status: int, message: str, *,
    kind: str, param: str | None = None, code: str = "", request_id: str = "",
) -> bytes:  # fmt: skip
    """Return an error's body. The field is named in the message, as Anthropic does."""
    if param and param not in message:
        message = f"{param}: {message}"
    if code in _STATUS:
        said = code
    elif status in (413, 503, 504, 529):
        said = _OF_STATUS[status]
    else:
        said = _ANTHROPIC.get(kind, kind)
    if said not in _STATUS:
        said = _of_status(status)
    error = {"type": said, "message": message}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id or None})

"""Errors of the chat API: OpenAI's error object, read and written."""

import msgspec

from volano.wire.dialect import Fault

_BY_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_MAX_TEXT = 500


def read_error(status: int, body: bytes) -> Fault:
    """What the provider complains about; never raises.

    Compatible servers also answer `{"error": "text"}`, `{"message": ...}`,
    `{"detail": ...}`, lists of errors, pages of HTML, and nothing.
    """
    kind = _BY_STATUS.get(status, "invalid_request_error" if status < 500 else "server_error")
    try:
        fault = fault_of(msgspec.json.decode(body), kind)
    except (ValueError, OverflowError, RecursionError):
        fault = Fault(body[:_MAX_TEXT].decode(errors="replace").strip(), kind)
    nothing = f"The provider answered with status {status}."
    return fault if fault.message else fault._replace(message=nothing)


def fault_of(value: object, kind: str) -> Fault:
    """The fault that a decoded error body says; `kind` where it does not name one.

    Raises:
        ValueError, OverflowError: it holds what cannot be said again.
    """
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return Fault(str(error)[:_MAX_TEXT], kind)
    message = error.get("message") or error.get("detail") or error.get("msg")
    if not isinstance(message, str):
        message = msgspec.json.encode(message or error).decode()[:_MAX_TEXT]
    said, code = error.get("type"), error.get("code")
    known = said if isinstance(said, str) and said else kind
    return Fault(message, known, None if code is None else str(code))

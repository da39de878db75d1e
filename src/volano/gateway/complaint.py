"""What an upstream says when it does not answer, and what of it a client hears."""

from volano.gateway.door import Door
from volano.gateway.mask import masked
from volano.gateway.snapshot import Target
from volano.serving.refusal import refusal_of
from volano.wire.dialects.all import SPOKEN, SPOKEN_EMBEDDINGS
from volano.wire.openai import is_error_object

OURS = frozenset((401, 402, 403, 404, 407))
"""Statuses that speak of our credentials and addresses: another target may have better ones."""


def as_client_hears(
    door: Door, dialect: str, target: Target, status: int, body: bytes, request_id: str
) -> tuple[int, bytes, str]:
    """(status, body, text for the trace): passed on when it speaks of the client's request.

    What speaks of our own credentials or addresses (401, 403, 404 and redirects)
    is not the client's doing: 502. An engine's own words are put into the door's.
    """
    body = masked(body, target)
    refusal = refusal_of(status, body) if target.engine else None
    if refusal is not None:
        said = door.error(
            refusal.status, refusal.message, kind="invalid_request_error",
            param=refusal.param, code=refusal.code, request_id=request_id,
        )  # fmt: skip
        return refusal.status, said, refusal.message
    message = f"the upstream answered {status}: {body[:500].decode('utf-8', 'replace')}"
    if status < 400 or status in OURS:
        return 502, _plainly(door, 502, status, request_id), message
    if dialect != door.name:
        fault = (SPOKEN.get(dialect) or SPOKEN_EMBEDDINGS[dialect]).read_error(status, body)
        shown = door.error(
            status, fault.message, kind=fault.kind, code=fault.code or "", request_id=request_id
        )
        return status, shown, message
    if is_error_object(body):
        return status, body, message
    return status, _plainly(door, status, status, request_id), message


def _plainly(door: Door, shown: int, status: int, request_id: str) -> bytes:
    text, code = f"The upstream answered {status}.", f"upstream_{status}"
    return door.error(shown, text, kind="server_error", code=code, request_id=request_id)


def retry_after_s(headers: list[tuple[bytes, bytes]]) -> float:
    """Seconds that the upstream asks to wait (RFC 9110 §10.2.3; OpenAI's milliseconds); 0: none."""
    for name, value in headers:
        try:
            if name == b"retry-after-ms":
                return max(0.0, float(value) / 1000.0)
            if name == b"retry-after":
                return max(0.0, float(value))
        except ValueError:
            continue  # a date, which no model provider sends
    return 0.0

"""What an upstream says when it does not answer, and what of it a client hears."""

from volano.gateway.call import Call
from volano.gateway.mask import masked
from volano.gateway.snapshot import Target
from volano.serving.refusal import refusal_of
from volano.wire.dialects.all import SPOKEN, SPOKEN_EMBEDDINGS
from volano.wire.openai import is_error_object

OURS = frozenset((401, 402, 403, 404, 407))
"""Statuses that speak of our credentials and addresses: another target may have better ones."""


def as_client_hears(
    call: Call, dialect: str, target: Target, status: int, body: bytes
) -> tuple[int, bytes, str]:
    """(status, body, text for the trace): passed on when it speaks of the client's request.

    What speaks of our own credentials or addresses (401, 403, 404 and redirects)
    is not the client's doing: 502. An engine's own words are put into the door's.
    """
    door, body = call.door, masked(body, target)
    refusal = refusal_of(status, body) if target.engine else None
    if refusal is not None:
        said = door.error(
            refusal.status, refusal.message, kind="invalid_request_error",
            param=refusal.param, code=refusal.code, request_id=call.trace,
        )  # fmt: skip
        return refusal.status, said, refusal.message
    message = f"the upstream answered {status}: {body[:500].decode('utf-8', 'replace')}"
    if status < 400 or status in OURS:
        return 502, _plainly(call, target, 502, status), message
    if dialect != door.name:
        fault = (SPOKEN.get(dialect) or SPOKEN_EMBEDDINGS[dialect]).read_error(status, body)
        shown = door.error(
            status, fault.message, kind=fault.kind, code=fault.code or "", request_id=call.trace
        )
        return status, shown, message
    if is_error_object(body):
        return status, body, message
    return status, _plainly(call, target, status, status), message


def spared(call: Call, target: Target, for_s: float) -> tuple[bytes, str]:
    """(body, text for the trace) of a call whose target asked for rest and is not asked."""
    seconds = max(1, round(for_s))
    error = f"the target `{target.name}` asked for rest and was not asked; {seconds} s are left"
    message = (
        f"The target `{target.name}` of channel `{call.channel}` is at its provider's limit. "
        f"Try again in {seconds} s. The owner can add a key with `volano target key "
        f"{target.name}`, or a second target to the model."
    )
    code = "upstream_429"
    said = call.door.error(429, message, kind="rate_limit_error", code=code, request_id=call.trace)
    return said, error


def still_loading(call: Call, for_s: int) -> str:
    """What a client hears whose model is not loaded yet, is loaded again after a fall, or does not start."""
    return (
        f"The model of channel `{call.channel}` is not ready: it is being loaded, or could not be. "
        f"Try again in {for_s} s. "
        f"The owner sees with `volano engine list` how it is, and with `volano trace show "
        f"{call.trace}` what was tried."
    )


_KEY = "Give it one with `volano target key {name}`; `volano target check {name}` asks with each"
_SAID = {
    401: ("does not accept its key", _KEY),
    402: (
        "wants its account paid",
        "Pay it, or give it another key with `volano target key {name}`",
    ),
    403: ("does not let its key do this", _KEY),
    404: (
        "does not know this model or path",
        "`volano target check {name}` lists its models, `volano target show {name}` its address",
    ),
    407: (
        "is behind a proxy that wants credentials",
        "`volano target show {name}` tells its address",
    ),
    501: ("cannot do this", "`volano target show {name}` tells what it understands"),
}
_ELSEWHERE = (
    "sends calls elsewhere, which is not followed",
    "Give it the right address with `volano target update {name} --url URL`",
)
_OTHERS = "answered with an error", "Try again; see `volano target check {name}`"


def _plainly(call: Call, target: Target, shown: int, status: int) -> bytes:
    """Name the target, the channel and the next command; nothing of what the upstream wrote."""
    what, next_ = _ELSEWHERE if status < 400 else _SAID.get(status, _OTHERS)
    if status == 401 and not target.keys:
        what = "wants a key"
    if target.engine:
        what, next_ = _OTHERS[0], "Try again; see `volano status`"
    elif "@" in target.name:  # a model that names its server itself
        next_ = "See `volano model show {name}` and `volano model keys`"
    text = (
        f"The target `{target.name}` of channel `{call.channel}` {what} (status {status}). "
        f"{next_.format(name=target.name)}. See `volano trace show {call.trace}`."
    )
    code = f"upstream_{status}"
    return call.door.error(shown, text, kind="server_error", code=code, request_id=call.trace)


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

"""Sends batches of spans to the OTLP door: gzip, and a plain answer of what became of each.

What may be sent again and what not is OTLP/HTTP's rule (opentelemetry-proto, OTLP 1.x,
"Failures"): 429, 502, 503, 504 and no answer at all may, with `Retry-After` where it
is given; everything else would be refused the same way again.
"""

import gzip
from collections.abc import Sequence
from typing import Any

from volano.client.errors import UnreachableError
from volano.client.tracing.otlp import Encoder
from volano.client.tracing.outbox import Outcome
from volano.client.tracing.span import Span
from volano.client.wire import Answer, Wire, parsed
from volano.core.retry_after import seconds

PATH = "/v1/traces"
AGAIN = frozenset({408, 429, 500, 502, 503, 504})
LONGEST_S = 300.0
_SMALL = 1024


class Sender:
    """The post of spans."""

    def __init__(self, wire: Wire, encoder: Encoder):
        self._wire, self._encoder = wire, encoder
        self._gzip = True

    def pack(self, items: Sequence[Span]) -> bytes:
        return self._encoder.body(items)

    def send(self, parcel: bytes) -> Outcome:
        body, headers = parcel, {}
        if self._gzip and len(parcel) > _SMALL:
            body, headers = gzip.compress(parcel, 3, mtime=0), {"content-encoding": "gzip"}
        try:
            answer = self._wire.exchange("POST", PATH, body, headers)
        except UnreachableError as error:
            return Outcome("again", error.message)
        return self._judged(answer, squeezed=bool(headers))

    def forget(self) -> None:
        self._wire.forget()

    def _judged(self, answer: Answer, *, squeezed: bool) -> Outcome:
        status = answer.status
        if 200 <= status < 300:
            return taken_in(answer)
        if status == 413:
            return Outcome("split", f"{self._place} finds a span too large")
        if status == 415 and squeezed:
            self._gzip = False
            return Outcome("again")
        return refused(answer, self._place)

    @property
    def _place(self) -> str:
        return f"{self._wire.base_url}{PATH}"


def refused(answer: Answer, place: str) -> Outcome:
    """Return what follows from a refusal: later again, or lost."""
    why = f"{place} answered {answer.status}{_said(answer)}"
    if answer.status in AGAIN:
        return Outcome("again", why, retry_after_s(answer))
    return Outcome("lost", why + _ADVICE.get(answer.status, ""))


def taken_in(answer: Answer) -> Outcome:
    """Return what follows from a status of success: also there some may be refused."""
    content = parsed(answer.body) if answer.body else {}
    if not isinstance(content, dict):
        return Outcome("lost", "what answered is no volano: see that VOLANO_URL is right")
    part = content.get("partialSuccess")
    try:
        count = int(part["rejectedSpans"]) if isinstance(part, dict) else 0
    except (KeyError, TypeError, ValueError):
        count = 0
    why = str(part.get("errorMessage", ""))[:_WORDS] if isinstance(part, dict) else ""
    return Outcome("sent", why, lost=max(count, 0))


def retry_after_s(answer: Answer) -> float:
    """Return the seconds of `Retry-After` (RFC 9110 §10.2.3): a number or a date; 0 without."""
    return min(seconds(answer.headers.get("retry-after", "")) or 0.0, LONGEST_S)


def _said(answer: Answer) -> str:
    content: Any = parsed(answer.body)
    said = content.get("error", content) if isinstance(content, dict) else None
    message = said.get("message") if isinstance(said, dict) else None
    return f": {message[:_WORDS]}" if isinstance(message, str) else ""


_WORDS = 200
_ADVICE = {
    401: " (see that VOLANO_KEY is right)",
    403: " (see what the key may with `volano key list`)",
    404: " (see that VOLANO_URL is right)",
}

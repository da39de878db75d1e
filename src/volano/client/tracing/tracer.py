"""The Tracer: makes spans, keeps which one is current, and leaves those that ended in the outbox."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from volano.client.tracing.outbox import Outbox
from volano.client.tracing.parent import Parent, from_header, from_opentelemetry
from volano.client.tracing.scope import SCOPE
from volano.client.tracing.span import CURRENT, Span


@dataclass(frozen=True)
class Tracing:
    """How to trace. `sample` is the share of traces that is recorded, chosen by the trace's id.

    `capture` says whether a decorated function's arguments and result are taken;
    `redact(attribute, value)` returns what is sent in the value's place.
    """

    on: bool = True
    service: str = ""
    release: str = ""
    environment: str = ""
    sample: float = 1.0
    capture: bool = True
    redact: Callable[[str, Any], Any] | None = None

    def resource(self) -> dict[str, str]:
        """Return the attributes that all spans of this process share."""
        return {
            "service.name": self.service or _program(),
            "service.version": self.release,
            "deployment.environment.name": self.environment,
            "telemetry.sdk.name": "volano",
            "telemetry.sdk.language": "python",
        }


class Tracer:
    """Begins and ends spans in the host's threads."""

    def __init__(self, how: Tracing, outbox: Outbox | None):
        """Without an outbox, spans have ids and are not recorded."""
        self.how, self._outbox = how, outbox
        self.capture = how.capture
        self._records = how.on and outbox is not None
        self._below = round(min(max(how.sample, 0.0), 1.0) * 2**64)
        self._bits = Random(os.urandom(16)).getrandbits

    def begin(self, name: str, kind: str, above: Any = None) -> Span:
        """Return a span that runs from now on; `above` is a span or a `traceparent`.

        A root takes the decision whether to record by its trace's id, so that all
        processes with the same `sample` decide alike (OpenTelemetry's `TraceIdRatioBased`);
        a child does as its parent did.
        """
        current = CURRENT.get()
        seen = from_opentelemetry()
        parent = _parent(above, current, seen)
        if parent is None:
            trace = self._bits(128) | 1 << 64 | 1
            above_span, sampled = 0, trace & _LOW < self._below
        else:
            trace, above_span, sampled = parent
        span = Span(
            name, kind, trace, self._bits(64) or 1, above_span, SCOPE.get(),
            recorded=sampled and self._records,
        )  # fmt: skip
        span.seen = seen
        span.began_ns = time.time_ns()
        span.clock_ns = time.perf_counter_ns()
        return span

    def end(self, span: Span, error: BaseException | None = None) -> None:
        """End a span, with what went wrong in it; once."""
        if span.ended_ns:
            return
        span.ended_ns = span.began_ns + time.perf_counter_ns() - span.clock_ns
        if span.recorded and self._outbox is not None:
            if error is not None:
                span.fail(error)
            self._outbox.put(span, span.size)

    def reseed(self) -> None:
        """A forked process makes ids of its own."""
        self._bits = Random(os.urandom(16)).getrandbits


def _parent(above: Any, current: Span | None, seen: Parent | None) -> tuple[int, int, bool] | None:
    """Return the trace, the span above and its decision.

    What is said goes first; then OpenTelemetry's span, if it began inside of ours and
    belongs to the same trace, or if there is none of ours; then ours.
    """
    if above is not None:
        if isinstance(above, Span):
            if above.trace_number:
                return above.trace_number, above.span_number, above.recorded
        else:
            found = from_header(_header(above))
            if found is not None:
                return found.trace, found.span, found.sampled
    if current is None:
        return None if seen is None else (seen.trace, seen.span, seen.sampled)
    if seen is not None and seen.trace == current.trace_number and seen != current.seen:
        return seen.trace, seen.span, current.recorded
    return current.trace_number, current.span_number, current.recorded


def _header(above: Any) -> Any:
    """Return the `traceparent` of headers, however its name is spelled, or the text itself."""
    if isinstance(above, Mapping):
        return next((v for k, v in above.items() if str(k).lower() == "traceparent"), None)
    return above


def _program() -> str:
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else ""  # noqa: PTH119
    return name.removesuffix(".py") or "python"


_LOW = 2**64 - 1

"""Where a span hangs: below a W3C `traceparent`, another span, or OpenTelemetry's current one."""

import re
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parent:
    """A span somewhere. Ids are numbers; `sampled` says whether it is recorded."""

    trace: int
    span: int
    sampled: bool = True


def from_header(text: Any) -> Parent | None:
    """Return what a `traceparent` header names (W3C trace context); None where it is none."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    found = _HEADER.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    return Parent(int(found[2], 16), int(found[3], 16), bool(int(found[4], 16) & 1))


def from_opentelemetry() -> Parent | None:
    """Return OpenTelemetry's current span, where the host has it loaded; it is never imported."""
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    try:
        context = module.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return Parent(context.trace_id, context.span_id, bool(context.trace_flags & 1))
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not the host's trouble
        return None


_HEADER = re.compile(
    "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)

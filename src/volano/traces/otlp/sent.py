"""Sent: a span as it was sent, whatever the encoding; and the program that sent it."""

from collections.abc import Iterator
from typing import Any

import msgspec


class Source(msgspec.Struct, gc=False):
    """Who sent spans: a resource (a program) and a scope (a library in it)."""

    resource: dict[str, Any]
    scope: dict[str, Any]


class Sent(msgspec.Struct, gc=False):
    """One span. Ids are hex in lower case, "" where there is none; times nanoseconds UTC.

    `why` says why it cannot be read, where that is so; then `name` is all that is known.
    """

    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    name: str = ""
    kind: int = 0
    start_ns: int = 0
    end_ns: int = 0
    attributes: dict[str, Any] = {}
    events: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    status: int = 0
    message: str = ""
    trace_state: str = ""
    why: str = ""


Reading = Iterator[tuple[Source, Iterator[Sent]]]
"""What a reader of an encoding gives: for each source its spans, one after the other."""

"""Tree: the calls and the spans of one trace, each below the one that caused it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from volano.traces.span import Span
from volano.traces.trace import Trace

_began = attrgetter("began_us", "seq")


@dataclass(frozen=True, slots=True)
class Node:
    """One step in its place. `what` says whether the gateway saw it or its application sent it."""

    depth: int
    what: Literal["call", "span"]
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    began_us: int
    latency_us: int
    outcome: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_nano: int | None
    cost_currency: str | None


def tree(calls: Iterable[Trace], spans: Iterable[Span]) -> tuple[Node, ...]:
    """Return the steps of a trace, each before those below it, siblings by their beginning.

    A step whose parent is not there is a root: it came late, or nobody sends it.
    Steps that name each other as parents are shown all the same, once.
    """
    steps: list[Trace | Span] = sorted([*calls, *spans], key=_began)
    known = {step.span_id for step in steps}
    below: dict[str | None, list[Trace | Span]] = {}
    for step in steps:
        parent = step.parent_span_id if step.parent_span_id in known else None
        below.setdefault(parent if parent != step.span_id else None, []).append(step)
    nodes, seen = [], set[int]()
    for root in (*below.get(None, ()), *steps):  # the second time: those in a circle
        for depth, step in _walk(root, below, seen):
            nodes.append(_node(step, depth))
    return tuple(nodes)


def _walk(
    root: Trace | Span, below: dict[str | None, list[Trace | Span]], seen: set[int]
) -> Iterator[tuple[int, Trace | Span]]:
    """Without recursion: a trace may be deeper than Python's stack."""
    waiting = [(0, root)]
    while waiting:
        depth, step = waiting.pop()
        if id(step) in seen:
            continue
        seen.add(id(step))
        yield depth, step
        waiting += [(depth + 1, one) for one in reversed(below.get(step.span_id, ()))]


def _node(step: Trace | Span, depth: int) -> Node:
    call = isinstance(step, Trace)
    return Node(
        depth, "call" if call else "span", step.span_id, step.parent_span_id,
        step.channel if isinstance(step, Trace) else step.name,
        "call" if isinstance(step, Trace) else step.kind,
        step.began_us, step.latency_us, step.outcome, step.model,
        step.prompt_tokens, step.completion_tokens, step.cost_nano, step.cost_currency,
    )  # fmt: skip

"""A trace as a graph: who called whom, by name, how often, how long, at what cost.

Agents, tools, models and retrievers are nodes; steps between them (chains,
HTTP requests) are passed through, so that an edge leads to the nearest one
above. A large trace is no larger a graph: nodes of one name are one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from volano.traces.step import Step

ACTORS = (
    "agent",
    "tool",
    "llm",
    "embedding",
    "retriever",
    "reranker",
    "guardrail",
    "evaluator",
    "call",
)
"""Kinds that are nodes."""
MOST_NODES = 40
START = ("start", "")
Name = tuple[str, str]
"""Kind and name."""


@dataclass(slots=True)
class Sum:
    """How often, how long together, how many failed, tokens, and the cost by currency."""

    times: int = 0
    latency_us: int = 0
    failed: int = 0
    tokens: int = 0
    nano: dict[str, int] = field(default_factory=dict)
    example: str = ""
    """A step of it: one that failed, where there is one."""

    def add(self, step: Step) -> None:
        """Count one step."""
        if not self.example or (step.failed and not self.failed):
            self.example = step.span_id
        self.times += 1
        self.latency_us += step.latency_us
        self.failed += step.failed
        self.tokens += (step.prompt_tokens or 0) + (step.completion_tokens or 0)
        if step.cost_nano is not None and step.cost_currency:
            self.nano[step.cost_currency] = self.nano.get(step.cost_currency, 0) + step.cost_nano


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges. `steps` were read; `whole` is False where the trace has more."""

    nodes: Mapping[Name, Sum]
    edges: Mapping[tuple[Name, Name], Sum]
    steps: int
    whole: bool


def graph(steps: Iterable[Step], *, whole: bool = True) -> Graph:
    """Return the graph of these steps. Of very many names the rarest of a kind become one."""
    of: dict[str, Step] = {step.span_id: step for step in steps}
    names = _names(of)
    nodes: dict[Name, Sum] = {}
    edges: dict[tuple[Name, Name], Sum] = {}
    callers: dict[str, Name] = {}
    for step in of.values():
        name = names.get(step.span_id)
        if name is not None:
            nodes.setdefault(name, Sum()).add(step)
            edges.setdefault((_caller(step, of, names, callers), name), Sum()).add(step)
    if any(a == START for a, _ in edges):
        nodes[START] = Sum(times=sum(s.times for (a, _), s in edges.items() if a == START))
    return Graph(nodes, edges, len(of), whole)


def _names(of: Mapping[str, Step]) -> dict[str, Name]:
    counts: dict[Name, int] = {}
    names: dict[str, Name] = {}
    for step in of.values():
        if step.kind in ACTORS:
            called = (step.model or step.name) if step.kind in ("llm", "embedding") else step.name
            name = (step.kind, called or step.kind)
            names[step.span_id] = name
            counts[name] = counts.get(name, 0) + 1
    if len(counts) <= MOST_NODES:
        return names
    kept = set(sorted(counts, key=lambda name: -counts[name])[: MOST_NODES - len(ACTORS)])
    return {span: name if name in kept else (name[0], "…") for span, name in names.items()}


def _caller(
    step: Step, of: Mapping[str, Step], names: Mapping[str, Name], known: dict[str, Name]
) -> Name:
    """Return the nearest node above; each step on the way is walked over once."""
    way: list[str] = []
    at, found = step.parent_span_id, START
    seen = set[str]()
    while at is not None and at in of and at not in seen:
        if at in names:
            found = names[at]
            break
        if at in known:
            found = known[at]
            break
        seen.add(at)
        way.append(at)
        at = of[at].parent_span_id
    known.update(dict.fromkeys(way, found))
    return found

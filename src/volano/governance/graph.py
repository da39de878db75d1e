"""A graph of lineage: what things are (nodes) and what came of what (edges)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

NodeType = Literal["source", "run", "artifact", "channel"]


@dataclass(frozen=True, slots=True)
class Node:
    """One thing. `id` names it in the graph (`dataset/tickets@1`, `run/…`), `told` says more."""

    id: str
    type: NodeType
    kind: str
    name: str
    at_us: int | None = None
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` came of `source`, which was used as `role`."""

    source: str
    target: str
    role: str


class Graph:
    """Nodes by their id and edges, each once, in the order in which they were added."""

    def __init__(self, root: Node):
        self.root = root.id
        self.truncated = False
        self._nodes: dict[str, Node] = {root.id: root}
        self._edges: dict[Edge, None] = {}

    def add(self, node: Node) -> Node:
        """Add a node, unless it is there."""
        return self._nodes.setdefault(node.id, node)

    def join(self, source: Node, target: Node, role: str) -> None:
        """Add an edge with its nodes."""
        self.add(source)
        self.add(target)
        self._edges[Edge(source.id, target.id, role)] = None

    def nodes(self, *types: NodeType) -> list[Node]:
        """Return the nodes of these types; of all, when none is named."""
        return [node for node in self._nodes.values() if not types or node.type in types]

    def edges(self) -> Iterable[Edge]:
        """Return all edges."""
        return self._edges

    def to_dict(self) -> dict[str, Any]:
        """Return what a page can draw: the root's id, nodes, edges."""
        return {
            "root": self.root,
            "nodes": self.nodes(),
            "edges": list(self._edges),
            "truncated": self.truncated,
        }

"""A layered drawing of a small directed graph (after Sugiyama, 1981), without a library.

Each node stands in a layer below all that call it; edges that close a circle
are turned for that. Within a layer nodes are ordered by the middle of their
neighbours, a few sweeps down and up.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

WIDE, HIGH, GAP_X, GAP_Y = 168, 50, 28, 58
_SWEEPS = 4
N = TypeVar("N", bound=Hashable)
Edge = tuple[N, N]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where the nodes stand (left upper corner), the paths of the edges, and the whole size."""

    at: Mapping[object, tuple[float, float]]
    paths: Mapping[tuple[object, object], str]
    width: float
    height: float


def draw(nodes: Sequence[N], edges: Sequence[Edge[N]]) -> Drawing:
    """Place the nodes; edges run from the lower side of one to the upper side of the other."""
    forward = _without_circles(nodes, edges)
    layers = _ordered(_layers(nodes, forward), forward)
    widest = max((len(layer) for layer in layers), default=1)
    width = widest * (WIDE + GAP_X) - GAP_X
    at: dict[object, tuple[float, float]] = {}
    for depth, layer in enumerate(layers):
        left = (width - (len(layer) * (WIDE + GAP_X) - GAP_X)) / 2
        for n, node in enumerate(layer):
            at[node] = (left + n * (WIDE + GAP_X), depth * (HIGH + GAP_Y))
    paths: dict[tuple[object, object], str] = {(a, b): _path(at[a], at[b]) for a, b in edges}
    return Drawing(at, paths, width, max(1, len(layers)) * (HIGH + GAP_Y) - GAP_Y)


def _without_circles(nodes: Sequence[N], edges: Sequence[Edge[N]]) -> list[Edge[N]]:
    """Return the edges with those turned that lead back to where a walk came from."""
    after: dict[N, list[N]] = {node: [] for node in nodes}
    for a, b in edges:
        if a != b:
            after[a].append(b)
    done, under_way, back = set[N](), set[N](), set[Edge[N]]()
    for root in nodes:
        walk = [(root, iter(after[root]))] if root not in done else []
        under_way.update(node for node, _ in walk)
        while walk:
            node, rest = walk[-1]
            found = next(rest, None)
            if found is None:
                done.add(node)
                under_way.discard(node)
                walk.pop()
            elif found in under_way:
                back.add((node, found))
            elif found not in done:
                under_way.add(found)
                walk.append((found, iter(after[found])))
    return [(b, a) if (a, b) in back else (a, b) for a, b in edges if a != b]


def _layers(nodes: Sequence[N], edges: Sequence[Edge[N]]) -> list[list[N]]:
    """Put each node right below the lowest of those that lead to it."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        moved = False
        for a, b in edges:
            if depth[b] <= depth[a]:
                depth[b], moved = depth[a] + 1, True
        if not moved:
            break
    found: list[list[N]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for node in nodes:
        found[depth[node]].append(node)
    return [layer for layer in found if layer]


def _ordered(layers: list[list[N]], edges: Sequence[Edge[N]]) -> list[list[N]]:
    near: dict[N, list[N]] = {}
    for a, b in edges:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    for sweep in range(_SWEEPS):
        place = {node: (n + 0.5) / len(layer) for layer in layers for n, node in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {
                node: sum(places) / len(places)
                if (places := [place[other] for other in near.get(node, ())]) else place[node]
                for node in layer
            }  # fmt: skip
            layer.sort(key=lambda node, middle=middle: middle[node])  # type: ignore[misc]
            place.update({node: (n + 0.5) / len(layer) for n, node in enumerate(layer)})
    return layers


def _path(a: tuple[float, float], b: tuple[float, float]) -> str:
    """Return an SVG path: a curve downwards, a bow at the side upwards, a loop for oneself."""
    if a == b:
        x, y = a[0] + WIDE, a[1] + HIGH / 2
        return f"M{x:.0f} {y - 10:.0f} c26 -14 26 34 0 20"
    if b[1] > a[1]:
        x1, y1, x2, y2 = a[0] + WIDE / 2, a[1] + HIGH, b[0] + WIDE / 2, b[1]
        bend = (y2 - y1) / 2
        return f"M{x1:.0f} {y1:.0f} C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
    x1, y1, x2, y2 = a[0] + WIDE, a[1] + HIGH / 2, b[0] + WIDE, b[1] + HIGH / 2
    out = max(x1, x2) + GAP_X * 0.8
    return f"M{x1:.0f} {y1:.0f} C{out:.0f} {y1:.0f} {out:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"

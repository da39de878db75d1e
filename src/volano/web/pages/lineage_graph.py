"""Lineage drawn: what a thing came from above it, what came of it below."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import data_links, links, words
from volano.web.pages.graph_layout import draw
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

MOST_DRAWN = 60


@dataclass(frozen=True, slots=True)
class Box:
    """One thing where it stands."""

    x: float
    y: float
    kind: str
    name: str
    told: str
    href: str
    root: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """The graph as a drawing and as a table; `more` says what is not drawn."""

    headline: Markup
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]
    width: float
    height: float
    table: Table
    more: str
    data: Any


def look(app: Any, ref: str) -> Picture:
    """Draw the nearest things around an artifact; the table has all that is known."""
    graph = app.lineages.show(ref, depth=12)
    nodes = {node.id: node for node in graph.nodes()}
    edges = list(graph.edges())
    near = _near(graph.root, edges)
    drawn = [name for name in nodes if name in near]
    pairs = list(dict.fromkeys((e.source, e.target) for e in edges if {e.source, e.target} <= near))
    drawing = draw(drawn, pairs)
    roles = {(e.source, e.target): e.role for e in edges}
    boxes = tuple(_box(nodes[name], drawing.at[name], graph.root) for name in drawn)
    arrows = tuple(
        (drawing.paths[pair], f"{nodes[pair[0]].name} → {nodes[pair[1]].name}: {roles[pair]}")
        for pair in pairs
    )
    left = len(nodes) - len(drawn)
    more = ngettext("One more thing is in the table only.", "{n} more things are in the table only.", left)  # fmt: skip
    return Picture(
        _headline(graph.root, nodes, edges), boxes, arrows, drawing.width, drawing.height,
        _table(nodes, edges), more.format(n=words.count(left)) if left else "", graph.to_dict(),
    )  # fmt: skip


def _near(root: str, edges: list[Any]) -> set[str]:
    """Return the root with the things nearest to it, not more than can be read."""
    beside: dict[str, list[str]] = {}
    for edge in edges:
        beside.setdefault(edge.source, []).append(edge.target)
        beside.setdefault(edge.target, []).append(edge.source)
    found, waiting = {root}, deque([root])
    while waiting and len(found) < MOST_DRAWN:
        for name in beside.get(waiting.popleft(), ()):
            if name not in found and len(found) < MOST_DRAWN:
                found.add(name)
                waiting.append(name)
    return found


def _headline(root: str, nodes: dict[str, Any], edges: list[Any]) -> Markup:
    above, below = _reached(root, edges, "source"), _reached(root, edges, "target")
    name = nodes[root].name
    if not above and not below:
        return escape(_("{name} came from outside, and nothing came of it yet.")).format(name=name)
    told = [
        ngettext("from one thing", "from {n} things", len(above)).format(n=len(above)) if above else _("from outside"),
        ngettext("one came of it", "{n} came of it", len(below)).format(n=len(below)) if below else _("nothing came of it yet"),
    ]  # fmt: skip
    return escape(_("{name} came {above}; {below}.")).format(
        name=name, above=told[0], below=told[1]
    )


def _reached(root: str, edges: list[Any], way: str) -> set[str]:
    other = "target" if way == "source" else "source"
    found: set[str] = set()
    level = {root}
    while level:
        level = {getattr(e, way) for e in edges if getattr(e, other) in level} - found - {root}
        found |= level
    return found


def _box(node: Any, at: tuple[float, float], root: str) -> Box:
    kind = {"source": "tool", "run": "chain", "channel": "agent"}.get(node.type, node.kind)
    return Box(*at, kind, node.name, _told(node), href(node), node.id == root)


def _told(node: Any) -> str:
    counts = node.told.get("counts")
    if isinstance(counts, dict):
        rows = sum(n for name, n in counts.items() if name != "read" and isinstance(n, int))
        return f"{node.kind} · " + ngettext("one row", "{n} rows", rows).format(n=words.count(rows))
    return f"{node.kind} · {node.told['state']}" if "state" in node.told else node.kind


def href(node: Any) -> str:
    """Return the page of a thing; nothing where it has none."""
    if node.type == "artifact":
        is_data = node.kind == "dataset"
        return data_links.page(node.name) if is_data else links.artifact(node.kind, node.name)
    if node.type == "run":
        return links.item("runs", node.id.removeprefix("run/"))
    return links.listing("rollouts", channel=node.name) if node.type == "channel" else ""


def _table(nodes: dict[str, Any], edges: list[Any]) -> Table:
    def cell(node: Any) -> Cell:
        address = href(node)
        return Cell("ref" if address else "text", node.name, href=address or None, sub=node.kind)

    return Table(
        _("What came of what"),
        (Column(_("This")), Column(_("was used as"), 2), Column(_("for that")), Column(_("Made"), 2)),
        [
            Row("", (cell(nodes[edge.source]), Cell("text", edge.role), cell(nodes[edge.target]),
                     Cell("time", nodes[edge.target].at_us)), edge)
            for edge in edges[:500]
        ],
        empty=_("Nothing is known to have come of it, or before it."),
    )  # fmt: skip

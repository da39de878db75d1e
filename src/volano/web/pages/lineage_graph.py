"""Lineage drawn: what a thing came from above it, what came of it below; and told, a table each way."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import data_links, links, words
from volano.web.pages.graph_layout import draw
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

MOST_DRAWN, MOST_TOLD = 60, 500


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
    """The graph as a drawing and as tables, one for each way; `more` says what is not drawn."""

    headline: Markup
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]
    width: float
    height: float
    tables: tuple[Table, ...]
    more: str
    data: Any


def look(app: Any, ref: str) -> Picture:
    """Draw the nearest things around an artifact; the tables have all that is known."""
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
    more = ngettext("One more thing is in the tables only.", "{n} more things are in the tables only.", left)  # fmt: skip
    return Picture(
        _headline(graph.root, nodes, edges), boxes, arrows, drawing.width, drawing.height,
        _tables(graph.root, nodes, edges), more.format(n=words.count(left)) if left else "", graph.to_dict(),
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


def _reached(root: str, edges: list[Any], way: str) -> dict[str, int]:
    """Return all that lies this way of the root, the nearest first, each with how many steps away."""
    other = "target" if way == "source" else "source"
    beside: dict[str, list[str]] = {}
    for edge in edges:
        beside.setdefault(getattr(edge, other), []).append(getattr(edge, way))
    found, waiting = {root: 0}, deque([root])
    while waiting:
        here = waiting.popleft()
        for name in beside.get(here, ()):
            if name not in found:
                found[name] = found[here] + 1
                waiting.append(name)
    del found[root]
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


def _tables(root: str, nodes: dict[str, Any], edges: list[Any]) -> tuple[Table, Table]:
    return (
        _table(_("What it came from"), root, nodes, edges, "source",
               empty=_("It came from outside: nothing before it is known.")),
        _table(_("What came of it"), root, nodes, edges, "target",
               empty=_("Nothing is known to have come of it.")),
    )  # fmt: skip


def _table(
    title: str, root: str, nodes: dict[str, Any], edges: list[Any], way: str, *, empty: str
) -> Table:
    """Tell each step this way, those next to the root first."""
    away = _reached(root, edges, way)
    inside = {root, *away}
    chosen = [e for e in edges if {e.source, e.target} <= inside and getattr(e, way) in away]
    chosen.sort(key=lambda edge: away[getattr(edge, way)])
    return Table(
        title,
        (
            Column(_("This")), Column(_("was used as"), 2), Column(_("for that")),
            Column(_("Steps away"), 2, number=True), Column(_("Made"), 2),
        ),
        [
            Row("", (_cell(nodes[edge.source]), Cell("text", edge.role), _cell(nodes[edge.target]),
                     Cell("number", words.count(away[getattr(edge, way)])),
                     Cell("time", nodes[edge.target].at_us)), edge)
            for edge in chosen[:MOST_TOLD]
        ],
        empty=empty,
    )  # fmt: skip


def _cell(node: Any) -> Cell:
    address = href(node)
    return Cell("ref" if address else "text", node.name, href=address or None, sub=node.kind)


def versions(shown: Any, others: Sequence[Any]) -> Table:
    """Tell the other versions of a dataset; each leads to its own lineage."""
    return Table(
        _("Versions"),
        (Column(_("Version")), Column(_("Labels"), 2), Column(_("Made by"), 2), Column(_("Made"))),
        [
            Row("", (
                Cell("ref", one.ref, href=data_links.page(one.ref, view="lineage"),
                     sub=_("shown here") if one.ref == shown.ref else None),
                Cell("text", ", ".join(one.labels)), Cell("text", one.created_by),
                Cell("time", one.manifest.created_us),
            ), one.ref)
            for one in others
        ],
        empty="",
    )  # fmt: skip

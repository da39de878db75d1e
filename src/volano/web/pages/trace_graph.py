"""An agent's run as a graph, and the same as a table."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.traces.graph import START, Name, Sum, graph
from volano.traces.step import Outline
from volano.web.pages import words
from volano.web.pages.graph_layout import HIGH, WIDE, draw
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.trace_tree import address
from volano.web.pages.view import Cell, Column, Row, State, Table
from volano.web.pages.words import money

MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Box:
    """One node where it stands."""

    x: float
    y: float
    kind: str
    name: str
    told: str
    failed: bool
    href: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """One edge: its path, how thick, and what is told of it."""

    path: str
    width: float
    told: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """The graph, drawn and as a table."""

    headline: Markup
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float
    table: Table


def look(app: Any, outline: Outline) -> Picture:
    """Return the graph of a trace; of a very large one that of its first steps."""
    steps = app.steps.all(outline.id, limit=MOST_STEPS)
    found = graph(steps, whole=outline.steps <= MOST_STEPS)
    drawing = draw(list(found.nodes), list(found.edges))
    boxes = tuple(
        _box(outline.id, name, total, drawing.at[name]) for name, total in found.nodes.items()
    )
    most = max((total.times for total in found.edges.values()), default=1)
    arrows = tuple(
        Arrow(drawing.paths[(a, b)], 1.2 + 3.8 * (total.times / most) ** 0.5,
              f"{called(a)} → {called(b)}: {_told(total)}", total.failed > 0)
        for (a, b), total in found.edges.items()
    )  # fmt: skip
    said = ngettext("One step", "{n} steps", found.steps).format(n=words.count(found.steps))
    names = len(found.nodes) - (START in found.nodes)
    who = ngettext("by one name", "by {n} names", names).format(n=names)
    more = "." if found.whole else _("; the trace has more.")
    return Picture(
        escape(f"{said} {who}{more}"), boxes, arrows, drawing.width, drawing.height,
        _table(outline.id, found.edges),
    )  # fmt: skip


def called(name: Name) -> str:
    """Return how a node is called."""
    return _("start") if name == START else name[1]


def _box(trace_id: str, name: Name, total: Sum, at: tuple[float, float]) -> Box:
    told = (
        ""
        if name == START
        else f"{words.count(total.times)} × · {words.duration(total.latency_us)}"
    )
    href = address(trace_id, at=total.example, step=total.example) if total.example else ""
    return Box(*at, name[0], called(name), told, total.failed > 0, href)


def _told(total: Sum) -> str:
    said = [ngettext("once", "{n} times", total.times).format(n=words.count(total.times)),
            words.duration(total.latency_us)]  # fmt: skip
    if total.failed:
        said.append(ngettext("one failed", "{n} failed", total.failed).format(n=total.failed))
    if total.nano:
        said.append(money(total.nano))
    return ", ".join(said)


def _table(trace_id: str, edges: Any) -> Table:
    rows = []
    for (a, b), total in sorted(edges.items(), key=lambda one: -one[1].latency_us):
        href = address(trace_id, at=total.example, step=total.example)
        bad = State(_("{n} failed").format(n=words.count(total.failed)), "bad")
        rows.append(Row(href, (
            Cell("text", called(a)), Cell("ref", called(b), href=href, sub=b[0]),
            Cell("number", words.count(total.times)),
            Cell("state", bad if total.failed else State(_("none"), "good")),
            Cell("number", words.duration(total.latency_us)),
            Cell("number", words.duration(total.latency_us // max(1, total.times))),
            Cell("number", words.count(total.tokens) if total.tokens else "–"),
            Cell("number", money(total.nano)),
        ), None))  # fmt: skip
    columns = (
        Column(_("Who called")), Column(_("Whom")), Column(_("How often"), number=True),
        Column(_("Failed")), Column(_("Time"), number=True), Column(_("Each"), 2, number=True),
        Column(_("Tokens"), 3, number=True), Column(_("Cost"), 2, number=True),
    )  # fmt: skip
    return Table(_("Who called whom"), columns, rows,
                 empty=_("No agent, tool or model is named in this trace."))  # fmt: skip


SIZE = {"wide": WIDE, "high": HIGH}

"""Reports side by side: is the newer better, on which rows not, and what does it take?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.evals.comparison import spelt
from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.traces.difference import words as pieces
from volano.web.pages import data_links, intervals, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Drawing, Row, Section, State, Table

KNOWN, FLIPS, SLICES, CHARS, MOST = 100, 50, 40, 600, 8


@dataclass(frozen=True, slots=True)
class Diff:
    """The page. `sections` is empty where two reports are not named, or cannot be paired."""

    refs: Sequence[str]
    headline: Markup
    known: Sequence[str]
    sections: Sequence[Section]
    data: Any


def look(app: Any, refs: Sequence[str]) -> Diff:
    """Compare, or offer what to compare.

    Raises:
        UnknownArtifactError: there is no such report.
    """
    known = [
        one.ref
        for one in app.catalog.list("report", limit=KNOWN)
        if "about" not in one.manifest.meta
    ]
    refs = [ref for ref in refs if ref][:MOST]
    if len(refs) < 2:
        return Diff(refs, escape(_("Which two reports?")), known, (), None)
    refs = [app.evals.get(ref).ref for ref in refs]
    try:
        found = app.evals.compare(refs[0], refs[1], refs[2:])
    except (OtherRowsError, NoCommonScoreError) as error:
        return Diff(refs, escape(error.message), known, (), None)
    parts: list[Section] = []
    if len(refs) > 2:
        parts += _front(found)
    for one in (found, *found["others"]):
        parts += _sections(app, one, name=len(refs) > 2)
    return Diff(refs, escape(words.capital(found["sentence"])), known, parts, found)


def _sections(app: Any, found: Mapping[str, Any], *, name: bool) -> list[Section]:
    title = f"{found['b']['report']}: " if name else ""
    shares = [
        (one["name"], one)
        for one in found["scores"]
        if one["kind"] == "difference" and one["unit"] == "share"
    ]
    note = _(
        "Points with 95 % intervals. Filled: a difference; open: undecided. "
        "Dashed: {points} points worse, the margin."
    ).format(points=f"{found['margin'] * 100:g}")  # fmt: skip
    parts: list[Section] = []
    if shares:
        parts.append(
            Drawing(
                f"{title}{_('What changed')}", intervals.around_zero(shares, found["margin"]), note
            )
        )
    parts.append(_scores(found))
    if found["slices"]:
        drawn = [(f"{one['by']} = {one['value']}", one) for one in found["slices"][:SLICES]]
        parts.append(Drawing(f"{title}{_('By slice')}", intervals.around_zero(drawn, None),
                             _("The worst first; corrected for their number (Benjamini–Hochberg).")))  # fmt: skip
        parts.append(_slices(found))
    parts.append(_flips(app, found))
    return parts


def _scores(found: Mapping[str, Any]) -> Table:
    rows = [
        Row("", (
            Cell("text", one["name"].replace("_", " ")), Cell("number", f"{one['a']:.4g}"),
            Cell("number", f"{one['b']:.4g}"), Cell("text", spelt(one).replace("-", "−")),
            Cell("number", f"{one['better']} / {one['worse']}"), Cell("state", _state(one["verdict"])),
            Cell("text", _margin(one)),
        ), one)
        for one in (*found["scores"], *found["usage"])
    ]  # fmt: skip
    dropped = found["dropped"]
    title = ngettext("On one row of both", "On {n} rows of both", found["n"]).format(
        n=words.count(found["n"])
    )
    if left := dropped["only_a"] + dropped["only_b"]:
        title += _("; {n} rows of one only are left out").format(n=words.count(left))
    return Table(
        title,
        (Column(_("Score")), Column(_("Older"), 2, number=True), Column(_("Newer"), number=True),
         Column(_("Change, 95 % interval")), Column(_("Rows better / worse"), 3, number=True),
         Column(_("Verdict")), Column(_("Within the margin?"), 2)),
        rows,
    )  # fmt: skip


def _state(verdict: str) -> State:
    states = {
        "better": State(_("better"), "good"), "worse": State(_("worse"), "bad"),
        "undecided": State(_("undecided"), "wait"),
    }  # fmt: skip
    return states[verdict]


def _margin(one: Mapping[str, Any]) -> str:
    return {"yes": _("yes"), "no": _("no"), "undecided": _("undecided")}[one["not_worse"]]


def _slices(found: Mapping[str, Any]) -> Table:
    rows = [
        Row("", (Cell("text", f"{one['by']} = {one['value']}"), Cell("text", spelt(one).replace("-", "−")),
                 Cell("number", one["n"]), Cell("state", _state(one["verdict"]))), one)
        for one in found["slices"][:SLICES]
    ]  # fmt: skip
    return Table(
        _("Slices"),
        (Column(_("Slice")), Column(_("Change, 95 % interval")), Column(_("Rows"), 2, number=True),
         Column(_("Verdict"))),
        rows,
    )  # fmt: skip


def _flips(app: Any, found: Mapping[str, Any]) -> Table:
    flips = found["flips"]
    title = ngettext("One row fell", "{n} rows fell", flips["negative"]).format(
        n=words.count(flips["negative"])
    )
    title += _(", {rose} rose; {critical} critical ones fell").format(
        rose=words.count(flips["positive"]), critical=words.count(flips["critical"])
    )
    report = app.evals.report(found["b"]["report"])
    rows = [_flip(report, row) for row in flips["rows"][:FLIPS]]
    return Table(
        title,
        (Column(_("Row")), Column(_("The older said, and the newer says")), Column(_("Score"), 2, number=True)),
        rows,
        empty=_("No row got worse."),
    )  # fmt: skip


def _flip(report: Any, row: Mapping[str, Any]) -> Row:
    place = f"{report.split}:{row['at']}"
    href = data_links.rows(report.dataset, at=place) if report.dataset else ""
    a, b = (words.clip(row[name] or "–", CHARS) for name in ("answer_a", "answer_b"))
    return Row(href, (
        Cell("ref", place, href=href, sub=_("critical") if row["critical"] else None),
        Cell("markup", _differing(a, b)), Cell("number", f"{row['a']:.3g} → {row['b']:.3g}"),
    ), row)  # fmt: skip


def _differing(a: str, b: str) -> Markup:
    """Return both answers as one text: what went is struck, what came is underlined."""
    tags = {"a": "del", "b": "ins", "both": "span"}
    parts = [
        Markup("<{0}>{1}</{0}>").format(Markup(tags[one.of]), words.visible(one.text))  # noqa: S704 - of a fixed table
        for one in pieces(a, b)
    ]
    return Markup('<span class="words" dir="auto">{}</span>').format(Markup("").join(parts))


def _front(found: Mapping[str, Any]) -> list[Section]:
    points = found["points"]
    rows = []
    for number, one in enumerate(points):
        href = links.artifact("report", one["report"])
        rows.append(Row(href, (
            Cell("ref", f"{chr(65 + number % 26)}  {one['report']}", href=href), Cell("number", f"{one['score']:.3f}"),
            Cell("number", "–" if one["latency_ms"] is None else f"{one['latency_ms']:.4g}"),
            Cell("number", "–" if one["cost"] is None else f"{one['cost']:.4g}"),
            Cell("text", _("no other beats it") if one["front"] else _("beaten in all")),
        ), one))  # fmt: skip
    table = Table(
        _("Score, latency and cost"),
        (Column(_("Report")), Column(_("Score"), number=True), Column(_("Latency, ms"), number=True),
         Column(_("Cost"), 2, number=True), Column(_("Standing"))),
        rows,
    )  # fmt: skip
    drawn = intervals.front(points)
    note = _("Filled: no other report is better in all of score, latency and cost.")
    return [Drawing(_("What quality takes"), drawn, note), table] if drawn else [table]

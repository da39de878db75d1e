"""The rows of a report: what was answered, what it scored; narrowed down in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.evals.summary import STATES, Line, by_row, measured, state
from volano.web.pages import data_links, links, report_links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Table

AT_ONCE = 50
ONLY = ("wrong", "unmeasured", "critical", "seen", *STATES)


@dataclass(frozen=True, slots=True)
class Rows:
    """The page; `following` is the address of the next rows."""

    report: str
    only: str
    slice: str
    score: str
    scores: Sequence[str]
    headline: Markup
    table: Table
    following: str
    data: Any


def look(app: Any, query: Mapping[str, str]) -> Rows:
    """Return the rows that fit what the address asks.

    Raises:
        UnknownArtifactError: there is no such report.
    """
    artifact = app.evals.get(query.get("report", "").strip()[:300])
    report, rows = app.evals.report(artifact.ref), by_row(app.evals.answers(artifact.ref))
    names = list(
        dict.fromkeys(name for group in rows.values() for line in group for name in line["scores"])
    )
    score = query.get("score", "") if query.get("score", "") in names else ""
    only = query.get("only", "") if query.get("only", "") in ONLY else ""
    part = query.get("slice", "")[:200]
    seen = set(report.seen.get("ids", ()))
    places = {row: at for at, row in enumerate(rows)}
    fits = [
        row
        for row, group in rows.items()
        if _fits(row, group, only, part, score or next(iter(names), ""), seen)
    ]
    after = data_links.number(query.get("after"))
    shown = fits[after : after + AT_ONCE]
    more = after + AT_ONCE
    return Rows(
        artifact.ref, only, part, score, names,
        _headline(artifact.ref, len(fits), len(rows)),
        _table([_row(report, row, rows[row], places[row], names) for row in shown], names),
        report_links.answers(artifact.ref, only=only, slice=part, score=score, after=more) if more < len(fits) else "",
        {"report": artifact.ref, "rows": [line for row in shown for line in rows[row]], "found": len(fits)},
    )  # fmt: skip


def _fits(
    row: str, group: Sequence[Line], only: str, part: str, score: str, seen: set[str]
) -> bool:
    if part:
        by, _sign, value = part.partition("=")
        if str((group[0].get("slices") or {}).get(by, "")) != value:
            return False
    if only == "wrong":
        return any(value < 1 for value in measured(group, score))
    if only == "unmeasured":
        return any((line.get("scores") or {}).get(score, 0) is None for line in group)
    if only == "critical":
        return bool(group[0].get("critical"))
    if only == "seen":
        return row in seen
    return not only or any(state(line) == only for line in group)


def _headline(ref: str, fits: int, of: int) -> Markup:
    said = escape(ngettext("One of {of} rows of {report}.", "{n} of {of} rows of {report}.", fits))
    return said.format(
        n=words.count(fits),
        of=words.count(of),
        report=links.link(links.artifact("report", ref), ref),
    )


def _table(rows: Sequence[Row], names: Sequence[str]) -> Table:
    columns = [Column(_("Row")), Column(_("Answer")), Column(_("State"), 2)]
    columns += [
        Column(name.replace("_", " "), 1 + (at > 1), number=True)
        for at, name in enumerate(names[:4])
    ]
    return Table(_("Rows"), columns, rows, empty=_("No row fits."))


def _row(report: Any, row: str, group: Sequence[Line], at: int, names: Sequence[str]) -> Row:
    place = f"{report.split}:{at}"
    href = data_links.rows(report.dataset, at=place) if report.dataset else ""
    said = [str(line.get("answer") or line.get("error") or "–") for line in group]
    states = dict.fromkeys(state(line) for line in group)
    scores = [_score(group, name) for name in names[:4]]
    cells = (
        Cell("ref", place, href=href, sub=_("critical") if group[0].get("critical") else None),
        Cell("text", words.clip(" ⏐ ".join(dict.fromkeys(said)), 240)),
        Cell("text", ", ".join(states)),
        *(Cell("number", value) for value in scores),
    )
    return Row(href, cells, {"id": row})


def _score(group: Sequence[Line], name: str) -> str:
    """Return a row's mean, or that it was not measured."""
    values = measured(group, name)
    if not values:
        return _("unmeasured") if any(name in (line.get("scores") or {}) for line in group) else "–"
    return f"{sum(values) / len(values):.4g}"

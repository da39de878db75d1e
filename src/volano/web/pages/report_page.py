"""A report: what was scored, how sure that is, what went wrong, and where; each number leads to rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.core.score import Score
from volano.evals import seen as seeing
from volano.evals.errors import BadReportError
from volano.evals.summary import Summary
from volano.web.pages import facts, links, report_links, words
from volano.web.pages.i18n import N_
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import (
    Bar,
    Bars,
    Cell,
    Column,
    Facts,
    Gate,
    Gates,
    Row,
    Section,
    State,
    Table,
)

_STATES = {
    "answered": N_("answered"), "empty": N_("empty"), "refused": N_("refused"),
    "cut": N_("cut at the token limit"), "error": N_("error"),
}  # fmt: skip
_MOST_SLICES = 40


def sections(app: Any, artifact: Any) -> list[Section]:
    """Return what a report of format 2 tells beside its scores; nothing for older ones."""
    try:
        report = app.evals.report(artifact.ref)
    except (BadReportError, KeyError):
        return []
    ways = Facts(_("Look closer"), [
        (_("rows"), Cell("markup", links.link(report_links.answers(artifact.ref), _("all answers")))),
        (_("wrong"), Cell("markup", links.link(report_links.answers(artifact.ref, only="wrong"), _("what went wrong")))),
        (_("compare"), Cell("markup", links.link(report_links.compared([artifact.ref]), _("with another report")))),
    ])  # fmt: skip
    if report.summary is None:
        return [ways]
    found: list[Section] = [ways]
    said = [(_("warning"), facts.cell(one)) for one in report.warnings]
    if told := seeing.sentence(report.seen):
        href = report_links.answers(artifact.ref, only="seen")
        said.append((_("seen in training"), Cell("markup", links.link(href, told))))
    if said:
        found.append(Facts(_("Before you believe it"), said))
    found.append(_states(artifact.ref, report.summary))
    if amounts := [s for s in report.summary.scores if _unit(report.summary, s.name) != "share"]:
        found.append(_amounts(report.summary, amounts))
    if report.summary.parts:
        found.append(_repeated(report.summary))
    return [*found, *_slices(artifact.ref, report.summary)]


def gates(meta: Mapping[str, Any]) -> list[Section]:
    """Return what each gate of the suite said, and why; nothing where it had none."""
    state = {
        "yes": State(_("holds"), "good"), "no": State(_("says no"), "bad"),
        "unmeasured": State(_("unmeasured"), "wait"),
    }  # fmt: skip
    found = [
        Gate(str(one["gate"]), state.get(one["found"], State(str(one["found"]), "off")),
             str(one["why"]), ())
        for one in meta.get("gates") or ()
    ]  # fmt: skip
    return [Gates(_("Gates"), found)] if found else []


def outcome(meta: Mapping[str, Any]) -> str:
    """Say that a gate said no, or that too much is unmeasured, and why; empty where nothing is amiss."""
    words_of = {"stopped": _("stopped, as a gate says no"), "unmeasured": _("not measured")}
    said = words_of.get(str(meta.get("outcome")))
    return f"{said}: {words.clip(str(meta.get('why') or ''), 300).rstrip('.')}" if said else ""


def shares(summary: Summary) -> list[Score]:
    """Return the scores that lie between 0 and 1."""
    return [score for score in summary.scores if _unit(summary, score.name) == "share"]


def _unit(summary: Summary, name: str) -> str:
    known = summary.units.get(name) or summary.units.get(name.split("/")[0]) or ("share", True)
    return str(known[0])


def _states(ref: str, summary: Summary) -> Table:
    rows = [
        _counted(
            ref, _(_STATES.get(state, state)), count, {"state": state, "answers": count}, only=state
        )
        for state, count in summary.states.items()
        if count
    ]
    for name, reasons in summary.unmeasured.items():
        title = _("{score} unmeasured").format(score=name.replace("_", " "))
        for why, count in reasons.items():
            rows.append(
                _counted(ref, f"{title}: {why}", count, {"unmeasured": name, "why": why, "answers": count},
                         only="unmeasured", score=name)
            )  # fmt: skip
    return Table(
        _("What came back"), (Column(_("State")), Column(_("Answers"), number=True)), rows,
        empty=_("Nothing was asked."),
    )  # fmt: skip


def _counted(ref: str, title: str, count: int, data: Any, **query: str) -> Row:
    href = report_links.answers(ref, **query)
    return Row(
        href,
        (Cell("ref", words.clip(title, 160), href=href), Cell("number", words.count(count))),
        data,
    )


def _amounts(summary: Summary, scores: Sequence[Score]) -> Table:
    rows = [
        Row("", (Cell("text", one.name.replace("_", " ")), Cell("number", f"{one.value:.4g}"),
                 Cell("number", f"{one.low:.4g} – {one.high:.4g}"), Cell("text", _unit(summary, one.name)),
                 Cell("text", one.method)), one.to_dict())
        for one in scores
    ]  # fmt: skip
    return Table(
        _("What it took"),
        (Column(_("Score")), Column(_("Value"), number=True), Column(_("95 % interval"), number=True),
         Column(_("Unit"), 2), Column(_("How"), 3)),
        rows,
    )  # fmt: skip


def _repeated(summary: Summary) -> Table:
    """Return how answers to one row differ, and how surely a row succeeds each time."""
    rows = []
    for name, part in summary.parts.items():
        whole = part.between + part.within
        passed = max(
            (one for one in summary.passes if one.name == name), key=lambda p: p.k, default=None
        )
        rows.append(Row("", (
            Cell("text", name.replace("_", " ")),
            Cell("number", f"{part.between / whole:.0%}" if whole else "–"),
            Cell("number", f"{part.within / whole:.0%}" if whole else "–"),
            Cell("text", f"k = {passed.k}: {passed.all}" if passed else "–"),
            Cell("text", f"k = {passed.k}: {passed.any}" if passed else "–"),
        ), {"score": name, "between": part.between, "within": part.within}))  # fmt: skip
    return Table(
        _("Repetitions"),
        (Column(_("Score")), Column(_("Variance between rows"), number=True),
         Column(_("Within a row"), number=True), Column(_("All of k succeed"), 2), Column(_("Any of k"), 3)),
        rows,
    )  # fmt: skip


def _slices(ref: str, summary: Summary) -> list[Section]:
    """Return the first score of each slice, the worst first, drawn with its interval."""
    wanted = shares(summary)
    if not wanted:
        return []
    name = wanted[0].name
    found: list[Section] = []
    for by, values in summary.slices.items():
        bars = [bar for value, scores in values.items() if (bar := _bar(name, value, scores))]
        bars.sort(key=lambda bar: bar.value)
        if not bars:
            continue
        note = _("{score} of each, the lowest first; bars are 95 % intervals.").format(
            score=name.replace("_", " ")
        )
        found.append(Bars(_("By {field}").format(field=by), bars[:_MOST_SLICES], note))
        found.append(_slice_links(ref, by, bars[:_MOST_SLICES]))
    return found


def _bar(name: str, value: str, scores: Sequence[Score]) -> Bar | None:
    score = next((one for one in scores if one.name == name), None)
    if score is None:
        return None
    text = f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
    return Bar(
        words.clip(value, 60) or "–", score.value, score.low, score.high, score.n, None, text
    )


def _slice_links(ref: str, by: str, bars: Sequence[Bar]) -> Table:
    rows = []
    for bar in bars:
        href = report_links.answers(ref, slice=f"{by}={bar.name}")
        rows.append(
            Row(
                href,
                (Cell("ref", bar.name, href=href), Cell("number", bar.n or 0)),
                {"slice": bar.name},
            )
        )
    return Table(
        _("Rows by {field}").format(field=by), (Column(by), Column(_("Rows"), number=True)), rows
    )

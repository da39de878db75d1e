"""Reports on judges: agreement with people, who said what, biases; and scores corrected by them."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.core.errors import VolanoError
from volano.evals.judges.telling import spelt
from volano.web.pages import links
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Bar, Bars, Cell, Column, Facts, Row, Section, Table

OF_JUDGES = ("judge", "contest")


def sections(app: Any, artifact: Any) -> Sequence[Section]:
    """Return what a check of a judge, or a comparison by one, found."""
    found = app.judges.report(artifact.ref)
    if found["about"] == "contest":
        return [_strengths(found), _pairs(found)]
    told: list[Section] = []
    for one in found["scores"]:
        told += [_agreement(one), _confusion(one), _biases(one)]
    older = app.judges.checks(found["judge"])
    return [*told, _checks(older)] if len(older) > 1 else told


def corrections(app: Any, artifact: Any) -> Sequence[Section]:
    """Return what people would have given, for each judge among a report's scorers."""
    try:
        found = app.judges.of_report(artifact.ref)
    except VolanoError:  # a judge or a check that is gone: the report stays readable
        return ()
    return [_corrected(one) for one in found]


def _corrected(one: Mapping[str, Any]) -> Section:
    facts = [(_("standing"), Cell("text", str(one["told"])))]
    ways = (
        (_("the judge, as it is"), "raw"), (_("corrected (PPI++)"), "corrected"),
        (_("cross-check (Rogan-Gladen)"), "cross_check"),
    )  # fmt: skip
    facts += [(told, Cell("text", spelt(one[way]))) for told, way in ways if one.get(way)]
    facts += [(_("note"), Cell("text", note)) for note in one.get("notes", ())[1:]]
    return Facts(_("What {judge} says").format(judge=one["judge"]), facts)


def _agreement(one: Mapping[str, Any]) -> Section:
    names = (
        (_("kappa"), "kappa"), (_("sensitivity"), "sensitivity"), (_("specificity"), "specificity")
    )  # fmt: skip
    bars = [
        Bar(told, max(0.0, one[name]["value"]), _least(one[name]["low"]), one[name]["high"], one["n"],
            text=spelt(one[name]))
        for told, name in names
        if name in one and one[name]["value"] is not None
    ]  # fmt: skip
    note = one["why"] or _("Bars are 95 % intervals. Kappa is agreement beyond chance.")
    return Bars(_("{score}: agreement with people").format(score=one["name"]), bars, note=note)


def _confusion(one: Mapping[str, Any]) -> Section:
    cells = one["confusion"]
    judged = sorted({cell[1] for cell in cells})[:7]
    counts = {(a, b): n for a, b, n in cells}
    rows = []
    for a in sorted({cell[0] for cell in cells})[:7]:
        said = [counts.get((a, b), 0) for b in judged]
        numbers = [Cell("number", str(n)) for n in said]
        rows.append(Row("", (Cell("text", f"{a:g}"), *numbers), said))
    columns = (
        Column(_("People")),
        *(Column(_("judge {value}").format(value=f"{b:g}"), number=True) for b in judged),
    )
    return Table(_("{score}: who said what").format(score=one["name"]), columns, rows)


def _biases(one: Mapping[str, Any]) -> Section:
    facts = [(_("judge less people"), Cell("text", spelt(one["gap"], signed=True)))]
    if one["position"]:
        facts.append((_("shown first"), Cell("text", spelt(one["position"], signed=True))))
    if one["length"]:
        facts.append(
            (_("each doubling of the length"), Cell("text", spelt(one["length"], signed=True)))
        )
    if one["retest"]:
        same = f"{one['retest']['same'] * 100:.0f} % / {one['retest']['n']}"
        facts.append((_("the same when asked again"), Cell("text", same)))
    facts += [
        (_("unmeasured"), Cell("text", f"{n}: {why}")) for why, n in one["unmeasured"].items()
    ]
    return Facts(_("{score}: biases").format(score=one["name"]), facts)


def _checks(found: Sequence[Any]) -> Section:
    rows = []
    for one in found:
        href, meta = links.artifact("report", one.ref), one.manifest.meta
        cells = (
            Cell("ref", one.ref, href=href), Cell("text", spelt(meta["kappa"])),
            Cell("number", str(meta["n"])),
        )  # fmt: skip
        rows.append(Row(href, cells, one))
    return Table(
        _("All checks of this version"),
        (Column(_("Report")), Column(_("Kappa")), Column(_("Rows"), number=True)), rows,
    )  # fmt: skip


def _strengths(found: Mapping[str, Any]) -> Section:
    bars = [
        Bar(name, one["value"], one["low"], one["high"], one["n"], text=spelt(one))
        for name, one in found["strengths"].items()
    ]
    note = _("The chance to beat an average one (Bradley-Terry), with 95 % intervals.")
    return Bars(_("Strength"), bars, note=" ".join([note, *found["notes"]]))


def _pairs(found: Mapping[str, Any]) -> Section:
    rows = []
    for one in found["pairs"]:
        texts = (one["first"], one["second"], spelt(one["win_rate"]))
        numbers = (one["ties"], one["unmeasured"])
        cells = (*(Cell("text", t) for t in texts), *(Cell("number", str(n)) for n in numbers))
        rows.append(Row("", cells, one))
    columns = (
        Column(_("First")), Column(_("Second")), Column(_("First wins")),
        Column(_("Ties"), number=True), Column(_("Unmeasured"), number=True),
    )  # fmt: skip
    return Table(_("Pairs"), columns, rows)


def _least(value: float | None) -> float | None:
    return None if value is None else max(0.0, value)

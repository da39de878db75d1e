"""Two models side by side, by their newest reports on the same rows: scores, flips, size, speed, cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.evals.errors import NoCommonScoreError, NotMeasuredError
from volano.web.pages import data_links, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Cell, Column, Row, Section, State, Table

KNOWN = 100
"""So many of the newest models are offered to choose from."""
_SPEEDS = {"tokens_per_s": "tokens/s", "latency_ms": "ms", "ttft_ms": "ms"}

Told = tuple[str, Cell, Cell, str]
"""A fact, of the older, of the newer, and the newer's share of the older's."""


@dataclass(frozen=True, slots=True)
class Diff:
    """The page. `sections` is empty where two models are not named, or were not measured alike."""

    a: str
    b: str
    headline: Markup
    known: Sequence[str]
    sections: Sequence[Section]
    command: str
    data: Any


def look(app: Any, a: str, b: str) -> Diff:
    """Compare, or offer what to compare.

    Raises:
        UnknownArtifactError: there is no such model.
    """
    known = [one.ref for one in app.catalog.list("model", limit=KNOWN)]
    if not a or not b:
        command = "volano model compare OLDER NEWER"
        return Diff(a, b, escape(_("Which two models?")), known, (), command, None)
    a, b = (app.catalog.get("model", ref).ref for ref in (a, b))
    try:
        found = app.evals.compare_models(a, b)
    except (NotMeasuredError, NoCommonScoreError) as error:
        command = "volano eval run FLOW --data DATASET"
        return Diff(a, b, escape(error.message), known, (), command, None)
    sections = [_scores(found), _facts(found), _flips(app, found)]
    return Diff(a, b, _headline(found), known, sections, "", found)


def _headline(found: Mapping[str, Any]) -> Markup:
    first = found["scores"][0]
    said = {
        "better": _("{b} is better than {a}: {score} {points} on the same {n} rows."),
        "worse": _("{b} is worse than {a}: {score} {points} on the same {n} rows."),
    }.get(first["verdict"], _("Whether {b} is better than {a} is undecided: {score} {points} on the same {n} rows."))  # fmt: skip
    return escape(said).format(
        a=links.link(links.artifact("model", found["a"]["model"]), found["a"]["model"]),
        b=links.link(links.artifact("model", found["b"]["model"]), found["b"]["model"]),
        score=first["name"].replace("_", " "), points=_points(first), n=words.count(found["n"]),
    )  # fmt: skip


def _scores(found: Mapping[str, Any]) -> Table:
    states = {
        "better": State(_("better"), "good"), "worse": State(_("worse"), "bad"),
        "undecided": State(_("undecided"), "wait"),
    }  # fmt: skip
    rows = [
        Row("", (
            Cell("text", one["name"].replace("_", " ")),
            Cell("number", f"{one['a']:.3f}"), Cell("number", f"{one['b']:.3f}"),
            Cell("number", _points(one)), Cell("number", f"{one['better']} / {one['worse']}"),
            Cell("state", states.get(one["verdict"], State(one["verdict"], "off"))),
        ), one)
        for one in found["scores"]
    ]  # fmt: skip
    return Table(
        _("Scores, row by row"),
        (Column(_("Score")), Column(_("Older"), 2, number=True), Column(_("Newer"), number=True),
         Column(_("Points, 95 % interval"), number=True), Column(_("Rows better / worse"), 3, number=True),
         Column(_("Verdict"))),
        rows,
    )  # fmt: skip


def _facts(found: Mapping[str, Any]) -> Table:
    a, b = found["a"], found["b"]

    def both(name: str, cell: Callable[[Mapping[str, Any]], Cell], of: str = "") -> Told:
        return name, cell(a), cell(b), _ratio(a, b, of)

    told = [
        both(_("model"), lambda one: _ref("model", one["model"])),
        both(_("measured by"), lambda one: _ref("report", one["report"])),
        both(_("format"), lambda one: Cell("text", one["format"] or "–")),
        both(_("engine"), lambda one: Cell("text", one["engine"] or "–")),
        both(_("size"), lambda one: Cell("number", words.size(one["bytes"] or None)), "bytes"),
        both(_("parameters"), lambda one: Cell("number", _some(one["parameters"])), "parameters"),
        both(_("tokens of an answer"), lambda one: Cell("number", _some(one["answer_tokens"])),
             "answer_tokens"),
        *_measured(_("speed"), a, b, "speed"),
        *_measured(_("cost"), a, b, "cost"),
    ]  # fmt: skip
    rows = [
        Row("", (Cell("text", name), first, second, Cell("number", change or "–")), {"fact": name})
        for name, first, second, change in told
    ]  # fmt: skip
    return Table(
        _("Size, speed and cost"),
        (Column(_("Fact")), Column(_("Older")), Column(_("Newer")),
         Column(_("Newer to older"), 2, number=True)),
        rows,
    )  # fmt: skip


def _measured(title: str, a: Mapping[str, Any], b: Mapping[str, Any], part: str) -> list[Told]:
    """Return what is known of speed or cost; one line that nothing is, where that is so."""
    first, second = a.get(part) or {}, b.get(part) or {}
    names = dict.fromkeys((*first, *second))
    if not names:
        unknown = Cell("text", _("not measured"))
        return [(title, unknown, unknown, "")]
    told = []
    for name in names:
        unit = _SPEEDS.get(name, name.replace("_", " "))
        cells = [Cell("number", _some(one.get(name), unit)) for one in (first, second)]
        told.append((title, cells[0], cells[1], _ratio(first, second, name)))
    return told


def _flips(app: Any, found: Mapping[str, Any]) -> Table:
    """Return the rows that the older gets right and the newer wrong, each leading to its row."""
    flips = found["flips"]
    a, b = (_by_id(app, found[side]["report"]) for side in "ab")
    meta = app.evals.get(found["b"]["report"]).manifest.meta
    places = {row: at for at, row in enumerate(b)}
    rows = []
    for row in flips["rows"]:
        at = f"{meta['split']}:{places[row]}"
        href = data_links.rows(meta["dataset"], at=at)
        rows.append(Row(href, (
            Cell("ref", at, href=href), Cell("text", _answer(a, row)), Cell("text", _answer(b, row)),
        ), {"row": row}))  # fmt: skip
    title = ngettext(
        "One row newly wrong; {won} newly right", "{n} rows newly wrong; {won} newly right",
        flips["negative"],
    ).format(n=words.count(flips["negative"]), won=words.count(flips["positive"]))  # fmt: skip
    return Table(
        title,
        (Column(_("Row")), Column(_("The older said")), Column(_("The newer says"))),
        rows,
        empty=_("Every row that the older gets right is right in the newer too."),
    )


def _by_id(app: Any, report: str) -> dict[str, Mapping[str, Any]]:
    return {one["id"]: one for one in app.evals.answers(report)}


def _answer(answers: Mapping[str, Mapping[str, Any]], row: str) -> str:
    one = answers.get(row, {})
    return words.clip(one.get("answer") or one.get("error") or "–", 200)


def _ref(kind: str, ref: str) -> Cell:
    return Cell("ref", ref, href=links.artifact(kind, ref))


def _points(score: Mapping[str, Any]) -> str:
    middle, low, high = (f"{score[name] * 100:+.1f}" for name in ("difference", "low", "high"))
    return f"{middle} [{low}, {high}]".replace("-", "−")


def _some(value: Any, unit: str = "") -> str:
    if not isinstance(value, int | float):
        return "–"
    whole = isinstance(value, int) or abs(value) >= 1000
    text = words.count(round(value)) if whole else f"{value:.4g}"
    return f"{text}\u202f{unit}" if unit else text


def _ratio(a: Mapping[str, Any], b: Mapping[str, Any], name: str) -> str:
    first, second = a.get(name), b.get(name)
    if not isinstance(first, int | float) or not isinstance(second, int | float) or not first:
        return ""
    return f"{second / first:.2f}\u202f×"

"""Evaluators: how good are live answers? One page for all of them, one for the scores of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.judges import table as judging_table
from volano.web.pages.plain import plain
from volano.web.pages.view import Cell, Column, Drawing, Facts, Row, State, Table

LAST = ("1d", "7d", "30d")
_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _FOOT = 640, 150, 52, 16, 12, 22
_HOUR_US = 3600 * 10**6


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its answer, its sections, the facts at the side. `command` fills an empty one."""

    title: str
    headline: Markup
    sections: Sequence[Any]
    aside: Sequence[Any]
    data: Any
    command: str = ""
    up: bool = False
    state: State | None = None
    last: str = ""
    lasts: Sequence[str] = LAST


def overview(app: Any) -> Page:
    """Say of each evaluator how it goes."""
    rows = app.evaluators.list()
    judges = app.judges.newest()
    sections = [_list(rows)] if rows else []
    sections += [judging_table(judges, more="/judges")] if judges else []
    command = "" if sections else "volano evaluator add FILE"
    data = {"evaluators": rows, "judges": judges}
    return Page(_("Evaluators"), _answer(rows), sections, [], data, command=command)


def one(app: Any, name: str, last: str) -> Page:
    """Show the scores of one evaluator; `last` is a window of LAST."""
    last = last if last in LAST else "7d"
    said, status = app.evaluators.scores(name, last=last), app.evaluators.status(name, last=last)
    sections: list[Any] = []
    for found in said["scores"]:
        sections += _score(found)
    return Page(
        said["evaluator"], _told(said["scores"], status), sections, [_facts(status)],
        {"status": status, **said}, up=True, state=_state(status), last=last,
        command="" if sections else f"volano evaluator status {name}",
    )  # fmt: skip


def picture(points: Sequence[Any], share: bool, label: str) -> Markup:
    """Draw a score over time with its interval as a band; stretches without enough are hollow."""
    seen = [(n, point) for n, point in enumerate(points) if point["value"] is not None]
    if not seen:
        return Markup("")
    ends = [
        bound
        for _n, point in seen
        for bound in (point["value"], point.get("low"), point.get("high"))
        if bound is not None
    ]
    low, high = (0.0, 1.0) if share else (min(ends), max(ends))
    high = high if high > low else low + 1
    base, step = _TOP + _HIGH, (_WIDE - _LEFT - _RIGHT) / max(1, len(points))

    def x(n: int) -> float:
        return _LEFT + (n + 0.5) * step

    def y(value: float) -> float:
        return base - (min(max(value, low), high) - low) / (high - low) * _HIGH

    parts = [_tick(y(at), _short(at, share)) for at in (low, (low + high) / 2, high)]
    for n, point in seen:
        if point.get("low") is not None:
            top, foot = y(point["high"]), y(point["low"])
            parts.append(
                Markup('<rect class="reach" x="{}" y="{}" width="{}" height="{}"/>').format(
                    f"{x(n) - step * 0.4:.1f}", f"{top:.1f}", f"{step * 0.8:.1f}",
                    f"{max(1.0, foot - top):.1f}",
                )
            )  # fmt: skip
    path = " L".join(f"{x(n):.1f} {y(point['value']):.1f}" for n, point in seen)
    parts.append(Markup('<path class="edge" d="M{}"/>').format(path))
    for n, point in seen:
        kind = "dot on" if point["enough"] else "dot few"
        parts.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="3.5"/>').format(
                kind, f"{x(n):.1f}", f"{y(point['value']):.1f}"
            )
        )
    return Markup(
        '<svg class="front curve judged" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{parts}</svg>'
    ).format(w=_WIDE, h=base + _FOOT, label=label, parts=Markup("").join(parts))


def _tick(y: float, said: str) -> Markup:
    return Markup(
        '<line class="tick" x1="{}" x2="{}" y1="{y}" y2="{y}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(_LEFT, _WIDE - _RIGHT, _LEFT - 6, f"{y + 4:.1f}", said, y=f"{y:.1f}")


def _answer(rows: Sequence[Any]) -> Markup:
    if not rows:
        return escape(_("Nobody looks at live answers yet: say which, how many, and by what."))
    troubled = [row for row in rows if row["trouble"]]
    if troubled:
        names = Markup(", ").join(
            links.link(f"/evaluators/{row['name']}", row["name"]) for row in troubled
        )
        return escape(_("Some wait: {names}.")).format(names=names)
    n = sum(row["evaluated"] for row in rows)
    return escape(_("{n} answers were evaluated in a day.")).format(n=words.count(n))


def _list(rows: Sequence[Any]) -> Table:
    return Table(
        _("Evaluators"),
        (Column(_("Evaluator")), Column(_("State")), Column(_("Sample"), 2, number=True),
         Column(_("Evaluated"), number=True), Column(_("Budget ended"), 2, number=True),
         Column(_("Backlog"), 2, number=True), Column(_("Calls today"), 3, number=True)),
        [
            Row(
                f"/evaluators/{row['name']}",
                (
                    Cell("ref", row["ref"], href=f"/evaluators/{row['name']}",
                         sub=row["where"] or None),
                    Cell("state", _state(row)),
                    Cell("number", f"{row['sample']:.0%}"),
                    Cell("number", words.count(row["evaluated"])),
                    Cell("number", words.count(row["budget_ended"])),
                    Cell("number", words.count(row["backlog"])),
                    Cell("number", f"{row['calls_today']} / {row['calls_a_day']}"),
                ),
                row,
            )
            for row in rows
        ],
    )  # fmt: skip


def _told(scores: Sequence[Any], status: Any) -> Markup:
    worse = [(s, row) for s in scores for row in s["by"] if row["worse"]]
    if worse:
        said = Markup(", ").join(
            escape(_("{score} is worse for {slice}")).format(
                score=score["score"], slice=f"{row['slice']} {row['value_of']}"
            )
            for score, row in worse[:3]
        )
        return said + Markup(".")
    known = [s for s in scores if s["value"] is not None]
    if not known:
        return escape(status["trouble"] or _("No score was given in this time."))
    first = known[0]
    return escape(_("{score} is {value} ({low} to {high}); no slice is known to be worse.")).format(
        score=first["score"], value=_short(first["value"], first["share"]),
        low=_bound(first["low"], first["share"]), high=_bound(first["high"], first["share"]),
    )  # fmt: skip


def _score(found: Any) -> list[Any]:
    if found["value"] is None:
        return []
    name = found["score"]
    points = found["over_time"]
    label = _("{score} over time, with intervals of 95 %; the table below has the same").format(
        score=name
    )
    note = _note(found)
    return [
        Drawing(name, picture(points, found["share"], label), note),
        _slices(found),
        _times(found),
        _worst(found),
    ]


def _note(found: Any) -> str:
    share = found["share"]
    said = [
        _("{value} ({low} to {high}) of all calls, from {n} that were drawn.").format(
            value=_short(found["value"], share), low=_bound(found["low"], share),
            high=_bound(found["high"], share), n=words.count(found["n"]),
        )
    ]  # fmt: skip
    corrected = found["corrected"]
    if corrected and corrected["value"] is not None:
        said.append(
            _("People would give {value} ({low} to {high}), by the judge's check.").format(
                value=_short(corrected["value"], share), low=_bound(corrected["low"], share),
                high=_bound(corrected["high"], share),
            )
        )  # fmt: skip
    elif corrected:
        said.append(_("Not corrected: {why}.").format(why=str(corrected["why"]).rstrip(".")))
    if found["lost"]:
        said.append(
            _("{n} drawn calls were not looked at; others of the same hour stand for them.").format(
                n=words.count(found["lost"])
            )
        )
    if found["dark"]:
        said.append(
            _("Of {share} of them nothing is known: nobody looked in their hours.").format(
                share=f"{found['dark']:.0%}"
            )
        )
    if unmeasured := sum(found["unmeasured"].values()):
        said.append(_("{n} could not be measured.").format(n=words.count(unmeasured)))
    return " ".join(said)


def _slices(found: Any) -> Table:
    return Table(
        _("{score} by slice").format(score=found["score"]),
        (Column(_("Slice")), Column(_("Score"), number=True),
         Column(_("Calls"), 2, number=True), Column(_("Against the rest")),
         Column("p", 3, number=True)),
        [
            Row(
                _filtered(row),
                (
                    Cell("ref", words.clip(row["value_of"] or _("none"), 40),
                         href=_filtered(row) or None, sub=row["slice"]),
                    Cell("markup", _with_reach(row, found["share"])),
                    Cell("number", words.count(row["n"])),
                    Cell("state", _verdict(row)),
                    Cell("number", "–" if row["p"] is None else f"{row['p']:.2g}"),
                ),
                row,
            )
            for row in found["by"]
        ],
    )  # fmt: skip


def _times(found: Any) -> Table:
    return Table(
        _("{score} over time, in numbers").format(score=found["score"]),
        (Column(_("From")), Column(_("Score"), number=True),
         Column(_("Calls"), 2, number=True)),
        [
            Row("", (
                Cell("time", point["at_us"]), Cell("markup", _with_reach(point, found["share"])),
                Cell("number", words.count(point["n"])),
            ), point)
            for point in reversed(found["over_time"]) if point["value"] is not None
        ],
    )  # fmt: skip


def _worst(found: Any) -> Table:
    return Table(
        _("{score}: the worst").format(score=found["score"]),
        (Column(_("Trace")), Column(_("Score"), number=True), Column(_("When"))),
        [
            Row(links.item("traces", row["trace"]), (
                Cell("ref", row["trace"][:12], href=links.item("traces", row["trace"])),
                Cell("number", _short(row["score"], found["share"])), Cell("time", row["at_us"]),
            ), row)
            for row in found["worst"]
        ],
    )  # fmt: skip


def _filtered(row: Any) -> str:
    """Return the list of traces of a slice, where a filter of it is known."""
    known = row["slice"] in ("channel", "release")
    return links.listing("traces", **{row["slice"]: row["value_of"]}) if known else ""


def _verdict(row: Any) -> State:
    if not row["rest"]:
        return State(_("all of them"), "off")
    if row["p"] is None:
        return State(_("not enough"), "wait")
    if row["worse"]:
        return State(_("worse"), "bad")
    if row["better"]:
        return State(_("better"), "good")
    return State(_("alike"), "off")


def _facts(status: Any) -> Facts:
    facts = [
        (_("sample"), Cell("number", f"{status['sample']:.0%}")),
        (_("evaluated"), Cell("number", words.count(status["evaluated"]))),
        (_("budget ended"), Cell("number", words.count(status["budget_ended"]))),
        (_("too late"), Cell("number", words.count(status["late"]))),
        (_("no answer"), Cell("number", words.count(status["failed"]))),
        (_("backlog"), Cell("number", words.count(status["backlog"]))),
        (_("budget"), Cell("text", status["budget"])),
        (_("calls today"), Cell("number", words.count(status["calls_today"]))),
        *([(_("cost today"), Cell("text", status["cost_today"]))] if status["cost_today"] else []),
        *[
            (words.clip(why, 80), Cell("number", words.count(n)))
            for why, n in status["unmeasured"].items()
        ],
    ]
    if status["advice"]:
        facts.append((_("advice"), Cell("text", status["advice"])))
    return Facts(_("How it goes"), facts)


def _state(row: Any) -> State:
    if row["trouble"]:
        return State(_("waits"), "bad")
    return State(_("paused"), "off") if row["state"] == "paused" else State(_("at work"), "good")


def _short(value: float | None, share: bool) -> str:
    if value is None:
        return "–"
    return f"{value * 100:.0f}\u202f%" if share else words.number(round(value, 2))


def _bound(value: float | None, share: bool) -> str:
    return "?" if value is None else _short(value, share)


def _with_reach(row: Any, share: bool) -> Markup:
    """Return a score with its interval of 95 %."""
    value = Markup('<span class="num">{}</span>').format(_short(row["value"], share))
    if row.get("low") is None:
        return value
    reach = f"{_short(row['low'], share)}–{_short(row['high'], share)}"
    return value + Markup(' <span class="sub num">{}</span>').format(reach)


def data(page: Page) -> Any:
    """Return the plain values behind a page."""
    return plain(page.data)

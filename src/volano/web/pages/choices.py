"""A report that compares candidates: what to take, a drawing of the front, and all as a table."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from volano.evals.choice import Candidate, Choice, cell, columns, difference, standing
from volano.evals.measures import MEASURES, spelt
from volano.web.pages import facts, links
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Cell, Column, Drawing, Facts, Row, Section, Table

_WIDE, _HIGH = 640, 300
_NAME = 30
"""Letters of a name in the drawing; the whole one stands in the table and on the point."""
_LEFT, _RIGHT, _TOP, _BASE = 52, 16, 14, 252
_ALONG = ("cost", "size", "latency", "busy", "tokens")
"""What lies along the drawing: the first that all have a value above nought of."""
_MOST = 3
"""Measures of the target beside the score in the table that decides."""
_HARD = "\N{NO-BREAK SPACE}"


def sections(app: Any, artifact: Any) -> Sequence[Section]:
    """Return the target, the drawing, the table, the slices of the winner, and the proof."""
    choice = app.evals.choice(artifact.ref)
    found: list[Section] = [_asked(choice)]
    if drawing := picture(choice):
        note = _(
            "Filled: on the front. The ring: chosen. Lines up and down are 95 % intervals; dashed are limits."
        )
        found.append(Drawing(_("Score and what it costs"), drawing, note))
    found += _tables(choice)
    if choice.proof:
        found.append(_proof(choice))
    chosen = choice.candidate(choice.winner)
    if chosen and chosen.slices:
        found.append(_slices(choice, chosen))
    return found


def picture(choice: Choice) -> Markup:
    """Draw the score over what it costs, from the least to the most on a logarithmic scale."""
    shown = [one for one in choice.candidates if one.whole and "score" in one.values]
    along = next(
        (name for name in _ALONG if all(one.values.get(name, 0) > 0 for one in shown)), None
    )
    if len(shown) < 2 or along is None:
        return Markup("")
    plan = _Plan(choice, shown, along)
    return Markup(
        '<svg class="front" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{parts}</svg>'
    ).format(
        w=_WIDE, h=_HIGH,
        label=_("Score of each candidate over its {what}: the table below has the same").format(
            what=_(MEASURES[along].title).lower()
        ),
        parts=Markup("").join([*plan.grid(), *plan.limits(), plan.line(), *map(plan.point, shown)]),
    )  # fmt: skip


class _Plan:
    """Where things lie in the drawing."""

    def __init__(self, choice: Choice, shown: Sequence[Candidate], along: str):
        self.choice, self.shown, self.along = choice, shown, along
        self.front = set(choice.front)
        xs = [math.log(one.values[along]) for one in shown]
        ends = [end for one in shown for end in one.reach.get("score", (one.values["score"],) * 2)]
        self.left, self.right = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
        room = max(0.01, (max(ends) - min(ends)) * 0.06)
        self.low, self.high = max(0.0, min(ends) - room), min(1.0, max(ends) + room)

    def x(self, value: float) -> float:
        share = (math.log(value) - self.left) / (self.right - self.left)
        return _LEFT + 12 + share * (_WIDE - _LEFT - _RIGHT - 24)

    def y(self, score: float) -> float:
        return _BASE - (score - self.low) / (self.high - self.low) * (_BASE - _TOP)

    def holds(self, value: float) -> bool:
        """Whether a value lies along the drawing."""
        return value > 0 and self.left <= math.log(value) <= self.right

    def grid(self) -> list[Markup]:
        """Draw lines of equal score with their names, and the ends of the axis along."""
        parts = []
        for step in range(5):
            score = self.low + (self.high - self.low) * step / 4
            parts.append(
                Markup(
                    '<line class="tick" x1="{x}" x2="{to}" y1="{y:.1f}" y2="{y:.1f}"/>'
                    '<text x="{at}" y="{text:.1f}" text-anchor="end">{score}</text>'
                ).format(x=_LEFT, to=_WIDE - _RIGHT, y=self.y(score), at=_LEFT - 6,
                         text=self.y(score) + 4, score=f"{score * 100:.0f} %")
            )  # fmt: skip
        values = [one.values[self.along] for one in self.shown]
        parts += [
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                self.x(value), _BASE + 20, anchor, spelt(self.along, value)
            )
            for value, anchor in ((min(values), "start"), (max(values), "end"))
        ]
        parts.append(
            Markup('<text class="what" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                (_LEFT + _WIDE - _RIGHT) / 2, _BASE + 40, _(MEASURES[self.along].title)
            )
        )
        return parts

    def limits(self) -> list[Markup]:
        """Draw the target's limits that lie in the drawing."""
        parts = []
        for limit in self.choice.target.limits:
            bound = limit.bound(self.choice.parent)
            if limit.measure == "score" and self.low <= bound <= self.high:
                y = self.y(bound)
                ends = (float(_LEFT), float(_WIDE - _RIGHT), y, y)
            elif limit.measure == self.along and self.holds(bound):
                x = self.x(bound)
                ends = (x, x, float(_TOP), float(_BASE))
            else:
                continue
            parts.append(
                Markup(
                    '<line class="limit" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>'
                ).format(*ends)
            )
        return parts

    def line(self) -> Markup:
        """Join the best score at each cost or less: the edge of what can be had."""
        path, best = [], -1.0
        for one in sorted(self.shown, key=lambda c: (c.values[self.along], -c.values["score"])):
            if one.values["score"] > best:
                best = one.values["score"]
                path.append(f"{self.x(one.values[self.along]):.1f} {self.y(best):.1f}")
        return Markup('<path class="edge" d="M{}"/>').format(" L".join(path))

    def point(self, one: Candidate) -> Markup:
        """Draw a candidate with its interval; the chosen and the compared one have their names."""
        x, y = self.x(one.values[self.along]), self.y(one.values["score"])
        low, high = one.reach.get("score", (one.values["score"],) * 2)
        chosen = one.name == self.choice.winner
        kind = "on" if one.name in self.front else "off"
        title = f"{one.name}: {cell(one, 'score')}, {cell(one, self.along)}"
        parts = Markup(
            '<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{a:.1f}" y2="{b:.1f}"/>'
            '<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        ).format(x=x, y=y, a=self.y(high), b=self.y(low), kind=kind)
        if chosen:
            parts += Markup('<circle class="ring" cx="{:.1f}" cy="{:.1f}" r="9"/>').format(x, y)
        if chosen or one.name == self.choice.beside:
            side = x > _WIDE / 2
            name = one.name if len(one.name) <= _NAME else f"{one.name[: _NAME - 1]}…"
            parts += Markup('<text class="name" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
                x - 13 if side else x + 13, y + 19 if self._under(one) else y - 9, "end" if side else "start", name
            )  # fmt: skip
        return Markup("<g><title>{}</title>{}</g>").format(title, parts)

    def _under(self, one: Candidate) -> bool:
        """Whether a name stands below its point: that of the lower of the two that have names."""
        other = self.choice.beside if one.name == self.choice.winner else self.choice.winner
        found = next((c for c in self.shown if c.name == other and c is not one), None)
        if found is None:
            return False
        mine, theirs = one.values["score"], found.values["score"]
        return mine < theirs or (mine == theirs and one.name != self.choice.winner)


def _asked(choice: Choice) -> Section:
    """Return the target and what is to be known of the answer, which stands above the page."""
    told = [(_("target"), facts.cell(str(choice.target)))]
    told += [(_("note"), facts.cell(note)) for note in choice.notes]
    return Facts(_("What was asked"), told)


def _tables(choice: Choice) -> list[Section]:
    """Return what decides as a table, and in another one what was measured besides, so that both fit."""
    names = columns(choice)
    decides = _decides(choice, names)
    found: list[Section] = [_table(choice, decides)]
    if others := [name for name in names if name not in decides]:
        asked = choice.target.measures()
        found.append(_others(choice, sorted(others, key=lambda name: name not in asked)))
    return found


def _decides(choice: Choice, names: Sequence[str]) -> list[str]:
    """Return the score and what the target speaks of, in the usual order; else what lies along."""
    asked = [one for one in choice.target.measures() if one in names and one != "score"]
    asked = asked[:_MOST] or [one for one in _ALONG if one in names][:1]
    return [one for one in names if one == "score" or one in asked]


def _table(choice: Choice, names: Sequence[str]) -> Section:
    on_front = choice.front
    heads = [
        Column(_("Candidate")), Column(_("Standing"), 2),
        *_heads(names, 2),
        Column(_("Points to {name}").format(name=choice.beside), 2, number=True, wraps=True),
        Column(_("Rows"), 3, number=True),
    ]  # fmt: skip
    rows = [_row(choice, one, names, on_front) for one in choice.candidates]
    return Table(_("All candidates"), heads, rows, empty=_("There was none."))


def _others(choice: Choice, names: Sequence[str]) -> Section:
    """Return further measures; the target's come first, and are there on a narrow screen too."""
    shown = max(2, sum(name in choice.target.measures() for name in names))
    rows = [
        Row(
            _href(one), (_named(one), *(_value(one, name) for name in names)),
            {"name": one.name}, muted=not one.whole,
        )
        for one in choice.candidates
    ]  # fmt: skip
    return Table(_("Further measures"), [Column(_("Candidate")), *_heads(names, shown)], rows)


def _heads(names: Sequence[str], shown: int) -> list[Column]:
    """Return the columns of measures; on a narrow screen only the first ones are shown."""
    return [
        Column(_(MEASURES[name].title), 1 if at < shown else 2, number=True, wraps=True)
        for at, name in enumerate(names)
    ]


def _row(choice: Choice, one: Candidate, names: Sequence[str], on_front: Sequence[str]) -> Row:
    stands = Cell("text", standing(choice, one, on_front))
    points = Cell("text", _parted(difference(one)))
    cells = (_named(one), stands, *(_value(one, name) for name in names), points)
    data = {"name": one.name, **one.values}
    return Row(_href(one), (*cells, Cell("number", one.n)), data, muted=not one.whole)


def _named(one: Candidate) -> Cell:
    href = _href(one)
    return Cell("ref", one.name, href=href) if href else Cell("text", one.name)


def _href(one: Candidate) -> str:
    return links.artifact("report", one.report) if one.report else ""


def _value(one: Candidate, name: str) -> Cell:
    return Cell("text", _parted(cell(one, name)))


def _parted(text: str) -> str:
    """Return a value with its interval, which may stand below it but are each in one piece."""
    value, bracket, interval = text.partition(" [")
    spaced = value.replace(" ", _HARD)
    return f"{spaced} [{interval.replace(' ', _HARD)}" if bracket else spaced


def _proof(choice: Choice) -> Section:
    """Return how the winner did on rows that nothing was chosen on."""
    proof = choice.proof
    score = f"{proof['score'] * 100:.1f} % [{proof['low'] * 100:.1f}, {proof['high'] * 100:.1f}]"
    paired = proof["paired"]
    points = f"{paired['difference'] * 100:+.1f} [{paired['low'] * 100:+.1f}, {paired['high'] * 100:+.1f}]"
    return Facts(
        _("The winner on rows that did not choose it"),
        [
            (_("split"), facts.cell(f"{proof['split']}, {proof['n']}")),
            (_("score"), facts.cell(score)),
            (_("its parent"), facts.cell(f"{proof['parent'] * 100:.1f} %")),
            (_("points to it"), facts.cell(points)),
            (_("newly wrong"), facts.cell(spelt("flips", proof["flips"]))),
        ],
    )


def _slices(choice: Choice, chosen: Candidate) -> Section:
    heads = (
        Column(_("Slice")), Column(_("Score"), number=True),
        Column(choice.beside, number=True), Column(_("Rows"), 2, number=True),
    )  # fmt: skip
    rows = [
        Row("", (Cell("text", name), Cell("text", f"{one['score'] * 100:.1f} %"),
                 Cell("text", f"{one['beside'] * 100:.1f} %"), Cell("number", int(one["n"]))),
            {"slice": name, **one})
        for name, one in chosen.slices.items()
    ]  # fmt: skip
    return Table(_("{name} by slice").format(name=chosen.name), heads, rows)

"""The evidence of a rollout, drawn: for each metric how much worse it may be, and the proof of harm.

Both over what was counted, calls or scores. A new share begins the upper band anew, as its gate
reads only what was served at that share; harm is weighed over the whole rollout.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from volano.web.pages import words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Drawing, Section

_WIDE, _LEFT, _RIGHT, _TOP, _GAP = 640, 70, 16, 30, 46
_LOSS, _HARM = 150, 80
Curve = Mapping[str, Any]


def sections(curves: Sequence[Curve]) -> list[Section]:
    """Return a drawing for each metric that was looked at more than once."""
    found: list[Section] = []
    for metric in dict.fromkeys(str(one.get("metric", "")) for one in curves):
        mine = {str(one["gate"]): one for one in curves if one.get("metric") == metric}
        drawn = picture(metric, mine)
        if drawn:
            note = _(
                "Above: how much worse the candidate is, between at least and at most, at its share; the step is "
                "left when the band lies below the dashed line. Below: the proof of harm; at the dashed line it "
                "goes back. Both hold at every look."
            )
            found.append(Drawing(_("Evidence: {metric}").format(metric=metric), drawn, note))
    return found


def picture(metric: str, curves: Mapping[str, Curve]) -> Markup:
    """Draw the band of the loss and the line of harm below each other, over the same calls."""
    shown = {gate: one for gate, one in curves.items() if len(one.get("points") or ()) > 1}
    if not shown:
        return Markup("")
    last = max(one["points"][-1][0] for one in shown.values())
    scored = any(one.get("of") == "scores" for one in shown.values())
    counted = _("{n} scores") if scored else _("{n} calls")
    parts: list[Markup] = []
    top, told = _TOP, []
    if "promotion" in shown:
        band = _Loss(shown["promotion"], top, last)
        parts += band.draw()
        told.append(band.now)
        top += _LOSS + _GAP
    if "harm" in shown:
        line = _Harm(shown["harm"], top, last)
        parts += line.draw()
        told.append(line.now)
        top += _HARM + _GAP
    foot = top - _GAP + 20
    ends = Markup(
        '<text x="{}" y="{y}">0</text><text x="{}" y="{y}" text-anchor="end">{}</text>'
    ).format(_LEFT, _WIDE - _RIGHT, counted.format(n=words.count(int(last))), y=foot)
    return Markup(
        '<svg class="front evidence" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{parts}{ends}</svg>'
    ).format(
        w=_WIDE, h=foot + 8, label=f"{metric}: {'; '.join(told)}",
        parts=Markup("").join(parts), ends=ends,
    )  # fmt: skip


class _Panel:
    """A strip of the drawing: calls from left to right, values from `base` up."""

    def __init__(self, curve: Curve, top: int, high: int, last: float):
        self.points: Sequence[Sequence[float]] = curve["points"]
        self.limit = float(curve["limit"])
        self.top, self.base, self.last = top, top + high, max(last, 1)

    def x(self, calls: float) -> float:
        return _LEFT + calls / self.last * (_WIDE - _LEFT - _RIGHT)

    def rule(self, kind: str, y: float, text: str) -> Markup:
        """Return a line across, with its value at the left."""
        return Markup(
            '<line class="{}" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
            '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(kind, _LEFT, _WIDE - _RIGHT, _LEFT - 6, y + 4, text, y=y)

    def heading(self, text: str) -> Markup:
        return Markup('<text class="name" x="{}" y="{}">{}</text>').format(
            _LEFT, self.top - 12, text
        )


class _Loss(_Panel):
    """Between which bounds the candidate is worse; the margin is the dashed line."""

    def __init__(self, curve: Curve, top: int, last: float):
        super().__init__(curve, top, _LOSS, last)
        self.reach = max(self.limit * 3, 1e-6)
        told = _("at most {high} worse; {margin} allowed")
        self.now = told.format(high=_points(self.points[-1][3]), margin=_points(self.limit))

    def y(self, value: float) -> float:
        part = (min(max(value / self.reach, -1), 1) + 1) / 2
        return self.base - part * (self.base - self.top)

    def draw(self) -> Iterator[Markup]:
        yield self.heading(self.now)
        for run in _runs(self.points):
            upper = [f"{self.x(n):.1f} {self.y(high):.1f}" for n, _s, _low, high in run]
            lower = [f"{self.x(n):.1f} {self.y(low):.1f}" for n, _s, low, _high in reversed(run)]
            yield Markup('<path class="band" d="M{} Z"/>').format(" L".join([*upper, *lower]))
            yield Markup('<path class="edge" d="M{}"/>').format(" L".join(upper))
            at = self.x(run[0][0])
            yield Markup(
                '<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>'
                '<text x="{:.1f}" y="{}">{}</text>'
            ).format(
                self.top, self.base, at + 4, self.base - 5, words.percent(int(run[0][1])), x=at
            )
        yield self.rule("zero", self.y(0), "0")
        yield self.rule("limit", self.y(self.limit), f"+{_points(self.limit)}")


class _Harm(_Panel):
    """The e-value, on a logarithmic scale; what is proof is the dashed line."""

    def __init__(self, curve: Curve, top: int, last: float):
        super().__init__(curve, top, _HARM, last)
        self.now = _("harm: e = {now}; {limit} takes it back").format(
            now=f"{self.points[-1][2]:.3g}", limit=f"{self.limit:.3g}"
        )

    def y(self, value: float) -> float:
        part = math.log(max(value, 1.0)) / (1.3 * math.log(max(self.limit, 2.0)))
        return self.base - min(part, 1.0) * (self.base - self.top)

    def draw(self) -> Iterator[Markup]:
        yield self.heading(self.now)
        spots = [f"{self.x(n):.1f} {self.y(value):.1f}" for n, _share, value in self.points]
        yield Markup('<path class="edge" d="M{}"/>').format(" L".join(spots))
        yield self.rule("tick", self.base, "e = 1")
        yield self.rule("limit", self.y(self.limit), f"{self.limit:.3g}")


def _runs(points: Iterable[Sequence[float]]) -> list[list[Sequence[float]]]:
    """Return the points of each share apart."""
    runs: list[list[Sequence[float]]] = []
    for point in points:
        if not runs or runs[-1][0][1] != point[1]:
            runs.append([])
        runs[-1].append(point)
    return runs


def _points(value: float) -> str:
    return _("{n} points").format(n=f"{100 * value:.1f}")

"""Curves: what a training Run measured over its steps, as a drawing and as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from volano.web.pages import words
from volano.web.pages.i18n import N_
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Cell, Column, Drawing, Row, Section, Table

KIND = "model.train"
POINTS, ROWS = 240, 14
_WIDE, _LEFT, _RIGHT, _TOP, _GAP = 640, 62, 16, 24, 40
_HIGH = {"loss": 150, "lr": 50}
_TITLES = {
    "loss": N_("Loss"),
    "dev_loss": N_("Loss on dev rows"),
    "dev_exact_match": N_("Exact answers on dev rows"),
    "lr": N_("Learning rate"),
    "tokens_per_s": N_("Tokens a second"),
}

KNOWN = frozenset(_TITLES)
Curve = Sequence[dict[str, Any]]


def sections(app: Any, run: Any) -> list[Section]:
    """Return the learning curve of a Run that trains, as far as it has come; else nothing."""
    if run.kind != KIND:
        return []
    curve = app.trainer.curve(run.id)
    if not curve:
        return []
    drawing = picture(curve)
    note = _("Over {n} steps. A dot is a measurement on dev rows; the best is kept.").format(
        n=words.count(curve[-1]["of"] or curve[-1]["step"])
    )
    drawn = [Drawing(_("Learning curve"), drawing, note)] if drawing else []
    return [*drawn, table(curve)]


def picture(curve: Curve) -> Markup:
    """Draw loss, dev metrics and learning rate below each other, over the same steps."""
    names = [name for name in _named(curve) if len(_seen(curve, name)) > 1 or _is_dev(name)]
    if len(curve) < 2 or not names:
        return Markup("")
    end = max(curve[-1]["of"], curve[-1]["step"], 1)
    parts, top = [], _TOP
    for name in names:
        panel = _Panel(name, _thin(_seen(curve, name)), top, end)
        parts.append(panel.draw())
        top = panel.base + _GAP
    foot = top - _GAP + 20
    ends = Markup(
        '<text x="{left}" y="{y}">0</text><text x="{right}" y="{y}" text-anchor="end">{said}</text>'
    ).format(
        left=_LEFT, right=_WIDE - _RIGHT, y=foot, said=_("{n} steps").format(n=words.count(end))
    )
    label = _("Learning curve: {what}. The table below has the same").format(
        what=", ".join(title(name) for name in names)
    )
    return Markup(
        '<svg class="front curve" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{parts}{ends}</svg>'
    ).format(w=_WIDE, h=foot + 8, label=label, parts=Markup("").join(parts), ends=ends)


def table(curve: Curve) -> Table:
    """Return some of the steps: every dev measurement first, the last one always."""
    names = [*_named(curve)]
    if _seen(curve, "tokens_per_s"):
        names.append("tokens_per_s")
    columns = [Column(_("Step"), number=True)]
    columns += [
        Column(title(name), 1 if name == "loss" or _is_dev(name) else 2, number=True)
        for name in names
    ]
    rows = [
        Row("", [Cell("number", words.count(one["step"])),
                 *(Cell("number", spelt(name, one.get(name))) for name in names)], one)
        for one in _chosen(curve)
    ]  # fmt: skip
    return Table(_("The curve in numbers"), columns, rows)


def title(name: str) -> str:
    """Return what a measure is called."""
    if name in _TITLES:
        return _(_TITLES[name])
    return name.removeprefix("dev_").replace("_", " ") + (
        _(" on dev rows") if _is_dev(name) else ""
    )


def spelt(name: str, value: Any) -> str:
    """Return a measure as text."""
    if not isinstance(value, int | float):
        return "–"
    if name == "lr":
        return f"{value:.2g}"
    if name == "tokens_per_s":
        return words.count(round(value))
    if _is_share(name):
        return f"{value * 100:.1f}\u202f%"
    return f"{value:.3f}"


class _Panel:
    """One measure: its scale, its line, its name above."""

    def __init__(self, name: str, points: Sequence[tuple[int, float]], top: int, end: int):
        self.name, self.points, self.end = name, points, end
        self.top, self.base = top, top + _HIGH.get(name, 100)
        values = [value for _step, value in points]
        self.low = min(0.0, *values)
        self.high = 1.0 if _is_share(name) and max(values) <= 1 else max(values)
        self.high = self.high if self.high > self.low else self.low + 1

    def x(self, step: int) -> float:
        return _LEFT + step / self.end * (_WIDE - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self.base - (value - self.low) / (self.high - self.low) * (self.base - self.top)

    def draw(self) -> Markup:
        return Markup("").join(self._parts())

    def _parts(self) -> Iterator[Markup]:
        for value in (self.low, self.high):
            y = self.y(value)
            yield Markup(
                '<line class="tick" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
                '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(_LEFT, _WIDE - _RIGHT, _LEFT - 6, y + 4, self._short(value), y=y)
        last = self.points[-1][1]
        yield Markup('<text class="name" x="{}" y="{}">{}</text>').format(
            _LEFT, self.top - 8, f"{title(self.name)}: {spelt(self.name, last)}"
        )
        spots = [(self.x(step), self.y(value)) for step, value in self.points]
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        yield Markup('<path class="edge" d="M{}"/>').format(path)
        for x, y in spots if _is_dev(self.name) else spots[-1:]:
            yield Markup('<circle class="dot on" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, y)

    def _short(self, value: float) -> str:
        return f"{value * 100:.0f}\u202f%" if _is_share(self.name) else f"{value:.2g}"


def _named(curve: Curve) -> list[str]:
    """Return what is drawn: loss, what was measured on dev rows, the learning rate."""
    dev = [name for name in dict.fromkeys(n for one in curve for n in one) if _is_dev(name)]
    return [name for name in ("loss", *dev, "lr") if _seen(curve, name)]


def _seen(curve: Curve, name: str) -> list[tuple[int, float]]:
    return [(one["step"], one[name]) for one in curve if isinstance(one.get(name), int | float)]


def _thin(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    step = max(1, len(points) // POINTS)
    return points[::step] if points[-1] in points[::step] else [*points[::step], points[-1]]


def _chosen(curve: Curve) -> list[dict[str, Any]]:
    """Return at most so many rows: those with dev measurements, else an even part; newest first."""
    dev = [one for one in curve if any(map(_is_dev, one))]
    pool = dev if len(dev) > 1 else list(curve)
    step = max(1, -(-len(pool) // ROWS))
    some = pool[::-1][::step]
    return some if some[0] is curve[-1] else [curve[-1], *some]


def _is_dev(name: str) -> bool:
    return name.startswith("dev_")


def _is_share(name: str) -> bool:
    return _is_dev(name) and not name.endswith("loss")

"""Drawings of intervals: changes around zero, and reports by score and what they take."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from volano.web.pages import words
from volano.web.pages.i18n import gettext as _

_WIDE, _LEFT, _RIGHT, _STEP, _TOP = 640, 190, 24, 34, 22


def around_zero(changes: Sequence[tuple[str, Mapping[str, Any]]], margin: float | None) -> Markup:
    """Draw changes with their intervals on one scale, zero and the margin marked, on the side of worse.

    A filled dot is a difference; a ring is undecided, so that colour is never alone.
    """
    if not changes:
        return Markup("")
    ends = [
        abs(one[end])
        for _name, one in changes
        for end in ("low", "high")
        if math.isfinite(one[end])
    ]
    reach = max([*ends, (margin or 0) * 1.5, 1e-6]) * 1.05

    def x(value: float) -> float:
        share = (max(-reach, min(reach, value)) + reach) / (2 * reach)
        return _LEFT + share * (_WIDE - _LEFT - _RIGHT)

    foot = _TOP + _STEP * len(changes)
    parts = [_upright("tick", x(0), foot)]
    if margin:
        sides = sorted({-1 if one.get("bigger", True) else 1 for _name, one in changes})
        parts += [_upright("limit", x(side * margin), foot) for side in sides]
    parts += [
        _change(name, one, x, _TOP + _STEP * at + _STEP / 2)
        for at, (name, one) in enumerate(changes)
    ]
    for value, anchor in ((-reach, "start"), (0.0, "middle"), (reach, "end")):
        parts.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                x(value), foot + 18, anchor, f"{value * 100:+.1f}".replace("+0.0", "0")
            )
        )
    label = _("Changes with 95 % intervals around zero: the table below has the same")
    return Markup(
        '<svg class="front" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDE, foot + 26, label, Markup("").join(parts))


def _upright(kind: str, x: float, foot: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{:.1f}"/>').format(
        kind, x, x, _TOP - 8, foot
    )


def _change(name: str, one: Mapping[str, Any], x: Any, y: float) -> Markup:
    on = "off" if one["verdict"] == "undecided" else "on"
    told = f"{name}: {one['verdict']}"
    return Markup(
        '<g><title>{told}</title><text class="name" x="{at}" y="{text:.1f}" text-anchor="end">{name}</text>'
        '<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<circle class="dot {on}" cx="{x:.1f}" cy="{y:.1f}" r="5"/></g>'
    ).format(
        told=words.visible(told), at=_LEFT - 14, text=y + 4, name=words.visible(words.clip(name.replace("_", " "), 26)),
        low=x(one["low"]), high=x(one["high"]), x=x(one["difference"]), y=y, on=on,
    )  # fmt: skip


def front(points: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw reports by score over cost, else over latency; those that no other beats are filled."""
    along = next(
        (k for k in ("cost", "latency_ms") if all((one[k] or 0) > 0 for one in points)), None
    )
    if len(points) < 2 or along is None:
        return Markup("")
    xs, ys = [one[along] for one in points], [one["score"] for one in points]
    left, right = min(xs), max(xs) if max(xs) > min(xs) else min(xs) * 1.1
    room = max(0.01, (max(ys) - min(ys)) * 0.2)
    low, high = max(0.0, min(ys) - room), min(1.0, max(ys) + room)

    def x(value: float) -> float:
        return 70 + (value - left) / (right - left) * (_WIDE - 130)

    def y(value: float) -> float:
        return 210 - (value - low) / (high - low) * 180

    parts = [
        Markup('<line class="tick" x1="52" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
               '<text x="46" y="{text:.1f}" text-anchor="end">{said}</text>').format(
            _WIDE - 16, y=y(value), text=y(value) + 4, said=f"{value * 100:.0f} %")
        for value in (low, (low + high) / 2, high)
    ]  # fmt: skip
    for number, one in enumerate(points):
        parts.append(
            Markup('<g><title>{}</title><circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="6"/>'
                   '<text class="name" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text></g>').format(
                words.visible(one["report"]), "on" if one["front"] else "off", x(one[along]), y(one["score"]),
                x(one[along]), y(one["score"]) - 12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26])
        )  # fmt: skip
    unit = "ms" if along == "latency_ms" else ""
    for value, anchor in ((left, "start"), (right, "end")):
        parts.append(Markup('<text x="{:.1f}" y="236" text-anchor="{}">{}</text>').format(
            x(value), anchor, f"{value:.3g} {unit}".strip()))  # fmt: skip
    title = _("Latency, median") if along == "latency_ms" else _("Cost of an answer")
    parts.append(
        Markup('<text class="what" x="320" y="256" text-anchor="middle">{}</text>').format(title)
    )
    label = _("Reports by score and {what}: the table below has the same").format(
        what=title.lower()
    )
    return Markup(
        '<svg class="front" viewBox="0 0 {} 264" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDE, label, Markup("").join(parts))

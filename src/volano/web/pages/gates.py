"""The gates of a rollout, drawn: how far each is from its limit, and in which direction."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from volano.web.pages import words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Gate, Meter, State, Tone

LARGE, LARGEST = 1000, 1_000_000
"""From here on three digits would be written with a power of ten, which nobody reads; what is beyond
the largest is told as that: evidence of 400 digits says no more.
"""
_TONES: dict[str, Tone] = {"pass": "good", "fail": "bad", "wait": "wait"}


def gate(verdict: Mapping[str, Any]) -> Gate:
    """Return one verdict of a decision as a gate with its drawing."""
    seen = verdict.get("evidence") or {}
    outcome = str(verdict.get("outcome", "wait"))
    tone = _TONES.get(outcome, "off")
    word = {"pass": _("holds"), "fail": _("says no"), "wait": _("waits for evidence")}
    kind = str(seen.get("gate", ""))
    return Gate(
        _name(kind, str(seen.get("metric", "")), str(verdict.get("reason", ""))),
        State(word.get(outcome, outcome), tone),
        str(verdict.get("reason", "")),
        _numbers(kind, seen),
        _meter(kind, seen, tone),
    )


def _name(kind: str, metric: str, reason: str) -> str:
    names = {
        "guard": _("guard"),
        "units": _("enough units"),
        "harm": _("no harm in {metric}"),
        "promotion": _("{metric} inside the margin"),
        "difference": _("difference in {metric}"),
        "split": _("the split is as asked"),
    }
    if kind in names:
        return names[kind].format(metric=metric)
    return metric or kind or reason.partition(":")[0]


def _numbers(kind: str, seen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers that matter, named; arms become one line each."""
    if kind == "harm":
        return [
            (_("candidate failures"), _told(seen.get("candidate_failures"))),
            (_("baseline failures"), _told(seen.get("baseline_failures"))),
            (_("e-value"), _told(seen.get("e_value"))),
            (_("proof at"), _told(seen.get("threshold"))),
        ]
    if kind == "promotion":
        return [
            (_("margin"), _points(seen.get("margin"))),
            (_("loss"), f"{_points(seen.get('loss_low'))} … {_points(seen.get('loss_high'))}"),
            *((arm, _arm(seen.get(arm))) for arm in ("candidate", "stable")),
        ]
    if kind == "difference":
        return _difference(seen)
    if kind == "split":
        return _split(seen)
    plain = (
        (name, value) for name, value in seen.items() if name not in ("gate", "metric", "share")
    )
    return [(name.replace("_", " "), _told(value)) for name, value in plain
            if not isinstance(value, Mapping)]  # fmt: skip


def _difference(seen: Mapping[str, Any]) -> list[tuple[str, str]]:
    between = f"{_points(seen.get('low'))} … {_points(seen.get('high'))}"
    units = " + ".join(_told(n) for n in seen.get("n", ()))
    interval = [(_("interval"), between)] if _is_number(seen.get("low")) else []
    return [
        *interval,
        (_("units"), units),
        (_("smallest that matters"), _points(seen.get("detect"))),
    ]


def _split(seen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers of a split; proven once it stays proven, so the highest is shown then."""
    proven = seen.get("rejected") and "peak_e_value" in seen
    return [
        (_("units"), " + ".join(_told(n) for n in seen.get("counts", ()))),
        (_("e-value"), _told(seen.get("peak_e_value" if proven else "e_value"))),
        (_("proof at"), _told(seen.get("threshold"))),
    ]


def _meter(kind: str, seen: Mapping[str, Any], tone: Tone) -> Meter | None:
    """Draw a gate whose numbers are all there; any other is told in words, not drawn.

    What is missing is looked for, not caught: before the first unit a gate has
    no numbers yet, and a gate of another volano may name them otherwise. An
    error in the drawing itself is ours and is not hidden.
    """
    draw, names = _DRAWN.get(kind, (None, ()))
    if draw is None or not all(_is_number(seen.get(name)) for name in names):
        return None
    return draw(seen, tone)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)


def _units_meter(seen: Mapping[str, Any], tone: Tone) -> Meter:
    part = seen["seen"] / max(seen["needed"], 1)
    return Meter(0, min(part, 1), 1, "0", "", str(seen["needed"]), tone)


def _margin_meter(seen: Mapping[str, Any], tone: Tone) -> Meter:
    """Place the bounds of the loss on an axis that has the margin at three quarters."""
    margin = float(seen["margin"])
    reach = max(margin * 4 / 3, 1e-9)

    def place(loss: float) -> float:
        return min(max((loss / reach + 1) / 2, 0.0), 1.0)

    return Meter(
        place(float(seen["loss_low"])),
        place(float(seen["loss_high"])),
        place(margin),
        _("← better"),
        "",
        _points(margin),
        tone,
    )


def _proof_meter(seen: Mapping[str, Any], tone: Tone) -> Meter:
    """Place the e-value on a logarithmic axis from 1 to twice the proof."""
    proof = max(float(seen["threshold"]), 1.0)
    reach = math.log(proof * 2)
    e_value = max(float(seen["peak_e_value" if tone == "bad" else "e_value"]), 1.0)
    part = min(math.log(e_value) / reach, 1.0)
    return Meter(0, part, math.log(proof) / reach, "e = 1", "", _told(proof), tone)


_DRAWN: dict[str, tuple[Callable[[Mapping[str, Any], Tone], Meter], tuple[str, ...]]] = {
    "promotion": (_margin_meter, ("margin", "loss_low", "loss_high")),
    "harm": (_proof_meter, ("threshold", "e_value", "peak_e_value")),
    "units": (_units_meter, ("seen", "needed")),
}
"""How a gate is drawn, and the numbers that it takes."""


def _points(value: Any) -> str:
    return _("{n} points").format(n=f"{100 * value:.1f}") if _is_number(value) else _told(value)


def _arm(mean: Any) -> str:
    if not isinstance(mean, Mapping) or not mean.get("n"):
        return _("no data yet")
    return _("{mean} on {n} units").format(mean=_told(mean.get("mean")), n=mean["n"])


def _told(value: Any) -> str:
    if not isinstance(value, float):
        return "–" if value is None else str(value)
    if LARGEST < abs(value) < math.inf:
        return ("> " if value > 0 else "< -") + words.count(LARGEST)
    large = LARGE <= abs(float(f"{value:.3g}")) < math.inf
    return words.count(round(value)) if large else f"{value:.3g}"

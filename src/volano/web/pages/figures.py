"""Figures: KPIs as people read them: a number with its interval, what changed, a small line."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import words
from volano.web.pages.i18n import N_
from volano.web.pages.i18n import gettext as _

TITLES = {
    "requests": N_("Calls"), "request_rate": N_("Calls a second"), "errors": N_("Failed calls"),
    "error_rate": N_("Failed"), "availability": N_("Availability"), "refusal_rate": N_("Refused"),
    "latency_p50": N_("Latency, median"), "latency_p95": N_("Latency, 95 %"),
    "latency_p99": N_("Latency, 99 %"), "ttft_p50": N_("First token, median"),
    "ttft_p95": N_("First token, 95 %"), "ttft_p99": N_("First token, 99 %"),
    "tokens": N_("Tokens"), "throughput": N_("Tokens a second, all calls"),
    "tokens_per_s": N_("Tokens a second, one call"), "concurrency": N_("Under way at once"),
    "cost": N_("Cost"), "cost_per_request": N_("Cost of a query"),
    "cost_per_answer": N_("Cost of an answer"), "satisfaction": N_("Satisfaction"),
    "task_completion": N_("Tasks done"), "cost_per_success": N_("Cost of a success"),
    "revenue": N_("Revenue or saving"), "revenue_per_request": N_("Revenue of a query"),
    "margin": N_("Margin"), "return": N_("Return on cost"),
    "host_cpu": N_("CPU busy"), "host_cpu_waits": N_("Work waits for CPU"),
    "host_memory": N_("Memory taken"), "host_memory_waits": N_("Work waits for memory"),
    "host_disk": N_("Disk full"), "host_gpu": N_("GPU busy"),
    "host_gpu_memory": N_("GPU memory taken"), "engine_cpu": N_("CPU"),
    "engine_memory": N_("Memory"),
}  # fmt: skip
_WIDE, _HIGH, _PAD = 200, 36, 3


def title(name: str) -> str:
    """Return what a KPI is called on screen."""
    return _(TITLES.get(name, name))


def value(answer: Any, kpi: Any) -> str:
    """Return the number of an answer."""
    return spelt(answer.value, kpi, answer.currency)


def spelt(number: float | None, kpi: Any, currency: str = "") -> str:
    """Return a number in the unit of a KPI."""
    if number is None:
        return _("not measured")
    if kpi.unit == "share":
        return _percent(number)
    if kpi.unit == "us":
        return words.duration(round(number))
    if kpi.unit == "money":
        return money(number, currency)
    if kpi.name == "return":
        return f"{_digits(number)}\u202f×"
    return _digits(number) + ("/s" if kpi.unit == "per second" else "")


def money(nano: float, currency: str) -> str:
    """Return an amount with as many digits as say something."""
    amount = abs(nano) / 1e9
    digits = 2 if amount >= 1 or not amount else 4 if amount >= 0.01 else 6
    sign = "−" if nano < 0 else ""
    return f"{sign}{amount:,.{digits}f}\u202f{currency}".replace(",", "\u202f").strip()


def reach(answer: Any) -> str:
    """Return the interval of a share, else nothing."""
    if answer.low is None or answer.value is None:
        return ""
    low, high = _percent(answer.low), _percent(answer.high)
    return _("{low} to {high}").format(low=low, high=high)


def change(now: Any, before: Any, kpi: Any) -> tuple[str, str, bool]:
    """Return what changed since the window before, its tone, and whether that may be chance.

    A share may have moved by chance while both intervals overlap; of other numbers no
    interval is known, a change of less than a twentieth is not called good or bad.
    """
    if now.value is None or before.value is None or now.currency != before.currency:
        return "", "off", False
    moved = now.value - before.value
    if kpi.unit == "share":
        text = f"{moved * 100:+.1f}\u202f{_('pts')}".replace("-", "−")
        chance = now.low <= before.high and before.low <= now.high
        return text, "off" if chance else _tone(moved, kpi), chance and bool(moved)
    if not before.value:
        return "", "off", False
    share = moved / abs(before.value)
    text = f"{share:+.0%}".replace("-", "−").replace("%", "\u202f%")
    return text, _tone(moved, kpi) if abs(share) >= 0.05 else "off", False


def line(points: Sequence[tuple[int, float | None]], label: str) -> Markup:
    """Draw a small line from nought or the least value up; where nothing was measured it breaks."""
    seen = [number for _, number in points if number is not None]
    if not seen:
        return Markup("")
    low, high = min(0.0, *seen), max(0.0, *seen) or 1.0
    reach_ = (high - low) or 1.0
    each = _WIDE / max(len(points) - 1, 1)

    def at(n: int, number: float) -> tuple[float, float]:
        return n * each, _HIGH - _PAD - (number - low) / reach_ * (_HIGH - 2 * _PAD)

    parts = []
    for run in _runs(points):
        told = [at(n, number) for n, number in run]
        base = _HIGH - _PAD + low / reach_ * (_HIGH - 2 * _PAD)
        if len(told) == 1:
            [(x, y)] = told
            parts.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2"/>').format(x, y))
            continue
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in told)
        first, last = told[0][0], told[-1][0]
        area = f"M{first:.1f} {base:.1f} L{path} L{last:.1f} {base:.1f}Z"
        parts.append(
            Markup('<path class="area" d="{}"/><path class="line" d="M{}"/>').format(area, path)
        )
    return Markup(
        '<svg class="spark" viewBox="-3 0 {w} {h}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        "{parts}</svg>"
    ).format(w=_WIDE + 6, h=_HIGH, label=escape(label), parts=Markup("").join(parts))


def chart(
    points: Sequence[tuple[int, float | None]], kpi: Any, *, label: str, currency: str = ""
) -> Markup:
    """Draw a KPI over time as bars: its greatest value on the left, dates below."""
    seen = [number for _, number in points if number is not None]
    if not seen or not any(seen):
        return Markup("")
    low, high = min(0.0, *seen), max(0.0, *seen)
    reach_ = (high - low) or 1.0
    wide, top, base = 640 / len(points), 14, 120

    def at(number: float) -> float:
        return base - (number - low) / reach_ * (base - top)

    bars = Markup("").join(
        Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" rx="1"/>').format(
            n * wide + wide * 0.1, min(at(number), at(0)), wide * 0.8,
            max(abs(at(number) - at(0)), 0.6 if number else 0),
        )
        for n, (_at, number) in enumerate(points)
        if number is not None
    )  # fmt: skip
    step = max(1, len(points) // 6)
    dates = Markup("").join(
        Markup('<text x="{:.1f}" y="136">{}</text>').format(n * wide, words.exact(at_us)[5:16])
        for n, (at_us, _number) in enumerate(points)
        if n % step == 0 and n + step / 2 < len(points)
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 640 140" role="img" aria-label="{label}">'
        '<line class="grid" x1="0" x2="640" y1="{top}" y2="{top}"/>'
        '<line class="axis" x1="0" x2="640" y1="{zero:.1f}" y2="{zero:.1f}"/>'
        '<text class="most" x="0" y="10">{most}</text>{bars}{dates}</svg>'
    ).format(
        label=label, top=top, zero=at(0), most=spelt(high, kpi, currency), bars=bars, dates=dates
    )


def _runs(points: Sequence[tuple[int, float | None]]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for n, (_at, number) in enumerate(points):
        if number is None:
            runs.append([])
        else:
            runs[-1].append((n, number))
    return [run for run in runs if run]


def _tone(moved: float, kpi: Any) -> str:
    if kpi.better == "neither" or not moved:
        return "off"
    return "good" if (moved > 0) == (kpi.better == "higher") else "bad"


def _percent(share: float) -> str:
    digits = 2 if 0.99 <= share < 1 or 0 < share < 0.01 else 1
    return f"{share * 100:.{digits}f}".removesuffix(".0") + "\u202f%"


def _digits(number: float) -> str:
    if number >= 1_000:
        return words.count(round(number))
    return f"{number:.3g}"

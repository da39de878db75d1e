"""Amounts as people write them, `5%`, `800ms`, `12.50 USD`, in the unit of a KPI; and back."""

import re

from volano.access.moment import duration_us
from volano.core.errors import InvalidError, VolanoError
from volano.monitor.kpi import Unit

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(.*)", re.DOTALL)
_TIMES_US = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_NEEDS = {
    "count": "a number", "per second": "a number, for each second", "share": "a share such as 5%",
    "us": "a time such as 800ms or 2s", "money": "an amount such as 5 USD",
}  # fmt: skip


class BadAmountError(InvalidError):
    """`{text}` is not {needs}."""


def amount(text: object, unit: Unit) -> float:
    """Read an amount; money in nano-units.

    Raises:
        BadAmountError: it is none of this unit.
    """
    found = None if isinstance(text, bool) else _NUMBER.fullmatch(str(text).strip())
    if found is not None:
        value, mark = float(found[1]), found[2].strip()
        if unit == "share" and mark in ("%", "") and value <= (100 if mark else 1):
            return value / 100 if mark else value
        if unit == "us" and mark in _TIMES_US:
            return value * _TIMES_US[mark]
        if unit == "money" and (not mark or re.fullmatch("[A-Z]{3}", mark)):
            return value * 1e9
        if unit in ("count", "per second") and not mark:
            return value
    raise BadAmountError(text=str(text)[:60], needs=_NEEDS[unit])


def shown(value: float | None, unit: Unit, currency: str = "") -> str:
    """Return an amount as people read it."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{value * 100:.4g}%"
    if unit == "us":
        return f"{value / 1e6:.3g}s" if value >= 1e6 else f"{value / 1e3:.3g}ms"
    if unit == "money":
        return f"{value / 1e9:.4g} {currency}".strip()
    return f"{value:.4g}" + ("/s" if unit == "per second" else "")


def window(text: object, *, least_s: int = 10, most_s: int = 400 * 86_400) -> int:
    """Read a stretch of time in microseconds.

    Raises:
        BadAmountError: it is none, or none that is possible here.
    """
    try:
        found = duration_us(str(text))
    except VolanoError:
        found = -1
    if not least_s * 1_000_000 <= found <= most_s * 1_000_000:
        needs = f"a time from {span(least_s * 1_000_000)} to {span(most_s * 1_000_000)}"
        raise BadAmountError(text=str(text)[:60], needs=needs)
    return found


def span(us: int) -> str:
    """Return a stretch of time as it is written."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if us and us % (size * 1_000_000) == 0:
            return f"{us // (size * 1_000_000)}{unit}"
    return f"{us / 1e6:g}s"

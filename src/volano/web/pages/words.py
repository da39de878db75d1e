"""Numbers, times and text as people read them. Text from outside is marked up safely here."""

import unicodedata
from datetime import UTC, datetime

from markupsafe import Markup, escape

from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_JOINERS = {"\u200c", "\u200d"}
"""Invisible, but part of honest Persian, Hindi and emoji; they stay as they are."""


def iso(at_us: int) -> str:
    """Return the exact time, as `datetime` attributes want it."""
    return _utc(at_us).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(at_us: int) -> str:
    """Return the exact time for people."""
    return _utc(at_us).strftime("%Y-%m-%d %H:%M:%S UTC")


def day(text: str) -> int | None:
    """Return when this day begins, 2026-11-01 in UTC; None: it is no day."""
    try:
        at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) * 1_000_000


def ago(at_us: int, now_us: int) -> str:
    """Return how long ago that was, in one unit."""
    gone = now_us - at_us
    if gone < 0:
        return exact(at_us)
    if gone < 5_000_000:
        return _("just now")
    if gone < MINUTE_US:
        return _("{n} s ago").format(n=gone // 1_000_000)
    if gone < HOUR_US:
        return _("{n} min ago").format(n=gone // MINUTE_US)
    if gone < DAY_US:
        return _("{n} h ago").format(n=gone // HOUR_US)
    days = gone // DAY_US
    return ngettext("{n} day ago", "{n} days ago", days).format(n=days)


def time_tag(at_us: int | None, now_us: int) -> Markup:
    """Return `<time>`: relative to read, exact on hover and for machines."""
    if at_us is None:
        return Markup('<span class="none">–</span>')
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(at_us), exact(at_us), ago(at_us, now_us)
    )


def count(n: int | float) -> str:
    """Return a count with thin groups: 1 204 567."""
    return f"{n:,}".replace(",", "\u202f")


def short_count(n: int) -> str:
    """Return a count that fits a small circle: 987, 1.2k, 34k, 5.6M."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if n >= size:
            value = n / size
            return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    return str(n)


def percent(millionths: int | None) -> str:
    """Return a share given in millionths: 5 %, 0.1 %."""
    return "–" if millionths is None else f"{millionths / 10_000:g}\u202f%"


def duration(us: int | None) -> str:
    """Return a duration in the unit that reads best."""
    if us is None:
        return "–"
    if us < 1_000:
        return f"{us}\u202fµs"
    if us < 1_000_000:
        return f"{us / 1_000:.{1 if us < 10_000 else 0}f}\u202fms"
    if us < 2 * MINUTE_US:
        return f"{us / 1_000_000:.{2 if us < 10_000_000 else 1}f}\u202fs"
    if us < 2 * HOUR_US:
        return f"{us / MINUTE_US:.0f}\u202fmin"
    if us < 2 * DAY_US:
        return f"{us / HOUR_US:.1f}\u202fh"
    return f"{us / DAY_US:.{0 if us % DAY_US == 0 else 1}f}\u202fd"


def money(nano: dict[str, int]) -> str:
    """Return costs by currency, with as many digits as say something."""
    said = []
    for currency, amount in sorted(nano.items()):
        value = amount / 1e9
        digits = 2 if value >= 1 or not value else 4 if value >= 0.001 else 6
        said.append(f"{value:,.{digits}f}\u202f{currency}")
    return " + ".join(said) or "–"


def size(n: int | None) -> str:
    """Return a count of bytes."""
    if n is None:
        return "–"
    value = float(n)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f}\u202f{unit}" if unit == "B" else f"{value:.1f}\u202f{unit}"
        value /= 1000
    return f"{value:.1f}\u202fTB"


def number(value: float) -> str:
    """Return a measured number with three digits that matter."""
    return count(value) if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")


def visible(text: object) -> Markup:
    """Return text from outside, escaped, with what would hide or turn it made visible.

    Direction overrides, zero-width spaces, tag characters and control codes
    have no business in a record that people judge by eye, and are the usual
    carriers of hidden instructions; each becomes a small mark with its code.
    """
    parts: list[Markup] = []
    plain: list[str] = []
    for char in str(text):
        if _hides(char):
            parts.append(escape("".join(plain)))
            plain.clear()
            name = unicodedata.name(char, "control character").lower()
            parts.append(
                Markup('<span class="hidden-char" title="{}">U+{:04X}</span>').format(
                    name, ord(char)
                )
            )
        else:
            plain.append(char)
    parts.append(escape("".join(plain)))
    return Markup("").join(parts)


def clip(text: object, limit: int = 160) -> str:
    """Return one line of at most `limit` characters."""
    line = " ".join(str(text or "").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def capital(text: str) -> str:
    """Return the text as a sentence begins."""
    return text[:1].upper() + text[1:]


def clip_raw(text: str, limit: int) -> str:
    """Return at most `limit` characters, spaces kept."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _hides(char: str) -> bool:
    if char in "\n\t" or char in _JOINERS:
        return False
    return (char >= "\x7f" and unicodedata.category(char) in {"Cf", "Cc"}) or char < " "


def _utc(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, tz=UTC)

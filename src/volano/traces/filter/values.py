"""Values of a filter: each kind of literal, how it is read and how it is spelled."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from volano.core.money import Money

UNITS_US = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "min": 60_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
"""Units of time; `m` is read and `min` written."""

MOST = 2**63 - 1
_BARE = re.compile(r"[\w@./:+#-]*[\w@./:+#]")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([a-zµ]+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = frozenset({"and", "or", "not", "in", "has"})


@dataclass(frozen=True, slots=True)
class Text:
    """A text, to be met exactly."""

    text: str

    def __str__(self) -> str:
        bare = _BARE.fullmatch(self.text) and self.text.casefold() not in _WORDS
        taken = number(self.text) or flag(self.text)
        return self.text if bare and taken is None else quoted(self.text)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of a text: `support@*`."""

    text: str

    def __str__(self) -> str:
        return f"{self.text if _BARE.fullmatch(self.text) else quoted(self.text)}*"


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    number: int | float

    def __str__(self) -> str:
        return repr(self.number)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in microseconds: `2s`, `1.5h`, `300ms`."""

    us: int

    def __str__(self) -> str:
        unit = next(u for u in ("d", "h", "min", "s", "ms", "us") if self.us % UNITS_US[u] == 0)
        return f"{self.us // UNITS_US[unit]}{unit}" if self.us else "0s"


@dataclass(frozen=True, slots=True)
class Share:
    """A share in millionths: `5%`."""

    millionths: int

    def __str__(self) -> str:
        return f"{Decimal(self.millionths) / 10_000:f}%"


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: `0.01 USD`."""

    money: Money

    def __str__(self) -> str:
        return str(self.money)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, microseconds UTC: `2026-11-01`, `2026-11-01T12:30+01:00`."""

    us: int

    def __str__(self) -> str:
        return (_EPOCH + timedelta(microseconds=self.us)).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Ago:
    """A point in time before now: `-24h`."""

    us: int

    def __str__(self) -> str:
        return f"-{Duration(self.us)}"


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    true: bool

    def __str__(self) -> str:
        return "true" if self.true else "false"


Value = Text | Prefix | Number | Duration | Share | Amount | Moment | Ago | Flag


def quoted(text: str) -> str:
    """Return text in quotation marks, as the filter's reader takes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def duration(word: str) -> Duration | None:
    """Read `2s`; None where it is no length of time."""
    match = _DURATION.fullmatch(word.lower().replace("µ", "u"))
    if match is None or match[2] not in UNITS_US:
        return None
    us = int(Decimal(match[1]) * UNITS_US[match[2]])
    return Duration(us) if us <= MOST else None


def moment(word: str) -> Moment | Ago | None:
    """Read a date, a date with a time, `-24h` or `now`; None where it is none. No zone is UTC."""
    if word.lower() == "now":
        return Ago(0)
    if word.startswith("-"):
        length = duration(word[1:])
        return None if length is None else Ago(length.us)
    try:
        at = datetime.fromisoformat(word.upper())
    except ValueError:
        return None
    try:
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None
    return Moment((at - _EPOCH) // timedelta(microseconds=1))


def number(word: str) -> Number | None:
    """Read a number; None where it is none."""
    try:
        found = int(word) if re.fullmatch(r"[+-]?\d{1,19}", word) else float(word)
    except ValueError:
        return None
    fits = -MOST <= found <= MOST if isinstance(found, int) else math.isfinite(found)
    return Number(found) if fits and "_" not in word else None


def share(word: str) -> Share | None:
    """Read `5%`; None where it is none."""
    if not re.fullmatch(r"\d{1,3}(\.\d+)?%", word):
        return None
    return Share(int(Decimal(word[:-1]) * 10_000))


def amount(word: str, currency: str) -> Amount | None:
    """Read `0.01` and `USD`; None where it is no amount."""
    try:
        found = Decimal(word)
    except InvalidOperation:
        return None
    if not found.is_finite() or not re.fullmatch("[A-Za-z]{3}", currency):
        return None
    nano = int(found.scaleb(9))
    return Amount(Money(nano, currency.upper())) if abs(nano) <= MOST else None


def flag(word: str) -> Flag | None:
    """Read `true` or `false`; None where it is neither."""
    return {"true": Flag(True), "false": Flag(False), "yes": Flag(True), "no": Flag(False)}.get(
        word.lower()
    )

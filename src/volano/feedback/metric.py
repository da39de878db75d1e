"""A Metric: what one name of feedback means. Versions never change; a new meaning is a new one.

    thumbs@1    boolean                       support@2   category  solved, open, wrong
    stars@1     number 1..5                   note@1      comment
    sale@1      boolean, an outcome           revenue@1   money, an outcome

An outcome is a metric that says what the business got; nothing else makes it one.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from volano.core.text import nfc
from volano.feedback.errors import BadMetricError, BadNameError, NotAllowedError
from volano.feedback.subject import LEVELS, Subject

Type = Literal["boolean", "number", "category", "money", "comment", "correction", "demonstration"]
TYPES = ("boolean", "number", "category", "money", "comment", "correction", "demonstration")
DIRECTIONS = ("more", "less")
NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
MOST_CATEGORIES = 50
_CURRENCY = re.compile(r"[A-Z]{3}")
_MONEY = re.compile(r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?)(?: ?([A-Z]{3}))?")
_YES = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}
_WRITTEN = ("correction", "demonstration")


@dataclass(frozen=True, slots=True)
class Metric:
    """One version. `direction` says which end is good; `good` which categories are.

    `low` and `high` are in `unit`; both together let a number be placed on 0 (bad) to 1 (good).
    """

    name: str
    version: int
    type: Type
    level: str = "trace"
    direction: str = "more"
    outcome: bool = False
    unit: str = ""
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    currency: str = ""
    description: str = ""
    guidelines: str = ""
    created_us: int = 0
    created_by: str = ""
    retired_us: int | None = None

    @property
    def ref(self) -> str:
        """`thumbs@1`."""
        return f"{self.name}@{self.version}"

    @property
    def allowed(self) -> str:
        """What it takes, in words."""
        if self.type == "category":
            return f"one of {', '.join(self.categories)}"
        if self.type == "number":
            low = "" if self.low is None else f" from {self.low:g}"
            high = "" if self.high is None else f" to {self.high:g}"
            return f"a number{low}{high}{' ' + self.unit if self.unit else ''}"
        return {
            "boolean": "true or false",
            "money": f"an amount such as 12.50 {self.currency or 'EUR'}",
            "comment": "a comment, and no value",
            "correction": "a correction (the right answer), and no value",
            "demonstration": "a correction that shows how it is done, and no value",
        }[self.type]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = [name for name in self.__slots__ if name not in ("categories", "good")]
        told = {name: getattr(self, name) for name in names}
        return {
            "ref": self.ref, **told, "categories": list(self.categories), "good": list(self.good),
            "takes": self.allowed, "state": "retired" if self.retired_us else "in use",
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """What was given, as it is kept: the number itself, and where it stands from 0 bad to 1 good."""

    value: float | None = None
    number: float | None = None
    category: str | None = None
    nano: int | None = None
    currency: str | None = None


def checked(metric: Metric) -> Metric:
    """Return the metric when it makes sense.

    Raises:
        BadNameError, BadMetricError: as they say.
    """
    name = metric.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadNameError(name=str(name)[:64])
    wrong = _wrong(metric)
    if wrong:
        raise BadMetricError(name=name, why=wrong)
    return metric


def _wrong(metric: Metric) -> str:
    numbers = [n for n in (metric.low, metric.high) if n is not None]
    if metric.type not in TYPES or metric.level not in LEVELS:
        return f"a type is one of {', '.join(TYPES)}, a level one of {', '.join(LEVELS)}"
    if metric.direction not in DIRECTIONS:
        return "its direction is more or less"
    if numbers and metric.type != "number":
        return "only a number has --low and --high"
    if not all(map(math.isfinite, numbers)) or (len(numbers) == 2 and numbers[0] >= numbers[1]):
        return "--low must be below --high"
    if (metric.type == "category") != bool(metric.categories):
        return "a category has --categories, and nothing else has"
    if len(metric.categories) > MOST_CATEGORIES or not all(metric.categories):
        return f"it has 1 to {MOST_CATEGORIES} categories, none of them empty"
    if len(set(metric.categories)) != len(metric.categories):
        return "a category stands there twice"
    if not set(metric.good) <= set(metric.categories):
        return "--good names categories of its own"
    if metric.currency and (metric.type != "money" or not _CURRENCY.fullmatch(metric.currency)):
        return "a currency (ISO 4217, such as EUR) goes with money"
    if metric.outcome and metric.type not in ("boolean", "number", "money", "category"):
        return "an outcome can be counted: boolean, number, category or money"
    return ""


def fits(metric: Metric, about: Subject) -> None:
    """Let a metric judge only what it was made for; an own key stands for the trace it is on.

    Raises:
        NotAllowedError: another level.
    """
    if about.level not in (metric.level, "key"):
        allowed = f"feedback on a {metric.level}, or on an own key"
        raise NotAllowedError(value=str(about)[:80], metric=metric.ref, allowed=allowed)


def measure(metric: Metric, value: Any, given: Mapping[str, Any]) -> Measure:
    """Read a value by the metric's type. `given`: comment and correction, for those that want one.

    Raises:
        NotAllowedError: it is not what the metric takes.
    """
    if metric.type in ("comment", *_WRITTEN):
        part = "correction" if metric.type in _WRITTEN else "comment"
        if value is not None or not given.get(part):
            raise _no(metric, value if value is not None else f"nothing as {part}")
        return Measure()
    if value is None:
        if given.get("comment") or given.get("correction"):
            return Measure()  # words on this metric, without a verdict
        raise _no(metric, "nothing")
    return _READ[metric.type](metric, value)


def _boolean(metric: Metric, value: Any) -> Measure:
    found = _YES.get(str(value).strip().lower().removesuffix(".0"))
    if found is None:
        raise _no(metric, value)
    good = found if metric.direction == "more" else 1 - found
    return Measure(value=float(good), number=float(found))


def _number(metric: Metric, value: Any) -> Measure:
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    low, high = metric.low, metric.high
    if not math.isfinite(found) or not (low is None or found >= low):
        raise _no(metric, value)
    if high is not None and found > high:
        raise _no(metric, value)
    if low is None or high is None:
        return Measure(number=found)
    place = (found - low) / (high - low)
    return Measure(value=place if metric.direction == "more" else 1 - place, number=found)


def _category(metric: Metric, value: Any) -> Measure:
    found = nfc(str(value)).strip()
    if found not in metric.categories:
        raise _no(metric, value)
    return Measure(value=float(found in metric.good) if metric.good else None, category=found)


def _money(metric: Metric, value: Any) -> Measure:
    """Read an amount without ever making it a float: `12.5 EUR` is 12 500 000 000 nano."""
    found = _MONEY.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    currency = (found and found[2]) or metric.currency
    if found is None or not currency or (metric.currency and currency != metric.currency):
        raise _no(metric, value)
    whole, _, part = found[1].lstrip("+-").partition(".")
    nano = int(whole) * 10**9 + int(part.ljust(9, "0") or 0)
    return Measure(nano=-nano if found[1].startswith("-") else nano, currency=currency)


_READ = {"boolean": _boolean, "number": _number, "category": _category, "money": _money}


def _no(metric: Metric, value: Any) -> NotAllowedError:
    return NotAllowedError(value=str(value)[:80], metric=metric.ref, allowed=metric.allowed)

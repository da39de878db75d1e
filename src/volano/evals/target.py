"""Target: what a person wants of a model, as limits and one wish.

    size<=100KB, score>=98%, fastest

Limits are joined by commas; the wish is a superlative. `score>=98%` is 98 % of
the reference's score (the parent's in a search, the best candidate's in
advice), `score>=0.95` is 0.95 itself. Sizes know KB, MB, GB (thousands) and
KiB, MiB, GiB; times ms and s. `<=` may be written `<` or `≤`. The same as YAML:

    constraints: {size: "<= 100KB", score: ">= 98%"}
    objective: fastest
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from volano.evals.errors import BadTargetError
from volano.evals.measures import MEASURES, SIZES, SUPERLATIVES, TIMES, Measure, spelt

_LIMIT = re.compile(r"([a-z0-9]+)\s*(<=|>=|≤|≥|<|>)\s*([0-9][0-9_.]*(?:e-?[0-9]+)?)\s*([a-z%/]*)")
_SIGNS = {"<": "<=", "≤": "<=", "<=": "<=", ">": ">=", "≥": ">=", ">=": ">="}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "bytes": SIZES,
    "ms": TIMES,
    "s": {"S": 1, "MS": 0.001},
    "tokens/s": {"": 1, "TOKENS/S": 1, "TOK/S": 1},
    "money": {"": 1},
    "tokens": {"": 1, "TOKENS": 1},
}
USUAL = "fastest"
MOST = 4096


@dataclass(frozen=True, slots=True)
class Limit:
    """A measure must be at least, or at most, a value; `of_parent`: that share of the parent's."""

    measure: str
    least: bool
    value: float
    of_parent: bool = False

    def bound(self, parent: Mapping[str, float]) -> float:
        """Return the value that must be kept, in the measure's own unit; nan: it is not known."""
        if not self.of_parent:
            return self.value
        return self.value * parent.get(self.measure, math.nan)

    def kept(self, value: float | None, parent: Mapping[str, float]) -> bool | None:
        """Return whether a value keeps the limit; None where nobody can know."""
        bound = self.bound(parent)
        if value is None or math.isnan(bound):
            return None
        return value >= bound - 1e-12 if self.least else value <= bound + 1e-12

    def __str__(self) -> str:
        sign = ">=" if self.least else "<="
        if self.of_parent:
            return f"{self.measure} {sign} {self.value * 100:g} % of the reference's"
        return f"{self.measure} {sign} {spelt(self.measure, self.value)}"


@dataclass(frozen=True, slots=True)
class Target:
    """Limits that must be kept, and the measure that shall be as good as can be."""

    limits: tuple[Limit, ...]
    wish: str

    def kept(self, values: Mapping[str, float], parent: Mapping[str, float]) -> bool:
        """Whether all limits are kept; a value that is not known keeps none."""
        return all(limit.kept(values.get(limit.measure), parent) for limit in self.limits)

    def broken(self, values: Mapping[str, float], parent: Mapping[str, float]) -> list[Limit]:
        """Return the limits that these values break for sure; one not measured is left out."""
        return [
            limit for limit in self.limits if limit.kept(values.get(limit.measure), parent) is False
        ]

    @property
    def wished(self) -> Measure:
        """The measure of the wish."""
        return MEASURES[self.wish]

    def measures(self) -> list[str]:
        """Return all measures it speaks of, the wish first."""
        return list(dict.fromkeys([self.wish, *(limit.measure for limit in self.limits)]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "limits": [
                {"measure": one.measure, "least": one.least, "value": one.value,
                 "of_parent": one.of_parent, "text": str(one)}
                for one in self.limits
            ],
            "wish": self.wish,
            "text": str(self),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Target":
        """Read `to_dict` back."""
        limits = (
            Limit(one["measure"], one["least"], one["value"], one["of_parent"])
            for one in raw["limits"]
        )
        return cls(tuple(limits), raw["wish"])

    def __str__(self) -> str:
        return ", ".join([*map(str, self.limits), self.wished.superlative])


def parse(text: str) -> Target:
    """Read a target from the short form or from YAML.

    Raises:
        BadTargetError: it cannot be read, names no known measure, or says a thing twice.
    """
    if len(text) > MOST:
        raise BadTargetError(part=text[:40] + "…", reason=f"a target has at most {MOST} characters")
    if "constraints:" in text or "objective:" in text:
        return _from_yaml(text)
    return _target([part for part in re.split(r"[,;\n]", text) if part.strip()])


def within(target: Target, measured: Sequence[str]) -> Target:
    """Return the target again if all it speaks of is measured.

    Raises:
        BadTargetError: something is not.
    """
    for name in target.measures():
        if name not in measured:
            raise BadTargetError(part=name, reason=f"here are measured {', '.join(measured)}")
    return target


def _from_yaml(text: str) -> Target:
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadTargetError(part=text[:60], reason="it is not YAML") from error
    if not isinstance(raw, dict) or raw.keys() - {"constraints", "objective"}:
        raise BadTargetError(part=text[:60], reason="YAML has the keys constraints and objective")
    limits = raw.get("constraints") or {}
    if isinstance(limits, dict):
        limits = [f"{name} {value}" for name, value in limits.items()]
    wish = raw.get("objective", USUAL)
    if not isinstance(limits, list) or not isinstance(wish, str):
        raise BadTargetError(
            part=text[:60], reason="constraints are a mapping or a list, the objective is a word"
        )
    return _target([*map(str, limits), wish])


def _target(parts: Sequence[str]) -> Target:
    limits: list[Limit] = []
    wishes: list[str] = []
    for part in (part.strip() for part in parts):
        if re.search("[<>≤≥=]", part):
            limits.append(_limit(part))
        else:
            wishes.append(_wish(part))
    if len(wishes) > 1:
        raise BadTargetError(part=", ".join(wishes), reason="one wish only; make the others limits")
    said = [(limit.measure, limit.least) for limit in limits]
    if twice := next((one for one in said if said.count(one) > 1), None):
        raise BadTargetError(part=twice[0], reason="it has the same limit twice")
    _check_open(limits)
    if not parts:
        raise BadTargetError(part="", reason="it says nothing")
    return Target(tuple(limits), SUPERLATIVES[wishes[0] if wishes else USUAL])


def _check_open(limits: Sequence[Limit]) -> None:
    """Two limits of one measure must leave something between them."""
    for low in limits:
        for high in limits:
            same = low.measure == high.measure and low.of_parent == high.of_parent
            if same and low.least and not high.least and low.value > high.value:
                raise BadTargetError(part=low.measure, reason="nothing lies between its two limits")


def _wish(word: str) -> str:
    if word.lower() not in SUPERLATIVES:
        raise BadTargetError(
            part=word,
            reason=f"a wish is one of {', '.join(SUPERLATIVES)}{_near(word.lower(), SUPERLATIVES)}",
        )
    return word.lower()


def _limit(part: str) -> Limit:
    found = _LIMIT.fullmatch(part.lower())
    if not found:
        raise BadTargetError(part=part, reason="a limit reads like size<=100KB or score>=98%")
    name, sign, number, unit = found.groups()
    if name not in MEASURES:
        reason = f"a measure is one of {', '.join(MEASURES)}{_near(name, MEASURES)}"
        raise BadTargetError(part=part, reason=reason)
    try:
        value = float(number)
    except ValueError as error:
        raise BadTargetError(part=part, reason=f"`{number}` is not a number") from error
    if not math.isfinite(value):
        raise BadTargetError(part=part, reason=f"`{number}` is too large")
    return _with_unit(MEASURES[name], _SIGNS[sign] == ">=", value, unit, part)


def _with_unit(measure: Measure, least: bool, value: float, unit: str, part: str) -> Limit:
    """Return the limit in the measure's own unit.

    Raises:
        BadTargetError: the unit is none of this measure, or the value none it can have.
    """
    if unit == "%":
        return Limit(measure.name, least, value / 100, of_parent=measure.relative)
    if measure.unit == "share":
        if unit or value > 1:
            raise BadTargetError(
                part=part, reason=f"{measure.name} is a share: say {value:g}% or a number up to 1"
            )
        return Limit(measure.name, least, value)
    units = _UNITS[measure.unit]
    if unit.upper() not in units:
        known = ", ".join(filter(None, units)) or "no unit"
        raise BadTargetError(part=part, reason=f"{measure.name} is given in {known}, or in %")
    return Limit(measure.name, least, value * units[unit.upper()])


def _near(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), 1)
    return f" (did you mean `{close[0]}`?)" if close else ""

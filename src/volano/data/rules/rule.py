"""A Rule is a limit on a measure, with the source it comes from and what differs by language."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from volano.core.errors import InvalidError
from volano.data.rules.measures import MEASURES, Measure
from volano.data.rules.page import Page

SIDES: Mapping[str, Callable[[float, float], bool]] = {
    "min": lambda value, limit: value < limit,
    "max": lambda value, limit: value > limit,
}
WORDS = {"min": "at least", "max": "at most"}
EVERY = "*"


class BadRuleError(InvalidError):
    """The rule `{rule}` cannot be used: {why}."""

    hint = "A rule of one's own is min_ or max_ and a measure; see docs/reference/steps.md."


@dataclass(frozen=True, slots=True)
class Rule:
    """A text passes when its measure is at least (`min`) or at most (`max`) the limit.

    `languages` has other limits by BCP 47 tag; None there: the rule does not apply.
    """

    name: str
    side: str
    measure: str
    limit: float | None
    source: str = ""
    languages: Mapping[str, float | None] = field(default_factory=dict)

    def limit_for(self, language: str) -> float | None:
        """Return the limit that counts in a language."""
        return self.languages.get(language, self.limit)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule as it counts in one language."""

    name: str
    side: str
    of: Measure
    limit: float

    def failing(self, page: Page) -> float | None:
        """Return the measured value when it is beyond the limit, else None."""
        value = self.of(page)
        return value if value is not None and SIDES[self.side](value, self.limit) else None

    def said(self, value: float) -> str:
        """Return a value and the limit in words."""
        return f"{value:.4g}, {WORDS[self.side]} {self.limit:g}"


def checks_for(rules: Iterable[Rule], language: str) -> list[Check]:
    """Return the rules that apply in a language."""
    return [
        Check(rule.name, rule.side, MEASURES[rule.measure][0], limit)
        for rule in rules
        if (limit := rule.limit_for(language)) is not None
    ]


def own_rules(given: Mapping[str, Any], known: Iterable[Rule]) -> list[Rule]:
    """Return the known rules with the user's limits, and the user's own behind them.

    A name is a known rule's (`gopher.min_words`), or `min_` or `max_` and a measure. A value is a
    limit, none for "never", or an object of limits by language in which `*` is every other one.

    Raises:
        BadRuleError: there is no such rule or measure, or a limit is no number.
    """
    rules = {rule.name: rule for rule in known}
    for name, value in given.items():
        rule = rules.get(name)
        if rule is None:
            side, _, measure = name.partition("_")
            if side not in SIDES or measure not in MEASURES:
                why = f"there is none of this name; measures are {', '.join(MEASURES)}"
                raise BadRuleError(rule=name, why=why)
            rule = Rule(name, side, measure, None, "your own")
        rules[name] = _limited(rule, value)
    return list(rules.values())


def _limited(rule: Rule, value: Any) -> Rule:
    limits = dict(value) if isinstance(value, Mapping) else {EVERY: value}
    for limit in limits.values():
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
            raise BadRuleError(rule=rule.name, why=f"{limit!r} is no number")
    limit = limits.pop(EVERY, rule.limit)
    kept = {} if not isinstance(value, Mapping) else dict(rule.languages)
    return replace(rule, limit=limit, languages={**kept, **limits})

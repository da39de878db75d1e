"""The reference page of the steps of recipes, from the steps themselves and the tables of rules."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from volano.data import steps as ours
from volano.data.rules import C4_LINES, FAMILIES, MEASURES
from volano.data.rules.rule import WORDS, Rule
from volano.data.step import STEPS

SET_BY_ITSELF = ("salt_id", "digest")


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield from (
        "# Steps of recipes",
        "",
        "A step turns rows into rows. A row that it drops is kept with the reason; what it changes is counted by reason.",
        "A *row* step looks at one row at a time; a *whole* step sees all rows first. The order and the shards of the rows do",
        "not matter to what is drawn, and no step looks at the clock. How to use them: [Clean text](../howto/clean-text.md).",
        "",
    )
    for name in sorted(STEPS):
        if STEPS.get(name).__module__.startswith(f"{ours.__name__}."):
            yield from _step(name, STEPS.get(name))
    yield from _rules()


def _step(name: str, step: type[Any]) -> Iterator[str]:
    kind = "whole step" if step.whole else "row step"
    yield from (f"## `{name}`", "", f"*{kind}, version {step.version}.*", "")
    yield from ((inspect.getdoc(step) or "").strip(), "", "| setting | default |", "|---|---|")
    for one in fields(step):
        if one.name not in SET_BY_ITSELF:
            yield f"| `{one.name}` | {default_of(one)} |"
    yield ""


def default_of(one: Any) -> str:
    """Return the default of a setting, as the page says it."""
    if one.default_factory is not MISSING:
        value = one.default_factory()
    elif one.default is MISSING:
        return "*needed*"
    else:
        value = one.default
    if isinstance(value, tuple | list):
        return ", ".join(f"`{item}`" for item in value) or "none"
    if value in ("", -1) or value == {}:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _rules() -> Iterator[str]:
    yield from (
        "## The published rules",
        "",
        "Each is a line of a table in `src/volano/data/rules/families.py`. A limit can be changed by its name.",
        "What differs by language is ours: the papers have English in mind.",
        "",
        "| rule | says | otherwise | source |",
        "|---|---|---|---|",
    )
    for family in FAMILIES.values():
        yield from (_rule(rule) for rule in family)
    yield from (
        "",
        "Rules of `c4` that take something out:",
        "",
        "| rule | takes out | source |",
        "|---|---|---|",
    )
    yield from (f"| `{one.name}` | {one.says} | {one.source} |" for one in C4_LINES)
    yield from (
        "",
        "## Measures",
        "",
        "`min_` or `max_` before a name makes a rule of your own: `min_chars: 20`.",
        "",
        "| measure | what is counted |",
        "|---|---|",
    )
    yield from (f"| `{name}` | {says} |" for name, (_, says) in MEASURES.items())


def _rule(rule: Rule) -> str:
    said = f"{MEASURES[rule.measure][1]}: {WORDS[rule.side]} {rule.limit:,g}"
    other = ", ".join(
        f"{tag}: {'not asked' if limit is None else f'{limit:g}'}"
        for tag, limit in rule.languages.items()
    )
    return f"| `{rule.name}` | {said} | {other} | {rule.source} |"

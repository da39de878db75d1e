"""The reference page of the scorers, from the scorers themselves."""

import inspect
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import volano.evals as ours
from volano.cli.step_reference import default_of
from volano.evals.scoring import SCORERS

MORE, LESS = "more is better", "less is better"
FAMILIES = {
    "Texts": ("exact", "normal", "contains", "pattern", "overlap", "chrf", "edit", "embedding"),
    "Numbers and choices": ("numeric", "option"),
    "JSON": ("schema",),
    "Tools, agents, sources": ("calls", "citation"),
    "Code": ("python_tests",),
    "Manner and means": ("refusal", "spent"),
    "Judges": ("scorer",),
}
"""Headings, with the modules whose scorers stand below them."""
OTHERS = "Others"


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield from (
        "# Scorers",
        "",
        "A scorer says what one answer is worth, beside the label of its row. A *share* lies between 0 and 1. Where a scorer",
        "cannot say, the score is *unmeasured*, with the reason: that is counted and told, and never averaged. An answer that",
        "never came is unmeasured by all of them. A higher *version* means that the same answer would get another score.",
        "",
        "A row gives more than its label in `expected`: `references` (a list of texts that would all be right) and what else a scorer",
        "names below. Every scorer has the setting `as`: the name that its scores bear instead of its own, so that one may stand in a suite",
        'several times (`regex: {pattern: "^[A-Z]", as: capital}`). One of your own: [Write a scorer](../howto/write-a-scorer.md).',
        "",
    )
    known = [name for name in SCORERS if SCORERS.get(name).__module__.startswith(ours.__name__)]
    modules = [module for family in FAMILIES.values() for module in family]
    for family in (*FAMILIES, OTHERS):
        names = [name for name in known if _family(name) == family]
        if family != OTHERS:
            names.sort(key=lambda name: modules.index(_module(name)))
        if names:
            yield from (f"## {family}", "")
        for name in names:
            yield from _scorer(name, SCORERS.get(name))


def _family(name: str) -> str:
    module = _module(name)
    return next((family for family, modules in FAMILIES.items() if module in modules), OTHERS)


def _module(name: str) -> str:
    return SCORERS.get(name).__module__.rpartition(".")[2]


def _scorer(name: str, kind: type[Any]) -> Iterator[str]:
    way = MORE if kind.bigger else LESS
    yield from (f"### `{name}`", "", f"*{kind.unit}, {way}, version {kind.version}.*", "")
    yield from ((inspect.getdoc(kind) or "").strip(), "")
    if settings := fields(kind):
        yield from ("| setting | default |", "|---|---|")
        yield from (f"| `{one.name}` | {default_of(one)} |" for one in settings)
        yield ""

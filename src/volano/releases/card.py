"""A release's card: what it is made of, what was measured of it, and what it may not be used for.

It is written when the release is cut, from nothing but what is pinned, and its digest is signed
with the pins: so it says the same for ever. What changes later (channels, deprecation, checks)
is told by `volano release show`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from volano.data.exchange.prose import cell, inline, line
from volano.models.card import licences_of
from volano.releases.release import Pins
from volano.store.artifact import LineageNode

CARD = "README.md"
_SMALL = 100


def card(name: str, pins: Pins, lineage: LineageNode, notes: str = "") -> str:
    """Return the card in Markdown; `lineage` is that of the flow, `notes` what people say of it."""
    return "\n".join(_lines(name, pins, lineage, notes)) + "\n"


def _lines(name: str, pins: Pins, lineage: LineageNode, notes: str) -> Iterator[str]:
    yield f"# A release of {line(name)}"
    if notes.strip():
        yield f"\n{notes.strip()}"
    yield "\n## What it pins\n"
    for role, artifact in pins.all():
        yield f"- {role}: `{artifact.ref}`, `{artifact.digest}`"
    yield from _settings(pins)
    yield from _scores(pins)
    licences = licences_of(lineage)
    yield "\n## Licences\n"
    yield from (f"- {where}: {found}" for where, found in licences.items())
    if not licences:
        yield "None was told of what it is made from."
    yield "\n## Limits\n"
    yield from (f"- {one}" for one in _limits(pins, licences))


def _settings(pins: Pins) -> Iterator[str]:
    """Say with what its prompts ask, where they say it."""
    for role, artifact in pins.all():
        settings = artifact.manifest.meta.get("settings") if role == "prompt" else None
        if isinstance(settings, Mapping) and settings:
            yield f"\n## Settings of {artifact.ref}\n"
            yield from (f"- {line(key)}: {inline(value)}" for key, value in settings.items())


def _scores(pins: Pins) -> Iterator[str]:
    listed = [(report, one) for report in pins.reports for one in _listed(report.manifest.meta)]
    if not listed:
        return
    yield "\n## Scores\n\n| score | value | 95 % interval | rows | data | report |"
    yield "|---|---|---|---|---|---|"
    for report, one in listed:
        meta = report.manifest.meta
        data = f"{cell(str(meta.get('dataset', '–')))} ({cell(str(meta.get('split', '–')))})"
        yield (
            f"| {cell(str(one['name']))} | {one['value']:.3f} | {one['low']:.3f} to "
            f"{one['high']:.3f} | {one['n']} | {data} | {report.ref} |"
        )


def _limits(pins: Pins, licences: Mapping[str, str]) -> Iterator[str]:
    if not licences:
        yield "The licence is not known: ask before it is passed on."
    if len(set(licences.values())) > 1:
        yield "Several licences apply: the strictest holds for the whole."
    if not pins.reports:
        yield "It was not measured: no report speaks for it."
    for report in pins.reports:
        rows = report.manifest.meta.get("n", _SMALL)
        if isinstance(rows, int) and rows < _SMALL:
            yield f"{report.ref} has only {rows} rows: its intervals are wide."
    for _, artifact in pins.all():
        if artifact.manifest.meta.get("format") == "pointer":
            yield f"{artifact.ref} lives elsewhere: who runs it may change it without a new version."


def _listed(meta: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the scores of a report that have a value and an interval."""
    found = meta.get("scores")
    wanted = ("value", "low", "high")
    return [
        one for one in found if isinstance(one, Mapping) and "name" in one and "n" in one
        and all(isinstance(one.get(name), int | float) for name in wanted)
    ] if isinstance(found, list | tuple) else []  # fmt: skip

"""A card says what a dataset is: facts that are written anew each time, and prose that people write.

The facts stand between two marks in the Markdown; what stands outside of them is the people's, and is
kept from version to version. The front matter is that of the Hugging Face Hub.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from volano.data.exchange.columns import Shape
from volano.data.exchange.hub import parted
from volano.data.exchange.prepared import Prepared
from volano.data.exchange.prose import LICENCES, cell, inline, line, nodes, told_licences, written
from volano.data.sources.address import shown
from volano.data.step import Record
from volano.store.artifact import Artifact, LineageNode

NOTHING = Prepared()
_LANGUAGES = ("language", "lang", "languages")
_UNTOLD = "und"
"""What a text has whose language could not be told; the Hub knows no such language."""
_SMALL = 100


@dataclass(slots=True)
class Profile:
    """What was found by looking at all rows."""

    counts: Counter[str] = field(default_factory=Counter)
    shapes: dict[str, Shape] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of texts: shortest, longest, characters together."""
    languages: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.counts.values())


def profile(rows: Iterable[Record]) -> Profile:
    """Look at all rows once."""
    found = Profile()
    for row in rows:
        found.counts[row.get("split") or "train"] += 1
        for name, value in row.items():
            if name in ("id", "origin", "split"):
                continue
            found.shapes.setdefault(name, Shape()).add(value)
            if value is None:
                found.missing[name] += 1
            elif isinstance(value, str):
                least, most, chars = found.lengths.get(name, (len(value), 0, 0))
                found.lengths[name] = (
                    min(least, len(value)),
                    max(most, len(value)),
                    chars + len(value),
                )
                _noted(found, name, value)
    for name, shape in found.shapes.items():
        found.missing[name] += found.total - shape.seen
    return found


def card(
    artifact: Artifact, found: Profile, lineage: LineageNode, prose: str = "",
    front: Mapping[str, Any] | None = None, classes: Mapping[str, str] | None = None,
    made: Prepared = NOTHING,
) -> str:  # fmt: skip
    """Return the card in Markdown: front matter, prose, facts; `made` is what its recipe says."""
    own, body = parted(prose)
    said = {**front_of(artifact, found, lineage), **own, **(front or {})}
    facts = "\n".join(_facts(artifact, found, lineage, classes or {}, made))
    return written(said, body or f"# {artifact.name}", facts)


def front_of(artifact: Artifact, found: Profile, lineage: LineageNode) -> dict[str, Any]:
    """Return what the facts say in the front matter: name, languages, licences."""
    said: dict[str, Any] = {"pretty_name": artifact.name}
    if languages := [name for name in _languages(artifact, found) if name != _UNTOLD]:
        said["language"] = languages
    if names := list(dict.fromkeys(licences_of(lineage, found).values())):
        said["license"] = names[0] if len(names) == 1 else names
    return said


def licences_of(lineage: LineageNode, found: Profile | None = None) -> dict[str, str]:
    """Return the licence of each that has one: this version's, its ancestors', its rows'."""
    licences: dict[str, str] = {}
    for node in nodes(lineage):
        for name in told_licences(node.artifact.manifest.meta):
            licences.setdefault(f"{node.artifact.kind} {node.artifact.ref}", name)
    if found is not None:
        for name, count in found.licences.most_common(20):
            licences[f"{count} rows"] = name
    return licences


def _facts(
    artifact: Artifact, found: Profile, lineage: LineageNode, classes: Mapping[str, str],
    made: Prepared,
) -> Iterator[str]:  # fmt: skip
    meta = artifact.manifest.meta
    licences, languages = licences_of(lineage, found), _languages(artifact, found)
    yield f"Version `{artifact.ref}`, `{artifact.digest}`."
    yield "\n## Source\n"
    yield from (f"- {line}" for line in (*made.sources, *_sources(artifact, lineage)))
    yield "\n## Licences\n"
    yield from (f"- {where}: {name}" for where, name in licences.items())
    if not licences:
        yield "None was told, neither of this version nor of what it was made from."
    if steps := made.steps or _steps(meta):
        yield "\n## Steps\n"
        yield from (f"{number}. {step}" for number, step in enumerate(steps, 1))
    yield "\n## Rows\n\n| split | rows |\n|---|---|"
    yield from (f"| {cell(split)} | {count} |" for split, count in found.counts.items())
    yield "\n## Columns\n\n| column | type | missing | length | class |\n|---|---|---|---|---|"
    yield from (_column(name, found, classes.get(name, "")) for name in found.shapes)
    if languages:
        yield "\n## Languages\n"
        yield ", ".join(f"{name} ({count})" if count else name for name, count in languages.items())
    if findings := [*made.findings, *_findings(meta)]:
        yield "\n## Findings\n"
        yield from (f"- {line}" for line in findings)
    yield "\n## Limits\n"
    if isinstance(sample := meta.get("sample"), int):
        yield f"- Only the first {sample} rows of the sources were taken."
    yield from (f"- {line}" for line in _limits(found, licences, languages, classes))


def _sources(artifact: Artifact, lineage: LineageNode) -> Iterator[str]:
    meta = artifact.manifest.meta
    for key in ("source", "test_source", "sources"):
        value = meta.get(key)
        for one in value if isinstance(value, list) else [value]:
            if one:
                yield f"{key.replace('_', ' ')}: {inline(shown(one))}"
    for parent in lineage.parents:
        yield f"made from {parent.artifact.kind} `{parent.artifact.ref}` ({parent.role})"


def _steps(meta: Mapping[str, Any]) -> list[str]:
    recipe = meta.get("recipe")
    steps = recipe.get("steps") if isinstance(recipe, dict) else meta.get("steps")
    found = [inline(step) for step in steps] if isinstance(steps, list) else []
    if not found:
        keys = [key for key in ("dedup", "split", "curation") if meta.get(key)]
        found = [f"{key}: {inline(meta[key])}" for key in keys]
    return found


def _findings(meta: Mapping[str, Any]) -> Iterator[str]:
    findings = meta.get("findings")
    if isinstance(findings, dict):
        yield from (f"{line(name)}: {inline(value)}" for name, value in findings.items())
    elif isinstance(findings, list):
        yield from map(inline, findings)
    dropped = meta.get("dropped")
    if isinstance(dropped, dict):
        yield from (f"left out: {inline(n)} × {line(reason)}" for reason, n in dropped.items())
    for note in meta.get("notes") or ():
        yield inline(note)


def _limits(
    found: Profile, licences: Mapping[str, str], languages: Mapping[str, int],
    classes: Mapping[str, str],
) -> Iterator[str]:  # fmt: skip
    if not licences:
        yield "The licence is not known: ask before the rows are passed on."
    if len(set(licences.values())) > 1:
        yield "Several licences apply: the strictest holds for the whole."
    if not languages:
        yield "The languages were not looked at."
    if "test" not in found.counts:
        yield "There is no test split."
    if found.total < _SMALL:
        yield f"There are only {found.total} rows."
    held = [name for name, kind in classes.items() if kind in ("personal", "secret")]
    if held:
        yield f"These columns are about persons, or secret: {', '.join(held)}."
    if not classes:
        yield "No contract says what the columns hold."


def _column(name: str, found: Profile, classed: str) -> str:
    kind = "mixed" if found.shapes[name].arrow() is None else _kind(found.shapes[name])
    least, most, _ = found.lengths.get(name, (0, 0, 0))
    length = f"{least} to {most}" if name in found.lengths else ""
    share = found.missing[name] / found.total if found.total else 0.0
    return f"| {cell(name)} | {cell(kind)} | {share:.1%} | {length} | {classed} |"


def _kind(shape: Shape) -> str:
    kinds = sorted(shape.kinds - {"null"})
    if kinds == ["list"] and shape.items is not None:
        return f"list of {_kind(shape.items)}"
    if kinds == ["object"] and shape.fields:
        return f"object of {', '.join(shape.fields)}"
    return " or ".join(kinds) or "nothing"


def _languages(artifact: Artifact, found: Profile) -> dict[str, int]:
    told = artifact.manifest.meta.get("languages")
    if isinstance(told, dict):
        return {str(name): n if isinstance(n, int) else 0 for name, n in told.items()}
    if isinstance(told, list):
        return dict.fromkeys(map(str, told), 0)
    return dict(found.languages.most_common(50))


def _noted(found: Profile, name: str, value: str) -> None:
    if name in _LANGUAGES and len(value) <= 20 and len(found.languages) < 200:
        found.languages[value] += 1
    elif name in LICENCES and len(value) <= 100 and len(found.licences) < 200:
        found.licences[value] += 1

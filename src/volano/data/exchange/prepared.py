"""What a recipe and its report say of the dataset that came of them: sources, steps, findings.

A card tells these, so that who gets the rows sees how they came about without the recipe.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from volano.data import steps as _steps
from volano.data.exchange.prose import inline, line
from volano.data.sources import places as _places
from volano.data.sources.address import asked, database, shown
from volano.data.sources.reading import READING_KEYS
from volano.data.sources.source import SOURCES
from volano.data.step import STEPS

_ = (_places, _steps)  # imported because they register themselves
_LONGEST = 300
"""Characters of what one source or step was told; a table of labels may have thousands."""
_TELLING = frozenset({
    *READING_KEYS, "allow_private", "batch", "columns", "config", "cursor", "exclude", "hidden",
    "include", "most", "outside", "rate", "robots", "split",
})  # fmt: skip
"""Settings of sources that hold nothing but how rows are read; others are not told."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Lines of a card, each safe to stand in Markdown."""

    sources: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


def prepared(recipe: Mapping[str, Any], report: Mapping[str, Any]) -> Prepared:
    """Return what a card says of a recipe (as `Recipe.to_dict` gives it) and of its report's counts."""
    counts = [one for one in report.get("steps", ()) if isinstance(one, Mapping)]
    steps = [one for step in recipe.get("steps", ()) for one in step.items()]
    rest = counts[1:]  # the first are the sources'
    rest = rest if len(rest) == len(steps) else [{}] * len(steps)
    return Prepared(
        tuple(_source(spec) for spec in recipe.get("sources", ())),
        tuple(_step(name, told, count) for (name, told), count in zip(steps, rest, strict=True)),
        tuple(_findings(counts)),
    )


def _source(spec: Mapping[str, Any]) -> str:
    """Return where a source reads, and how; never who asks, with which key or which values."""
    place = next((name for name in spec if name in SOURCES), None)
    if place is None:
        return "a source that is not installed here"
    settings = shown({name: spec[name] for name in spec if name in _TELLING and name != place})
    if place == "sql":
        where: Any = f"{database(str(spec['sql']))}, {asked(spec)}"
    else:
        where = "given with the recipe" if place == "rows" else shown(spec[place])
    text = f"{line(place)}: {inline(where)}"
    return _short(f"{text} ({inline(settings)})" if settings else text)


def _step(name: str, settings: Mapping[str, Any], count: Mapping[str, Any]) -> str:
    usual = _usual(name)
    told = {
        key: value for key, value in settings.items() if key not in usual or usual[key] != value
    }
    text = _short(f"{line(name)} ({inline(told)})" if told else line(name))
    return f"{text}: {count['in']} → {count['out']} rows" if count else text


def _usual(name: str) -> dict[str, Any]:
    """Return the settings that a step has where nothing is said; none of a step that is not here."""
    if name not in STEPS:
        return {}
    usual = {one.name: _default(one) for one in fields(STEPS.get(name)) if one.init}
    return {"seed": 0, **{key: value for key, value in usual.items() if value is not MISSING}}


def _default(setting: "Field[Any]") -> Any:
    made = setting.default_factory
    value = setting.default if made is MISSING else made()
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _findings(counts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for kind, said in (("dropped", "left out by"), ("changed", "changed by")):
        for one in counts:
            for reason, rows in one.get(kind, {}).items():
                yield f"{said} {line(one['step'])}: {rows} × {line(reason)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…"

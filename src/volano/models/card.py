"""A model's card: what its lineage and its reports say, written anew; and the prose of people.

The front matter is that of the Hugging Face Hub (huggingface.co/docs/hub/model-cards),
with the scores as `model-index`. Prose and marks are shared with the cards of datasets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.data.exchange.hub import parted
from volano.data.exchange.prose import cell, inline, line, nodes, told_licences, written
from volano.models.kinds import engine_of, format_of
from volano.store.artifact import Artifact, LineageNode

GENERATED = ("model-index", "library_name", "pipeline_tag")
_SPENT = ("cpu_s", "gpu_s", "wall_s", "energy_wh", "energy", "cost", "carbon_g", "hours")
_SMALL = 100
_LIBRARIES = {"safetensors": "transformers", "adapter": "peft", "onnx": "onnx", "gguf": "gguf"}


@dataclass(frozen=True, slots=True)
class Told:
    """All that a card is made of."""

    model: Artifact
    lineage: LineageNode
    reports: Sequence[Artifact] = ()
    state: str = ""
    channels: Sequence[str] = ()

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the model says of itself."""
        return self.model.manifest.meta


def card(told: Told, prose: str = "") -> str:
    """Return the card in Markdown: front matter, prose, facts."""
    own, body = parted(prose)
    facts = "\n".join(_facts(told))
    return written({**front_of(told), **own}, body or f"# {told.model.name}", facts)


def front_of(told: Told) -> dict[str, Any]:
    """Return what the facts say in the front matter."""
    source = told.meta.get("source")
    source = source if isinstance(source, dict) else {}
    said: dict[str, Any] = {}
    if languages := _languages(told):
        said["language"] = languages
    if names := list(dict.fromkeys(licences_of(told.lineage).values())):
        said["license"] = names[0] if len(names) == 1 else names
    for key in ("base_model", "datasets"):
        if source.get(key):
            said[key] = source[key]
    if library := _LIBRARIES.get(format_of(told.model)):
        said["library_name"] = library
    if format_of(told.model) != "pointer":
        said["pipeline_tag"] = "text-generation"
    said["tags"] = ["volano"]
    results = [_result(report) for report in told.reports]
    if results:
        said["model-index"] = [{"name": told.model.name, "results": results}]
    return said


def licences_of(lineage: LineageNode) -> dict[str, str]:
    """Return the licence of each that has one: the model, its bases, the data of all of them."""
    found: dict[str, str] = {}
    for node in nodes(lineage):
        for name in told_licences(node.artifact.manifest.meta):
            found.setdefault(f"{node.artifact.kind} {node.artifact.ref}", name)
    return found


def _facts(told: Told) -> Iterator[str]:
    yield f"Version `{told.model.ref}`, `{told.model.digest}`."
    for title, lines in (
        ("What it is", _what(told)),
        ("Made from", _made_from(told)),
        ("Recipe", _recipe(told)),
        ("Distilled", _distilled(told)),
        ("Looked at before training", _guards(told)),
        ("Spent", _spent(told)),
        ("Beside its parent", _beside(told)),
    ):
        if found := list(lines):
            yield f"\n## {title}\n"
            yield from (f"- {one}" for one in found)
    yield from _scores(told)
    if parity := told.meta.get("parity"):
        yield "\n## Parity\n"
        passed = "passed" if parity.get("passed") else "did not pass"
        yield (
            f"The exported file gave {parity.get('equal')} of {parity.get('n')} answers as the "
            f"trained weights do ({line(parity.get('precision'))}); it {passed}."
        )
    yield "\n## Licences\n"
    licences = licences_of(told.lineage)
    yield from (f"- {where}: {name}" for where, name in licences.items())
    if not licences:
        yield "None was told, neither of this model nor of what it was made from."
    yield "\n## Limits\n"
    yield from (f"- {one}" for one in _limits(told, licences))


def _what(told: Told) -> Iterator[str]:
    known = {
        "format": format_of(told.model),
        "engine": engine_of(told.model),
        "bytes": told.model.size,
        "state": told.state,
        "serves": ", ".join(told.channels),
    }
    known |= {key: told.meta.get(key) for key in ("architecture", "parameters", "context_length")}
    known |= {
        key: told.meta.get(key)
        for key in ("dtypes", "types", "peft_type", "r", "source", "unserved")
    }
    yield from (f"{key.replace('_', ' ')}: {inline(v)}" for key, v in known.items() if v)


def _made_from(told: Told) -> Iterator[str]:
    for parent in told.lineage.parents:
        yield f"{parent.artifact.kind} `{parent.artifact.ref}` ({parent.role})"
    if told.model.manifest.made_by:
        yield f"by the Run `{line(told.model.manifest.made_by)}`"


def _recipe(told: Told) -> Iterator[str]:
    recipe = told.meta.get("recipe") or told.meta.get("plan")
    if not isinstance(recipe, dict):
        return
    if method := told.meta.get("method"):
        yield f"method: {line(method)}"
    tuned = any(parent.role == "base" for parent in told.lineage.parents)
    yield from (
        f"{line(name)}: {inline(value)}"
        for name, value in sorted(recipe.items())
        if name != "tuning" or tuned
    )


def _distilled(told: Told) -> Iterator[str]:
    """What became of a teacher's knowledge: sizes, what was asked, and how near the student came."""
    metrics = _mapping(told.meta.get("metrics"))
    found = _mapping(metrics.get("distillation"))
    if not found:
        return
    scores = {name: metrics[name] for name in ("teacher_dev_exact", "dev_exact") if name in metrics}
    for name, value in {**found, **scores}.items():
        yield f"{line(name).replace('_', ' ')}: {inline(value)}"


def _beside(told: Told) -> Iterator[str]:
    """What a form was measured to keep of its parent."""
    kept, exact = (_mapping(told.meta.get(name)) for name in ("kept", "exact"))
    if kept.get("n"):
        yield f"equal answers: {inline(kept.get('equal'))} of {inline(kept['n'])}"
    if exact.get("n"):
        form, parent = inline(exact.get("form")), inline(exact.get("parent"))
        yield f"right answers: {form} of {inline(exact['n'])}; its parent {parent}"
    for name, value in _mapping(told.meta.get("measured")).items():
        yield f"{line(name).replace('_', ' ')}: {inline(value)}"


def _guards(told: Told) -> Iterator[str]:
    """What the looks before training found."""
    guards = _mapping(told.meta.get("guards"))
    for one in _listed(guards.get("leakage")):
        yield (
            f"rows of the {line(one.get('split'))} split among the training rows: "
            f"{inline(one.get('exact'))} equal, {inline(one.get('near'))} alike, "
            f"of {inline(one.get('rows'))}"
        )
    swaps = _mapping(guards.get("swaps"))
    if swaps.get("judged"):
        found = _listed(swaps.get("swaps"))
        yield f"labels exchanged by rule: {len(found) or 'none'}, in {inline(swaps['judged'])} rows"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _spent(told: Told) -> Iterator[str]:
    metrics = told.meta.get("metrics")
    spent = _mapping(told.meta.get("spent"))
    places = [told.meta, metrics if isinstance(metrics, dict) else {}, spent]
    energy = spent.get("wh")
    if isinstance(energy, list) and len(energy) == 3:
        low, central, high = (inline(one) for one in energy)
        yield f"energy: {central} Wh ({low} to {high}), estimated from {line(spent.get('basis'))}"
    for name in _SPENT:
        for place in places:
            if place.get(name) is not None:
                yield f"{name.replace('_', ' ')}: {inline(place[name])}"
                break


def _scores(told: Told) -> Iterator[str]:
    if not told.reports:
        return
    yield "\n## Scores\n\n| score | value | 95 % interval | rows | data | report |\n|---|---|---|---|---|---|"
    for report in told.reports:
        meta = report.manifest.meta
        for one in _listed(meta.get("scores")):
            yield (
                f"| {cell(one['name'])} | {one['value']:.3f} | {one['low']:.3f} to {one['high']:.3f} "
                f"| {one['n']} | {cell(meta['dataset'])} ({cell(meta['split'])}) | {report.ref} |"
            )
    sliced = [(r, r.manifest.meta["slices"]) for r in told.reports if r.manifest.meta.get("slices")]
    if sliced:
        yield "\n## Slices\n"
        yield from (f"- {report.ref}: {inline(slices)}" for report, slices in sliced)


def _limits(told: Told, licences: Mapping[str, str]) -> Iterator[str]:
    if not licences:
        yield "The licence is not known: ask before it is passed on."
    if len(set(licences.values())) > 1:
        yield "Several licences apply: the strictest holds for the whole."
    if not told.reports:
        yield "It was not measured: no report speaks of it."
    for report in told.reports:
        if report.manifest.meta.get("n", _SMALL) < _SMALL:
            yield f"{report.ref} has only {report.manifest.meta['n']} rows: its intervals are wide."
    if not _languages(told):
        yield "Its languages were not told."
    if told.meta.get("builtin"):
        yield "It knows tickets as volano makes them, and nothing else."
    if told.meta.get("format") == "pointer":
        yield "It lives elsewhere: who runs it may change it without a new version here."
    if "hub" in (told.meta.get("source") or {}) or "ollama" in (told.meta.get("source") or {}):
        yield "It was trained elsewhere: on what, is what its source says."


def _languages(told: Told) -> list[str]:
    found: dict[str, None] = {}
    for node in nodes(told.lineage):
        meta = node.artifact.manifest.meta
        source = meta.get("source") if isinstance(meta.get("source"), dict) else {}
        for said in (meta.get("languages"), (source or {}).get("language")):
            for one in [said] if isinstance(said, str) else said or ():
                found[str(one)[:20]] = None
    return list(found)[:50]


def _result(report: Artifact) -> dict[str, Any]:
    """Return a report as an entry of `model-index`."""
    meta = report.manifest.meta
    metrics = [
        {"type": one["name"], "value": round(one["value"], 4)}
        for one in _listed(meta.get("scores"))
    ]
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": meta["dataset"], "type": meta["dataset"], "split": meta["split"]},
        "metrics": metrics,
    }


def _listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in value or () if isinstance(one, dict)]

"""What an artifact says of the sources outside that its rows, or its weights, came from."""

from collections.abc import Iterator, Mapping
from typing import Any

from volano.data.sources.address import asked, database, without_password
from volano.governance.graph import Node
from volano.jobs.run import Run
from volano.store.artifact import Artifact

_PLACES = (
    *("file", "files", "folder", "path", "url", "sitemap", "hf", "sql", "traces", "uri", "name"),
    *("hub", "ollama", "table", "query", "channel", "generator", "rows"),
)
"""The keys of a spec that say where it reads from; the first one counts."""


def sources_of(artifact: Artifact) -> Iterator[tuple[Node, str]]:
    """Yield each source that an artifact's meta tells, with the role that it has there."""
    meta = artifact.manifest.meta
    for key, role in (("source", "source"), ("test_source", "test"), ("sources", "source")):
        for node in _nodes(meta.get(key)):
            yield node, role
    recipe = meta.get("recipe")
    if isinstance(recipe, Mapping):
        for key in ("source", "sources"):
            for node in _nodes(recipe.get(key)):
                yield node, "source"
    curation = meta.get("curation")
    if isinstance(curation, Mapping) and curation.get("corrections"):
        told = {name: curation[name] for name in ("corrections", "added") if name in curation}
        name = "corrections on traces"
        yield Node("source/feedback", "source", "feedback", name, told=told), "corrections"


def sources_of_run(run: Run) -> Iterator[Node]:
    """Yield each source that a Run's inputs name; datasets are none, they are artifacts."""
    yield from _nodes(run.inputs.get("sources"))


def _nodes(value: Any) -> Iterator[Node]:
    for spec in value if isinstance(value, list | tuple) else [value]:
        if isinstance(spec, str) and spec:
            yield _node("path", spec, "path")
        if (
            not isinstance(spec, Mapping)
            or not spec
            or "dataset" in spec
            or spec == {"rows": "given"}
        ):
            continue
        place = next((key for key in _PLACES if spec.get(key)), "source")
        kind = str(spec.get("kind") or spec.get("type") or place)
        if place == "sql":
            name = f"{database(str(spec['sql']))} {asked(spec)}"
            yield Node(f"source/{name}", "source", kind, name)
            continue
        found = spec.get(place)
        if place == "hub" and spec.get("revision"):
            found = f"{found}@{spec['revision']}"
        for one in found if isinstance(found, list | tuple) else [found]:
            yield _node(kind, one if isinstance(one, str) else kind, place)


def _node(kind: str, name: str, place: str) -> Node:
    shown = kind if place == "query" else without_password(name)[:300]
    return Node(f"source/{shown}", "source", kind, shown)

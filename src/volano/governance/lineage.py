"""Lineage: from the source to rows, models, reports, releases and channels, and back.

The edges are what was written down when things were made: the parents in an
artifact's manifest, the Run that made it, the sources its rows came from, the
rollouts that brought a release to a channel. Nothing is guessed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from volano.core.principal import Principal
from volano.data.gate import Gate
from volano.data.keeper import KIND as DATASET
from volano.data.keeper import Datasets
from volano.governance.errors import UnknownRowError, UnknownSourceError
from volano.governance.graph import Graph, Node
from volano.governance.openlineage import Teller
from volano.governance.sources import sources_of, sources_of_run
from volano.jobs.errors import UnknownRunError
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.models.kinds import KIND as MODEL
from volano.releases.keeper import Releases
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

Way = Literal["backwards", "forwards"]
MOST_NODES = 5_000
MOST_ROLLOUTS = 10_000
MOST_VERSIONS = 10_000


class Lineage:
    """The lineage of one workspace."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        datasets: Datasets,
        gate: Gate,
        runs: Runs,
        releases: Callable[[], Releases],
        teller: Teller,
    ):
        self._catalog = catalog
        self._datasets = datasets
        self._gate = gate
        self._runs = runs
        self._releases = releases
        self._teller = teller

    def show(
        self, ref: str, *, forwards: bool = False, backwards: bool = False, depth: int = 20
    ) -> Graph:
        """Return the graph around a thing; neither way said means both.

        `ref` is an artifact (`tickets@1`, `release/support@2`), or `run/ID`,
        `channel/NAME`, `source/NAME`.

        Raises:
            UnknownArtifactError, AmbiguousRefError, UnknownRunError, UnknownChannelError,
            UnknownSourceError: there is no such thing.
        """
        both = forwards == backwards
        root, starts = self._starts(ref)
        graph = Graph(root)
        for way, wanted in (("backwards", backwards or both), ("forwards", forwards or both)):
            if wanted:
                self._walk(graph, starts, way, depth=depth)  # type: ignore[arg-type]
        return graph

    def row(self, dataset: str, row_id: str, *, by: Principal) -> dict[str, Any]:
        """Return a row with its origin, the versions that hold it, and all that came of those.

        Every version of the dataset is searched, and every dataset made of it.

        Raises:
            UnknownArtifactError: there is no such dataset.
            UnknownRowError: no version holds it.
            ForbiddenError: its rows are not for this principal.
        """
        newest = self._datasets.get(dataset)
        versions = self._datasets.list(newest.name, limit=MOST_VERSIONS)
        graph = Graph(_artifact(newest))
        self._walk(graph, versions, "forwards", depth=100)
        made = [n for n in graph.nodes("artifact") if n.kind == DATASET]
        artifacts = {n.id: self._catalog.by_digest(n.told["digest"]) for n in made}
        for one in versions:
            artifacts.setdefault(_id(one), one)
        held = {key: self._datasets.find(one.ref, row_id) for key, one in artifacts.items()}
        holders = [one for key, one in artifacts.items() if held[key] is not None]
        if not holders:
            raise UnknownRowError(dataset=newest.name, row=row_id[:80])
        first = min(holders, key=lambda one: one.created_us)
        row = held[_id(first)]
        assert row is not None
        onwards = Graph(_artifact(first))
        self._walk(onwards, holders, "forwards", depth=100)
        for one in holders:
            onwards.add(_artifact(one))
        return {
            "row": self._shown(first, row, by),
            "origin": row.get("origin"),
            "first": first.ref,
            "held_by": [{"ref": one.ref, "at_us": one.created_us} for one in sorted(holders, key=lambda one: one.created_us)],
            "came_of_it": _counted(onwards),
            "graph": onwards.to_dict(),
        }  # fmt: skip

    def export(self, *, since: str | None = None, limit: int = 100_000) -> list[dict[str, Any]]:
        """Return what happened to Runs as OpenLineage events, oldest first.

        `since` is a date or a moment (ISO 8601, UTC where it has no offset).

        Raises:
            BadMomentError: it is none.
        """
        return self._teller.since(since, limit=limit)

    def _starts(self, ref: str) -> tuple[Node, Sequence[Any]]:
        """Return the root, and where to walk from: artifacts, a Run, or a channel's name."""
        what, _, rest = ref.partition("/")
        if what == "run":
            run = self._runs.get(rest)
            return _run(run), [run]
        if what == "channel":
            channel = self._releases().channel(rest)
            return Node(f"channel/{channel.name}", "channel", "channel", channel.name), [
                channel.name
            ]
        if what == "source":
            found = list(self._of_source(rest))
            if not found:
                raise UnknownSourceError(name=rest[:120])
            return found[0][0], [one for _, one in found]
        artifact = self._catalog.find(ref)
        return _artifact(artifact), [artifact]

    def _of_source(self, name: str) -> Iterator[tuple[Node, Artifact]]:
        kinds = (DATASET, MODEL)
        artifacts = [a for kind in kinds for a in self._catalog.list(kind, limit=MOST_VERSIONS)]
        runs = self._made_by(artifacts)
        for artifact in artifacts:
            _, given = runs.get(artifact.manifest.made_by or "", (None, ()))
            for node in [*(one for one, _ in sources_of(artifact)), *given]:
                if name in (node.name, node.id):
                    yield node, artifact

    def _walk(self, graph: Graph, starts: Sequence[Any], way: Way, *, depth: int) -> None:
        """Add what lies one way of the starts, generation by generation."""
        level = self._first(graph, starts, way)
        seen = {one.digest for one in level}
        for generation in range(depth + 1):
            self._tell(graph, level, way)
            if len(graph.nodes()) > MOST_NODES or (generation == depth and level):
                graph.truncated = bool(self._next(level, way, seen))
                return
            level = self._next(level, way, seen)
            if not level:
                return

    def _first(self, graph: Graph, starts: Sequence[Any], way: Way) -> list[Artifact]:
        """Return the artifacts to begin with."""
        found: list[Artifact] = []
        for start in starts:
            if isinstance(start, Artifact):
                found.append(start)
            elif isinstance(start, Run):
                made = self._catalog.made_by([start.id])
                if way == "forwards":
                    found += made
                else:
                    found += self._used(graph, start, made)
            elif way == "backwards":
                found += self._served(graph, start)
        return found

    def _used(self, graph: Graph, run: Run, made: Sequence[Artifact]) -> list[Artifact]:
        """Return what a Run was given, and join it to the Run."""
        digests = {p.digest: p.role for one in made for p in one.manifest.parents}
        used = {one.digest: one for one in self._catalog.by_digests(digests)}
        for role, one in self._teller.inputs_of(run):
            used.setdefault(one.digest, one)
            digests.setdefault(one.digest, role)
        for digest, one in used.items():
            graph.join(_artifact(one), _run(run), digests[digest])
        return list(used.values())

    def _served(self, graph: Graph, channel: str) -> list[Artifact]:
        found = []
        for release, name, role in self._channels():
            if name == channel:
                one = self._catalog.by_digest(release)
                graph.join(_artifact(one), _channel(name), role)
                found.append(one)
        return found

    def _next(self, level: Sequence[Artifact], way: Way, seen: set[Any]) -> list[Artifact]:
        if way == "backwards":
            wanted = {p.digest for one in level for p in one.manifest.parents}
            found = self._catalog.by_digests(wanted)
        else:
            found = self._catalog.made_of([one.digest for one in level])
        fresh = [one for one in found if one.digest not in seen]
        seen.update(one.digest for one in fresh)
        return fresh

    def _tell(self, graph: Graph, level: Sequence[Artifact], way: Way) -> None:
        """Add one generation with the Runs, sources and channels at it."""
        runs = self._made_by(level)
        parents = {p.digest for one in level for p in one.manifest.parents}
        known = {one.digest: one for one in self._catalog.by_digests(parents)}
        there = {node.id for node in graph.nodes()} | {_id(one) for one in level}
        for one in level:
            target = graph.add(_artifact(one))
            run, given = runs.get(one.manifest.made_by or "", (None, ()))
            if run is not None:
                graph.join(run, target, "made")
            for parent in one.manifest.parents:
                node = _artifact(known[parent.digest]) if parent.digest in known else None
                if node is not None and (way == "backwards" or node.id in there):
                    graph.join(node, run or target, parent.role)
            for source, role in [*sources_of(one), *((each, "source") for each in given)]:
                if way == "backwards" or source.id in there:
                    graph.join(source, run or target, role)
        if way == "forwards":
            self._tell_channels(graph, level)

    def _tell_channels(self, graph: Graph, level: Sequence[Artifact]) -> None:
        releases = {str(one.digest): one for one in level if one.kind == "release"}
        if releases:
            for release, name, role in self._channels():
                if release in releases:
                    graph.join(_artifact(releases[release]), _channel(name), role)

    def _channels(self) -> Iterator[tuple[str, str, str]]:
        """Yield (a release's digest, channel, `serves` or `served`)."""
        keeper = self._releases()
        now = set()
        for channel in keeper.channels():
            for digest in channel.served:
                if (digest, channel.name) not in now:
                    now.add((digest, channel.name))
                    yield digest, channel.name, "serves"
        for rollout in keeper.rollouts(limit=MOST_ROLLOUTS):
            arms = [one.release_digest for one in rollout.arms] or [rollout.candidate]
            for digest in arms:
                if (digest, rollout.channel) not in now:
                    now.add((digest, rollout.channel))
                    yield digest, rollout.channel, "served"

    def _made_by(self, level: Iterable[Artifact]) -> dict[str, tuple[Node, Sequence[Node]]]:
        """Return the Runs that made these, each with the sources it was given."""
        found: dict[str, tuple[Node, Sequence[Node]]] = {}
        for run_id in {one.manifest.made_by for one in level} - {None}:
            assert run_id is not None
            try:
                run = self._runs.get(run_id)
                found[run_id] = _run(run), list(sources_of_run(run))
            except UnknownRunError:
                found[run_id] = Node(f"run/{run_id}", "run", "run", run_id), ()
        return found

    def _shown(self, artifact: Artifact, row: Mapping[str, Any], by: Principal) -> dict[str, Any]:
        reading = self._gate.read(
            artifact.name,
            artifact.ref,
            str(artifact.digest),
            split=str(row.get("split", "")),
            by=by,
        )
        shown = reading.row(row)
        reading.close()
        return shown


def _id(artifact: Artifact) -> str:
    return f"{artifact.kind}/{artifact.ref}"


def _artifact(artifact: Artifact) -> Node:
    told: dict[str, Any] = {"digest": str(artifact.digest), "by": artifact.created_by}
    if artifact.labels:
        told["labels"] = list(artifact.labels)
    counts = artifact.manifest.meta.get("counts")
    if isinstance(counts, Mapping):
        told["counts"] = dict(counts)
    return Node(
        _id(artifact), "artifact", artifact.kind, artifact.ref, artifact.created_us, told
    )  # fmt: skip


def _run(run: Run) -> Node:
    told = {"state": run.state, "by": run.by, "attempt": run.attempt}
    return Node(f"run/{run.id}", "run", run.kind, run.name, run.created_us, told)


def _channel(name: str) -> Node:
    return Node(f"channel/{name}", "channel", "channel", name)


def _counted(graph: Graph) -> dict[str, list[str]]:
    """Return the names of what came of something, by kind."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes("artifact", "channel"):
        if node.id != graph.root:
            found.setdefault(node.kind, []).append(node.name)
    return {kind: sorted(names) for kind, names in sorted(found.items())}

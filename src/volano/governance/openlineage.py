"""Runs as OpenLineage events: spec 2-0-2, https://openlineage.io/spec/2-0-2/OpenLineage.json.

What is told is read from the ledger: a Run that was started (START), has
finished (COMPLETE), failed (FAIL) or was cancelled (ABORT). The spec wants one
beginning and one end for a run, so each attempt is one: the first bears the
Run's own id, a later one an id made of it. Facets say the versions, columns and
counts of what went in and came out, the schedule that started it, and why it failed.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from volano.core.errors import VolanoError
from volano.governance.sources import sources_of, sources_of_run
from volano.jobs.cron import Cron
from volano.jobs.errors import UnknownRunError
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.schedule import Firing
from volano.jobs.schedules import Schedules
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.ledger import Event, Ledger

PRODUCER = "pkg:pypi/volano"
SPEC = "https://openlineage.io/spec"
SCHEMA_URL = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
TYPES = {
    "start": "START", "retry": "START", "finish": "COMPLETE", "fail": "FAIL", "cancel": "ABORT",
}  # fmt: skip
KINDS = {
    "data": "dataset", "dataset": "dataset", "base": "model", "model": "model", "flow": "flow",
    "index": "index", "prompt": "prompt", "report": "report", "release": "release",
}  # fmt: skip
"""Under which names the inputs of Runs have refs, and of which kind."""
_FACETS = {
    "version": "1-0-1/DatasetVersionDatasetFacet",
    "schema": "1-2-0/SchemaDatasetFacet",
    "dataSource": "1-0-1/DatasourceDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "parent": "1-2-0/ParentRunFacet",
    "nominalTime": "1-0-1/NominalTimeRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
}
_PAGE = 500
_NAMESPACE = uuid.UUID("8c0a4f0e-3f5e-5d5e-9a51-6f1d0c7b0a11")


class Teller:
    """Makes events of what the ledger says of Runs. `workspace` names the namespace."""

    def __init__(
        self,
        ledger: Ledger,
        runs: Runs,
        schedules: Schedules,
        catalog: Catalog,
        *,
        workspace: str,
        version: str,
    ):
        self._version = version
        self._ledger = ledger
        self._runs = runs
        self._schedules = schedules
        self._catalog = catalog
        self.namespace = f"volano://{quote(workspace, safe='') or 'volano'}"

    def since(self, moment: str | None, *, limit: int) -> list[dict[str, Any]]:
        """Return the events since a moment, oldest first.

        Raises:
            BadMomentError: it is none.
        """
        at_us = 0 if moment is None else Cron("@daily").moment(moment)
        found: list[dict[str, Any]] = []
        for event in self.entries(0):
            told = self.event(event) if event.at_us >= at_us else None
            if told is not None:
                found.append(told)
            if len(found) >= limit:
                break
        return found

    def entries(self, after: int) -> Iterator[Event]:
        """Yield the ledger's entries on Runs behind this one."""
        while page := self._ledger.list(after=after, limit=_PAGE, under="run/"):
            yield from page
            after = page[-1].seq

    def event(self, entry: Event) -> dict[str, Any] | None:
        """Return the event for an entry; None where it is no change of a Run that is known."""
        type_ = TYPES.get(entry.verb)
        try:
            run = self._runs.get(entry.subject.removeprefix("run/"))
        except UnknownRunError:
            return None
        if type_ is None:
            return None
        content = entry.content or {}
        attempt = int(content.get("attempt") or 1)
        made = self._catalog.made_by([run.id]) if type_ == "COMPLETE" else []
        used = {one.digest: one for _, one in self.inputs_of(run)}
        parents = {p.digest for one in made for p in one.manifest.parents}
        used |= {one.digest: one for one in self._catalog.by_digests(parents)}
        return {
            "eventType": type_,
            "eventTime": _time(entry.at_us),
            "run": {"runId": _run_id(run.id, attempt), "facets": self._run(run, attempt, content)},
            "job": {
                "namespace": self.namespace,
                "name": f"{run.kind}/{run.name}",
                "facets": {
                    "jobType": _facet(
                        "jobType", processingType="BATCH", integration="VOLANO", jobType="RUN"
                    )
                },
            },
            "inputs": [*map(self._dataset, used.values()), *_outside(run, made)],
            "outputs": [
                {**self._dataset(one), "outputFacets": {"outputStatistics": _statistics(one)}}
                for one in made
            ],
            "producer": PRODUCER,
            "schemaURL": SCHEMA_URL,
        }

    def inputs_of(self, run: Run) -> list[tuple[str, Artifact]]:
        """Return the artifacts that a Run's inputs name, each with its role."""
        found = []
        for role, value in run.inputs.items():
            for ref in value if isinstance(value, list) else [value]:
                if role in KINDS and isinstance(ref, str):
                    with suppress(VolanoError):
                        found.append((role, self._catalog.get(KINDS[role], ref)))
        return found

    def _run(self, run: Run, attempt: int, content: Mapping[str, Any]) -> dict[str, Any]:
        facets = {
            "processing_engine": _facet("processing_engine", version=self._version, name="volano"),
            "volano_run": {
                "_producer": PRODUCER, "_schemaURL": f"{PRODUCER}#VolanoRunFacet",
                "run": run.id, "kind": run.kind, "attempt": attempt, "by": run.by,
                "group": run.group,
            },
        }  # fmt: skip
        error = content.get("error")
        if isinstance(error, Mapping):
            message = f"{error.get('message', '')} {error.get('hint', '')}".strip()
            facets["errorMessage"] = _facet(
                "errorMessage", message=message, programmingLanguage="Python"
            )
        firing = self._schedules.cause_of([run.id]).get(run.id)
        return facets if firing is None else facets | self._schedule(firing)

    def _schedule(self, firing: Firing) -> dict[str, Any]:
        job = {"namespace": self.namespace, "name": f"schedule/{firing.schedule}"}
        return {
            "parent": _facet("parent", run={"runId": firing.id}, job=job),
            "nominalTime": _facet("nominalTime", nominalStartTime=_time(firing.planned_us)),
        }

    def _dataset(self, artifact: Artifact) -> dict[str, Any]:
        """Return an artifact as the spec's dataset: of whatever kind, it is something made."""
        facets = {
            "version": _facet("version", datasetVersion=str(artifact.digest)),
            "dataSource": _facet("dataSource", name="volano", uri=self.namespace),
        }
        columns = _columns(artifact.manifest.meta)
        if columns:
            facets["schema"] = _facet("schema", fields=columns)
        name = f"{artifact.kind}/{artifact.name}"
        return {"namespace": self.namespace, "name": name, "facets": facets}


def to_line(event: Mapping[str, Any]) -> bytes:
    """Return an event as JSON in one line."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _outside(run: Run, made: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Return the sources outside of volano that a Run was given, or what it made came from."""
    nodes = [*sources_of_run(run), *(node for one in made for node, _ in sources_of(one))]
    found = {}
    for node in nodes:
        scheme, sep, rest = node.name.partition("://")
        host, _, path = rest.partition("/")
        namespace = f"{scheme}://{host}" if sep else node.kind
        name = (path or "/") if sep else node.name
        found[namespace, name] = {"namespace": namespace, "name": name}
    return list(found.values())


def _run_id(run_id: str, attempt: int) -> str:
    return run_id if attempt == 1 else str(uuid.uuid5(_NAMESPACE, f"{run_id}.{attempt}"))


def _facet(name: str, /, **values: Any) -> dict[str, Any]:
    of = _FACETS[name]
    url = f"{SPEC}/facets/{of}.json#/$defs/{of.rpartition('/')[2]}"
    return {"_producer": PRODUCER, "_schemaURL": url, **values}


def _columns(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the columns that an artifact's meta tells of."""
    columns = meta.get("columns")
    if isinstance(columns, Mapping):
        return [{"name": name, "type": _type(of)} for name, of in columns.items()]
    if isinstance(columns, list):
        return [
            {"name": str(one.get("name") if isinstance(one, Mapping) else one)} for one in columns
        ]
    schema = meta.get("schema")
    if not isinstance(schema, Mapping) or "label" not in schema:
        return []
    label: dict[str, Any] = {"name": "label", "type": str(schema["label"])}
    if fields := schema.get("fields"):
        label["fields"] = [{"name": f["name"], "type": _type(f["types"])} for f in fields]
    return [{"name": "text", "type": "text"}, label]


def _type(of: Any) -> str:
    return " or ".join(map(str, of)) if isinstance(of, list | tuple) else str(of)


def _statistics(artifact: Artifact) -> dict[str, Any]:
    values = {"size": artifact.size, "fileCount": len(artifact.manifest.files)}
    counts = artifact.manifest.meta.get("counts")
    if artifact.kind == "dataset" and isinstance(counts, Mapping):
        rows = [n for name, n in counts.items() if name != "read" and isinstance(n, int)]
        values["rowCount"] = sum(rows)
    return _facet("outputStatistics", **values)


def _time(at_us: int) -> str:
    moment = datetime.fromtimestamp(at_us / 1e6, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

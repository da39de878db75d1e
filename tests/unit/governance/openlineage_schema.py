"""What OpenLineage 2-0-2 demands of a RunEvent and of the facets used here.

Written down by hand from https://openlineage.io/spec/2-0-2/OpenLineage.json and
https://openlineage.io/spec/facets/ (versions in `FACETS`): required properties and
their types, with formats uuid, uri and date-time.
"""

import re
import uuid
from datetime import datetime

BASE = {"_producer": "uri", "_schemaURL": "uri"}
FACETS = {
    "version": ("1-0-1/DatasetVersionDatasetFacet", {"datasetVersion": "string"}, {}),
    "schema": ("1-2-0/SchemaDatasetFacet", {}, {"fields": "fields"}),
    "dataSource": ("1-0-1/DatasourceDatasetFacet", {}, {"name": "string", "uri": "uri"}),
    "outputStatistics": (
        "1-0-2/OutputStatisticsOutputDatasetFacet", {},
        {"rowCount": "integer", "size": "integer", "fileCount": "integer"},
    ),
    "parent": ("1-2-0/ParentRunFacet", {"run": "run", "job": "job"}, {}),
    "nominalTime": ("1-0-1/NominalTimeRunFacet", {"nominalStartTime": "date-time"}, {}),
    "errorMessage": (
        "1-0-1/ErrorMessageRunFacet", {"message": "string", "programmingLanguage": "string"}, {},
    ),
    "processing_engine": ("1-1-1/ProcessingEngineRunFacet", {"version": "string"}, {"name": "string"}),
    "jobType": (
        "2-0-4/JobTypeJobFacet", {"processingType": "string", "integration": "string"},
        {"jobType": "string"},
    ),
}  # fmt: skip
TYPES = {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")


def check_event(event):
    """Assert that this is a RunEvent."""
    need(
        event,
        {
            "eventTime": "date-time",
            "producer": "uri",
            "schemaURL": "uri",
            "run": "run",
            "job": "job",
        },
    )
    assert event["eventType"] in TYPES
    assert event["schemaURL"].startswith(
        "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
    )
    for where in ("inputs", "outputs"):
        for dataset in event[where]:
            need(dataset, {"namespace": "string", "name": "string"})
            facets(dataset.get("facets", {}))
    for dataset in event["outputs"]:
        facets(dataset["outputFacets"])
    facets(event["run"]["facets"])
    facets(event["job"]["facets"])


def facets(found):
    for name, facet in found.items():
        need(facet, BASE)
        if name not in FACETS:
            assert re.fullmatch(r"[a-z]+_\w+", name), "a custom facet bears a prefix"
            continue
        of, required, optional = FACETS[name]
        url = f"https://openlineage.io/spec/facets/{of}.json#/$defs/{of.partition('/')[2]}"
        assert facet["_schemaURL"] == url
        need(facet, required)
        need({key: facet[key] for key in facet if key in optional}, optional, whole=False)
        assert set(facet) <= {*BASE, *required, *optional}


def need(value, properties, *, whole=True):
    assert isinstance(value, dict)
    for name, kind in properties.items():
        if whole:
            assert name in value, name
        if name in value:
            CHECKS[kind](value[name])


def _fields(value):
    for field in value:
        need(field, {"name": "string"})
        need(field, {"type": "string", "fields": "fields"}, whole=False)


def _uri(value):
    assert URI.fullmatch(value), value


def _moment(value):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)
    datetime.fromisoformat(value)


def _is(kind):
    def check(value):
        assert isinstance(value, kind)
        assert not isinstance(value, bool)

    return check


CHECKS = {
    "string": _is(str),
    "integer": _is(int),
    "uri": _uri,
    "date-time": _moment,
    "fields": _fields,
    "run": lambda value: uuid.UUID(value["runId"]),
    "job": lambda value: need(value, {"namespace": "string", "name": "string"}),
}

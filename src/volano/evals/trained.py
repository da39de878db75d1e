"""Trained: the texts that a subject learned from, found by its lineage."""

from collections.abc import Iterator, Mapping
from typing import Any

from volano.core.errors import VolanoError
from volano.core.principal import Principal
from volano.data import Datasets
from volano.store import Artifact, Catalog

TEXTS = ("text", "input", "question")


def trained(
    catalog: Catalog,
    datasets: Datasets,
    subject: Artifact,
    *,
    by: Principal,
    run: str | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """Yield (ref, texts) of each dataset and each prompt with examples above the subject.

    Of a dataset the rows of its training split count. One that is gone or may not be read is
    left out: nothing is known of it.
    """
    told = set()
    waiting = [subject]
    while waiting:
        one = waiting.pop()
        if one.digest in told:
            continue
        told.add(one.digest)
        if one.kind == "dataset":
            yield from _rows(datasets, one, by, run)
            continue
        if one.kind == "prompt" and (texts := examples(one.manifest.meta)):
            yield one.ref, texts
        waiting += catalog.by_digests(str(parent.digest) for parent in one.manifest.parents)


def examples(meta: Mapping[str, Any]) -> list[str]:
    """Return the texts of a prompt's few-shot examples."""
    found = []
    for one in meta.get("examples") or ():
        if isinstance(one, Mapping):
            found += [one[name] for name in TEXTS if isinstance(one.get(name), str)]
    return found


def _rows(
    datasets: Datasets, one: Artifact, by: Principal, run: str | None
) -> Iterator[tuple[str, list[str]]]:
    try:
        yield one.ref, [row.text for row in datasets.rows(one.ref, "train", by=by, run=run)]
    except VolanoError:
        return

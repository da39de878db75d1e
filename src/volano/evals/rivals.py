"""Rivals: what is told of two models beside their scores, from reports on the same rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volano.evals.spent import measured
from volano.models.adapter import base_of
from volano.models.kinds import engine_of, format_of
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

SERVED = ("model.gguf", "adapter.gguf")
SPEEDS = ("tokens_per_s", "latency_ms", "ttft_ms")
COSTS = ("cost", "cost_per_1k", "energy_wh")


def pair(first: Sequence[Artifact], second: Sequence[Artifact]) -> tuple[Artifact, Artifact] | None:
    """Return the newest two reports, one of each, that speak of the same rows of one split."""
    for a in first:
        for b in second:
            if _rows(a) == _rows(b):
                return a, b
    return None


def facts(
    catalog: Catalog, model: Artifact, report: Artifact, answers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return size, speed and cost of a model as far as they are known; None where they are not.

    Speed is that of the report's answers, which both sides have alike. How fast it learned, which
    its metrics say, is no speed of a model.
    """
    meta = model.manifest.meta
    places = (report.manifest.meta, meta)
    waits = sorted(one["latency_us"] for one in answers if one.get("latency_us") is not None)
    return {
        "model": model.ref,
        "format": format_of(model),
        "engine": engine_of(model),
        "bytes": loaded(catalog, model),
        "parameters": meta.get("parameters"),
        "answer_tokens": _mean(one.get("completion_tokens") for one in answers),
        "latency_us": waits[len(waits) // 2] if waits else None,
        "speed": _speed(answers) or _said(SPEEDS, places[:1]),
        "cost": _said(COSTS, places),
    }


def loaded(catalog: Catalog, model: Artifact) -> int:
    """Return the bytes that an engine loads: of the GGUF file, else of all; an adapter's with its base's."""
    files = model.manifest.files
    found = next((files[name].size for name in SERVED if name in files), None)
    own = sum(file.size for file in files.values()) if found is None else found
    base = base_of(model)
    return own if base is None else own + loaded(catalog, catalog.by_digest(str(base)))


def _rows(report: Artifact) -> tuple[Any, Any]:
    return report.manifest.meta.get("rows"), report.manifest.meta.get("split")


def _speed(answers: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """Return tokens a second of one call, of the answers that tell both; None where none does."""
    found, _ = measured(answers, None, at_once=1, own=False)
    return {"tokens_per_s": round(found["speed"], 1)} if found.get("speed") else None


def _said(names: Iterable[str], places: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    found = {name: place[name] for name in names for place in places[::-1] if name in place}
    return found or None


def _mean(counts: Iterable[int | None]) -> float | None:
    known = [count for count in counts if count is not None]
    return round(sum(known) / len(known), 1) if known else None

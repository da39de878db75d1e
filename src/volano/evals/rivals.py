"""Rivals: what is told of two models beside their scores, from reports on the same rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volano.models.kinds import engine_of, format_of
from volano.store.artifact import Artifact

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
    model: Artifact, report: Artifact, answers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return size, speed and cost of a model as far as they are known; None where they are not."""
    meta = model.manifest.meta
    metrics = meta.get("metrics") if isinstance(meta.get("metrics"), dict) else {}
    places = (report.manifest.meta, meta, metrics or {})
    return {
        "model": model.ref,
        "format": format_of(model),
        "engine": engine_of(model),
        "bytes": model.size,
        "parameters": meta.get("parameters"),
        "answer_tokens": _mean(one.get("completion_tokens") for one in answers),
        "speed": _said(SPEEDS, places),
        "cost": _said(COSTS, places),
    }


def _rows(report: Artifact) -> tuple[Any, Any]:
    return report.manifest.meta.get("rows"), report.manifest.meta.get("split")


def _said(names: Iterable[str], places: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    found = {name: place[name] for name in names for place in places[::-1] if name in place}
    return found or None


def _mean(counts: Iterable[int | None]) -> float | None:
    known = [count for count in counts if count is not None]
    return round(sum(known) / len(known), 1) if known else None

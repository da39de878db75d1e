"""Check: the guards look at a run's rows before anything is spent.

What they found goes into the card, under `guards`; what is too bad to train on
is refused. A run that was started without a recipe is told, never refused:
there is nowhere to say that it should go on all the same.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.models.training.guards import leakage, swaps
from volano.models.training.settings import Guards

Row = Mapping[str, Any]
HELD = {"dev": "dev", "test": "check"}
"""Splits that must not leak, and what the spec calls their files."""


def look(
    spec: Mapping[str, Any], settings: Guards, rows: Sequence[Row], *, strict: bool
) -> dict[str, Any]:
    """Return what was found; nothing is looked for in rows that are no text with a label.

    The spec may name files: `dev` and `check` (rows that are measured on), `reference`
    (rows of the version before) or `learned` (other rows, which the base learned).

    Raises:
        LeakedError, SwappedError: strict, and beyond what the settings allow.
    """
    if not _plain(rows):
        return {}
    found: dict[str, Any] = {}
    for split, name in HELD.items():
        held = _read(spec.get(name))
        if held and _plain(held):
            seen = leakage.look(rows, held, split=split)
            found.setdefault("leakage", []).append(seen.to_dict())
            if strict:
                seen.check(settings.leakage_limit)
    if settings.swaps != "off" and _comparable(rows):
        before = _read(spec.get("reference"))
        reference = before or _read(spec.get("learned"))
        if not _comparable(reference):
            reference = []
        exchanged = swaps.look(rows, reference=reference, foreign=not before)
        found["swaps"] = exchanged.to_dict()
        if strict and settings.swaps == "refuse":
            exchanged.check()
    return found


def _plain(rows: Sequence[Row]) -> bool:
    return all("text" in row and "label" in row for row in rows)


def _comparable(rows: Sequence[Row]) -> bool:
    """Whether labels are texts or have fields, and can be told by the texts that bear them."""
    return all(
        isinstance(row.get("text"), str) and isinstance(row.get("label"), str | dict)
        for row in rows
    )


def _read(path: str | None) -> list[Row]:
    if not path:
        return []
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]

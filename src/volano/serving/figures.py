"""Figures: Prometheus' text format, read; and an engine's figures in our words."""

import math
import re
from collections.abc import Mapping
from typing import Any

from volano.core.ports.engine import Vitals

_SAMPLE = re.compile(
    r"([A-Za-z_:][\w:]*)(?:\{(?:[^\"{}]|\"(?:[^\"\\]|\\.)*\")*\})?\s+(\S+)(?:\s+-?\d+)?"
)
WHOLE = ("busy", "queued", "slots")
SHARES = ("kv_use",)


def samples(text: str) -> dict[str, list[float]]:
    """Return each name's values over all its labels. Lines that are no samples are passed over."""
    found: dict[str, list[float]] = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else _SAMPLE.fullmatch(line.strip())
        if match is None:
            continue
        try:
            value = float(match[2])
        except ValueError:
            continue
        if math.isfinite(value):
            found.setdefault(match[1], []).append(value)
    return found


def vitals_of(figures: Mapping[str, tuple[str, ...]], text: str) -> Vitals:
    """Return how an engine is doing, from its `/metrics`.

    Several engines behind one address (data parallel, several models) are added
    up; of shares the largest counts.
    """
    found = samples(text)
    said: dict[str, Any] = {}
    for name, names in figures.items():
        values = next((found[one] for one in names if one in found), None)
        if values is None:
            continue
        total = max(values) if name in SHARES else sum(values)
        said[name] = int(total) if name in WHOLE else total
    return Vitals(**said)

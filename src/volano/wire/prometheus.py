"""Prometheus' text format for metrics, version 0.0.4: written, without I/O.

Source: prometheus.io/docs/instrumenting/exposition_formats. A family is told
with its HELP and TYPE once, then its samples, all together.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


class Page:
    """One answer to a scrape: add families, then take `text()`."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def counter(self, name: str, says: str, samples: Iterable[tuple[Labels, float]]) -> None:
        """Add numbers that only grow; the name ends with `_total`."""
        self._family(name, "counter", says)
        self._lines += [_sample(name, labels, value) for labels, value in samples]

    def gauge(self, name: str, says: str, samples: Iterable[tuple[Labels, float]]) -> None:
        """Add numbers that go up and down."""
        self._family(name, "gauge", says)
        self._lines += [_sample(name, labels, value) for labels, value in samples]

    def histogram(
        self,
        name: str,
        says: str,
        bounds: Sequence[float],
        samples: Iterable[tuple[Labels, Sequence[int], float]],
    ) -> None:
        """Add distributions: counts by bucket, one more than there are bounds, and the sum."""
        self._family(name, "histogram", says)
        for labels, counts, total in samples:
            seen = 0
            for bound, count in zip((*bounds, math.inf), counts, strict=True):
                seen += count
                self._lines.append(
                    _sample(f"{name}_bucket", {**labels, "le": _number(bound)}, seen)
                )
            self._lines.append(_sample(f"{name}_sum", labels, total))
            self._lines.append(_sample(f"{name}_count", labels, seen))

    def text(self) -> str:
        """Return the page; its last line ends too."""
        return "\n".join([*self._lines, ""])

    def _family(self, name: str, kind: str, says: str) -> None:
        words = says.replace("\\", r"\\").replace("\n", r"\n")
        self._lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]


def _sample(name: str, labels: Labels, value: float) -> str:
    said = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{said}}} {_number(value)}" if said else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)

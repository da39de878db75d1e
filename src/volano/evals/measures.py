"""Measures: what a candidate is judged by, which way is better, and how its numbers are spelt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["bytes", "share", "tokens/s", "ms", "money", "s", "tokens"]

SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
TIMES = {"MS": 1, "S": 1000}


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a candidate. `relative`: a limit in percent is a share of the reference's value.

    `title` heads a column; `superlative` is the word that asks for the best of it.
    """

    name: str
    title: str
    superlative: str
    bigger: bool
    unit: Unit
    relative: bool

    def better(self, a: float, b: float) -> bool:
        """Whether `a` is better than `b`."""
        return a > b if self.bigger else a < b


MEASURES: Mapping[str, Measure] = {
    one.name: one
    for one in (
        Measure("score", "Score", "best", True, "share", True),
        Measure("slices", "Weakest slice", "fairest", True, "share", False),
        Measure("size", "Size", "smallest", False, "bytes", True),
        Measure("speed", "Speed", "fastest", True, "tokens/s", True),
        Measure("memory", "Memory", "leanest", False, "bytes", True),
        Measure("agreement", "Same token", "closest", True, "share", False),
        Measure("flips", "Newly wrong", "steadiest", False, "share", False),
        Measure("latency", "Latency, median", "quickest", False, "ms", True),
        Measure("p95", "Latency, 95 %", "smoothest", False, "ms", True),
        Measure("cost", "Cost of 1,000", "cheapest", False, "money", True),
        Measure("tokens", "Tokens of one", "briefest", False, "tokens", True),
        Measure("busy", "Engine time of one", "lightest", False, "s", True),
    )
}
"""All measures by name.

`score` is the suite's first score; `slices` the least ratio, over the slices,
of a candidate's score to its parent's; `agreement` the share of tokens for
which candidate and parent would say the same next; `flips` the share of rows
that the parent gets right and the candidate wrong.
"""

SUPERLATIVES: Mapping[str, str] = {one.superlative: one.name for one in MEASURES.values()}


def spelt(name: str, value: float | None) -> str:
    """Return a value as people read it: `84.7 KB`, `98.3 %`, `31,900 tokens/s`."""
    if value is None:
        return "not known"
    unit = MEASURES[name].unit
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "bytes":
        return size(value)
    if unit == "ms":
        return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"
    if unit == "money":
        return f"{value:.4g}"
    if unit == "s":
        return f"{value:.3g} s"
    return f"{value:,.0f} {unit}"


def size(value: float) -> str:
    """Return bytes in units of a thousand."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}" if value < 1000 * factor else f"{value:,.0f} B"
    return f"{value:.0f} B"


def objectives(names: Sequence[str]) -> list[tuple[str, bool]]:
    """Return names of measures with whether bigger is better: the axes of a front."""
    return [(name, MEASURES[name].bigger) for name in names]

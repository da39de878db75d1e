"""Sums: reading the rollups. One look at the file answers by any dimension, at any resolution."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.stats.sketch import Sketch
from volano.traces.rollup import DIMENSIONS, KEPT_S, TENS
from volano.traces.trace import FAILED

Rows = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]
Where = Mapping[str, str | Sequence[str]]

MINUTE_S, HOUR_S = 60, 3600
_SHORT_S = 30 * MINUTE_S
_LONG_S = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Sums:
    """What ended in a stretch that begins at `at_us`; `by` are the values it was asked by.

    `failed` were errors or cut, `refused` never reached a target; `answered` went well:
    `busy_us` is how long these took together, `completion_tokens` what they said; sketches
    are of them, in microseconds. `nano` is what all cost, by currency.
    """

    at_us: int
    by: tuple[str, ...] = ()
    count: int = 0
    failed: int = 0
    refused: int = 0
    answered: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    busy_us: int = 0
    answered_busy_us: int = 0
    latency: Sketch = field(default_factory=Sketch)
    ttft: Sketch = field(default_factory=Sketch)
    nano: dict[str, int] = field(default_factory=dict)


def width_s(since_us: int, until_us: int, *, sketches: bool, each_us: int | None = None) -> int:
    """Return which level answers: as fine as the window needs and as is still kept."""
    span_s = (until_us - since_us) // 1_000_000
    finest = each_us // 1_000_000 if each_us else span_s
    if span_s > _LONG_S or (each_us and each_us % (HOUR_S * 1_000_000) == 0):
        return HOUR_S
    short = span_s <= _SHORT_S or finest < MINUTE_S
    return TENS if short and not sketches and span_s < KEPT_S[TENS] else MINUTE_S


def sums(
    rows: Rows,
    *,
    by: Sequence[str] = (),
    where: Where | None = None,
    since_us: int,
    until_us: int,
    each_us: int | None = None,
    sketches: bool = False,
) -> list[Sums]:
    """Sum what ended in a window, by dimensions and by stretches of `each_us`, oldest first.

    The window is widened to whole stretches of the level that answers.
    """
    width = width_s(since_us, until_us, sketches=sketches, each_us=each_us)
    conditions, values = _conditions(where or {})
    window = [width, since_us // 1_000_000 // width * width, -(-until_us // 1_000_000)]
    each_s = max(each_us // 1_000_000, 1) if each_us else 0
    at = f"at_s / {each_s} * {each_s}" if each_s else str(window[1])
    names = "".join(f', CAST("{_known(name)}" AS TEXT)' for name in by)
    told = {"at": at, "names": names, "where": conditions, "group": _group(len(by))}
    wanted = _SKETCHES if sketches else "NULL, NULL"
    found = {
        row[: 1 + len(by)]: row[1 + len(by) :]
        for row in rows(_SUMS.format(sketches=wanted, **told), [*window, *values])
    }
    nano: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in rows(_COSTS.format(**told), [*window, *values]):
        nano.setdefault(row[:-2], {})[row[-2]] = row[-1]
    return [_sum(key, values, nano.get(key, {})) for key, values in sorted(found.items())]


def _sum(key: tuple[Any, ...], values: tuple[Any, ...], nano: dict[str, int]) -> Sums:
    *counts, latency, ttft = values
    more: tuple[Any, ...] = (*counts, _sketch(latency), _sketch(ttft), nano)
    return Sums(key[0] * 1_000_000, key[1:], *more)


def prepare(conn: sqlite3.Connection) -> None:
    """Give a connection what the sums need."""
    conn.create_aggregate("sketch_sum", 1, _SketchSum)  # type: ignore[arg-type]


class _SketchSum:
    def __init__(self) -> None:
        self._all: Sketch | None = None

    def step(self, data: bytes | None) -> None:
        if data is not None:
            self._all = self._all or Sketch()
            self._all.take(data)

    def finalize(self) -> bytes | None:
        return None if self._all is None else self._all.to_bytes()


def _sketch(data: bytes | None) -> Sketch:
    return Sketch() if data is None else Sketch.from_bytes(data)


def _known(name: str) -> str:
    if name not in DIMENSIONS:
        raise KeyError(name)
    return name


def _group(count: int) -> str:
    return ", ".join(map(str, range(1, count + 2)))


def _conditions(where: Where) -> tuple[str, list[Any]]:
    conditions, values = [], []
    for name, wanted in where.items():
        some = [wanted] if isinstance(wanted, str) else [*wanted]
        conditions.append(f' AND "{_known(name)}" IN ({", ".join("?" * len(some))})')
        values += [int(one) if name == "status" and one.isdigit() else one for one in some]
    return "".join(conditions), values


_SKETCHES = (
    "sketch_sum(latency) FILTER (WHERE outcome = 'ok'), "
    "sketch_sum(ttft) FILTER (WHERE outcome = 'ok')"
)
_SUMS = f"""
SELECT {{at}}{{names}}, sum(count),
       coalesce(sum(count) FILTER (WHERE outcome IN {FAILED!r}), 0),
       coalesce(sum(count) FILTER (WHERE outcome = 'refused'), 0),
       coalesce(sum(count) FILTER (WHERE outcome = 'ok'), 0),
       sum(prompt_tokens), coalesce(sum(completion_tokens) FILTER (WHERE outcome = 'ok'), 0),
       sum(busy_us), coalesce(sum(busy_us) FILTER (WHERE outcome = 'ok'), 0), {{sketches}}
FROM rollups JOIN series ON series.id = series
WHERE width_s = ? AND at_s >= ? AND at_s < ?{{where}} GROUP BY {{group}}
"""  # noqa: S608 - constants
_COSTS = """
SELECT {at}{names}, currency, sum(nano)
FROM rollup_costs JOIN series ON series.id = series
WHERE width_s = ? AND at_s >= ? AND at_s < ?{where} GROUP BY {group}, currency
"""

"""Reported: what applications say by OTLP that they spent past the gateway, summed by whatever one asks.

The same money is often told several times: the gateway's call, the client's span around it, the
framework's span around that. Counted is what stands lowest: a span below which, in its trace, no
call of the gateway and no priced span stands. Where a trace was not sent whole, nobody can tell.
"""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from volano.traces.errors import TooMuchReportedError
from volano.traces.sealed.records import Records
from volano.traces.sealed.within import Within
from volano.traces.spend import TAG
from volano.traces.tables import HOUR_US
from volano.traces.trace import SHADOW, Spent

MOST = 200_000
"""So many spans of models in a window; more are not held in memory."""
_ANCESTORS_US = 24 * HOUR_US
"""So long before the window the steps above a span may have begun."""
_IDS = 400
_OF_MODELS = "cost_nano IS NOT NULL OR kind IN ('llm', 'embedding')"
Step = tuple[str, str]


class _Told(NamedTuple):
    id: str
    span_id: str
    began_us: int
    key_id: str
    group: str
    service: str
    release: str
    model: str
    provider: str
    environment: str
    unit: str
    tags: str
    cost_nano: int | None
    cost_currency: str | None
    prompt_tokens: int | None
    completion_tokens: int | None


def reported(
    records: Records, by: Sequence[str], *, since_us: int, until_us: int | None = None
) -> Sequence[tuple[tuple[str, ...], Spent]]:
    """Sum what spans of models cost by these names: texts of `_Told`, `currency`, `day`, or `tag:NAME`.

    `calls` are spans; those whose cost nobody knows are `unpriced`.

    Raises:
        TooMuchReportedError: there are more than `MOST` of them.
    """
    rows = records.select(
        "spans", _Told._fields, _OF_MODELS, limit=MOST + 1, within=Within(since_us, until_us)
    )
    if len(rows) > MOST:
        raise TooMuchReportedError(most=f"{MOST:,}")
    told = [_Told(*row) for row in rows]
    twice = _covered(records, told, Within(since_us - _ANCESTORS_US, until_us))
    found: dict[tuple[str, ...], list[int]] = {}
    for one in told:
        if (one.id, one.span_id) not in twice:
            sums = found.setdefault(tuple(_value(one, name) for name in by), [0] * 5)
            more = (
                1, int(one.cost_nano is None), one.cost_nano or 0, one.prompt_tokens or 0,
                one.completion_tokens or 0,
            )  # fmt: skip
            sums[:] = [a + b for a, b in zip(sums, more, strict=True)]
    return [(name, Spent(*sums)) for name, sums in found.items()]


def _covered(records: Records, told: Sequence[_Told], within: Within) -> set[Step]:
    """Return the steps below which money is told once more: by a call, or by a priced span."""
    spans: dict[str, list[str]] = {}
    for one in told:
        spans.setdefault(one.id, []).append(one.span_id)
    calls = _of(records, "calls", [*spans], within, f"outcome <> 'refused' AND arm <> '{SHADOW}'")
    doubtful = {one for one, of_it in spans.items() if len(of_it) > 1} | {
        one for one, _, _ in calls
    }
    above = {(id_, span): up for id_, span, up in _of(records, "spans", [*doubtful], within)}
    lowest = [(id_, up) for id_, _, up in calls if up]
    lowest += [
        (one.id, up) for one in told
        if one.cost_nano is not None and (up := above.get((one.id, one.span_id)))
    ]  # fmt: skip
    covered: set[Step] = set()
    for trace, span in lowest:
        while span and (trace, span) not in covered:
            covered.add((trace, span))
            span = above.get((trace, span)) or ""
    return covered


def _of(
    records: Records, table: str, ids: Sequence[str], within: Within, where: str = "TRUE"
) -> Iterable[tuple[str, str, str | None]]:
    """Return id, span and parent of all rows of these traces."""
    found: list[Any] = []
    for at in range(0, len(ids), _IDS):
        some = Within(within.since_us, within.until_us, ids=ids[at : at + _IDS])
        found += records.select(table, ("id", "span_id", "parent_span_id"), where, within=some)
    return found


def _value(one: _Told, name: str) -> str:
    if name == "day":
        return time.strftime("%Y-%m-%d", time.gmtime(one.began_us / 1e6))
    if name == "currency":
        return one.cost_currency or ""
    if name.startswith(TAG):
        return str(json.loads(one.tags).get(name.removeprefix(TAG), ""))
    return str(getattr(one, name))

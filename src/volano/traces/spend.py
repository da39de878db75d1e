"""Spend: what calls cost and used, summed by whatever one asks.

What the hourly sums know (`SUMMED`) is read from them; the rest (target, provider, tags,
users) from the calls themselves. Both take whole hours of the calls' beginnings, so that
they agree. A refused call is in neither.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.traces.sealed.records import Records
from volano.traces.sealed.within import Within
from volano.traces.tables import HOUR_US
from volano.traces.trace import SHADOW, Spent

Rows = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]

SUMMED = {
    **{
        name: name for name in ("key_id", "channel", "release", "model", "currency", "life", "held")
    },
    "group": '"group"',
    "hour": "hour",
    "day": "date(hour * 3600, 'unixepoch')",
}
ASKED = {
    **{
        name: name
        for name in ("key_id", "channel", "release", "model", "target", "provider", "environment")
    },
    "group": '"group"',
    "unit": "unit",
    "arm": "arm",
    "currency": "coalesce(cost_currency, '')",
    "hour": f"began_us / {HOUR_US}",
    "day": f"began_us / {24 * HOUR_US}",
}
TAG = "tag:"
_SUMS = "sum(calls), sum(unpriced), sum(nano), sum(prompt_tokens), sum(completion_tokens)"
_CALLS = """count(*), sum(cost_nano IS NULL), sum(coalesce(cost_nano, 0)),
  sum(coalesce(prompt_tokens, 0)), sum(coalesce(completion_tokens, 0))"""
_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Used:
    """Calls that used the same: how many they are, and what each of them used and cost.

    Tokens are None where they are not known. `priced_by` says where the cost is from.
    """

    channel: str
    release: str
    model: str
    provider: str
    target: str
    door: str
    currency: str
    priced_by: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    calls: int
    unpriced: int
    nano: int
    latency_us: int


def spend(
    rows: Rows,
    records: Records,
    by: Sequence[str],
    *,
    since_us: int = 0,
    until_us: int | None = None,
    of: Mapping[str, str] | None = None,
) -> Sequence[tuple[tuple[Any, ...], Spent]]:
    """Sum what calls cost by these names: those of `SUMMED` and `ASKED`, or `tag:NAME`.

    `of` keeps only calls with these values; a group stands for all that is below it.
    """
    of = of or {}
    if all(name in SUMMED for name in (*by, *of)):
        found = _summed(rows, by, since_us, _END if until_us is None else until_us, of)
    else:
        since_us = since_us // HOUR_US * HOUR_US
        if until_us is not None:
            until_us = -(-until_us // HOUR_US) * HOUR_US
        names = [_tag(name) if name.startswith(TAG) else ASKED[name] for name in by]
        found = _asked(records, names, _CALLS, _only(of, ASKED), since_us, until_us)
    spread = [_day if name == "day" else _text for name in by]
    return [
        (tuple(tell(v) for tell, v in zip(spread, row, strict=False)), Spent(*row[len(by) :]))
        for row in found
        if row[-5]
    ]


def used(
    records: Records,
    *,
    since_us: int,
    until_us: int | None = None,
    of: Mapping[str, str] | None = None,
) -> Iterator[Used]:
    """Return what users' calls used, those with equal usage counted together: prices have tiers."""
    only, values = _only(of or {}, ASKED)
    users = f"{only} AND arm <> '{SHADOW}'", values
    for row in _asked(records, _USED_BY, _USED, users, since_us, until_us):
        yield Used(*row)


def _summed(
    rows: Rows, by: Sequence[str], since_us: int, until_us: int, of: Mapping[str, str]
) -> Sequence[tuple[Any, ...]]:
    """Read the hourly sums."""
    where, bound = _only(of, SUMMED)
    said = ", ".join(SUMMED[name] for name in by)
    sql = f"SELECT {said}, {_SUMS} FROM spend WHERE hour >= ? AND hour < ?{where}"  # noqa: S608
    hours = since_us // HOUR_US, -(-until_us // HOUR_US)
    return rows(f"{sql} GROUP BY {_places(by)}", [*hours, *bound])


def _asked(
    records: Records,
    by: Sequence[str],
    values: str,
    only: tuple[str, list[Any]],
    since_us: int,
    until_us: int | None,
) -> Sequence[tuple[Any, ...]]:
    """Read the calls themselves: values for each group of them, in a window of time."""
    where = f"outcome <> 'refused'{only[0]}"
    return records.aggregate(
        "calls", values, where, only[1], by=by, within=Within(since_us, until_us)
    )


def _places(by: Sequence[str]) -> str:
    return ", ".join(map(str, range(1, len(by) + 1)))


def _only(of: Mapping[str, str], names: Mapping[str, str]) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    bound: list[Any] = []
    for name, value in of.items():
        if name == "group":
            conditions.append('("group" = ? OR substr("group", 1, ?) = ?)')
            bound += [value, len(value) + 1, f"{value}/"]
        elif name.startswith(TAG):
            conditions.append(f"{_tag(name)} = ?")
            bound.append(value)
        else:
            conditions.append(f"{names[name]} = ?")
            bound.append(value)
    return "".join(f" AND {each}" for each in conditions), bound


def _tag(name: str) -> str:
    """Return the expression of a tag. A JSON path takes no escapes: with a quote it finds nothing."""
    path = f"$.{json.dumps(name.removeprefix(TAG), ensure_ascii=False)}".replace("'", "''")
    return f"coalesce((tags ->> '{path}'), '')"


def _text(value: Any) -> Any:
    return value if isinstance(value, int) else "" if value is None else str(value)


def _day(value: Any) -> str:
    """Return the day as text; the hourly sums say it so already."""
    if isinstance(value, int):
        return time.strftime("%Y-%m-%d", time.gmtime(value * 86_400))
    return str(value)


_USED_BY = (
    *("channel", "release", "model", "provider", "target", "door"),
    *("coalesce(cost_currency, '')", "coalesce(priced_by, '')"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
)
_USED = "count(*), sum(cost_nano IS NULL), sum(coalesce(cost_nano, 0)), sum(latency_us)"

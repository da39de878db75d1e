"""Spend: what calls cost and used, summed by whatever one asks.

What the hourly sums know (`SUMMED`) is read from them; the rest (target, provider, tags,
users) from the calls themselves. Both take whole hours of the calls' beginnings, so that
they agree. A refused call is in neither.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.traces.tables import HOUR_US
from volano.traces.trace import Spent

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
    "currency": "coalesce(cost_currency, '')",
    "hour": f"began_us / {HOUR_US}",
    "day": "date(began_us / 1000000, 'unixepoch')",
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
    hours = since_us // HOUR_US, -(-(_END if until_us is None else until_us) // HOUR_US)
    known = all(name in SUMMED for name in (*by, *of))
    names = SUMMED if known else ASKED
    values: list[Any] = []
    said = []
    for name in by:
        if name.startswith(TAG):
            said.append("coalesce(json_extract(tags, ?), '')")
            values.append(_path(name.removeprefix(TAG)))
        else:
            said.append(names[name])
    conditions, bound = _only(of, names)
    groups = ", ".join(map(str, range(1, len(by) + 1)))
    if known:
        sql = f"SELECT {', '.join(said)}, {_SUMS} FROM spend WHERE hour >= ? AND hour < ?"  # noqa: S608
        values += hours
    else:
        sql = f"""SELECT {", ".join(said)}, {_CALLS} FROM calls
          WHERE outcome <> 'refused' AND began_us >= ? AND began_us < ?"""  # noqa: S608
        values += [hour * HOUR_US for hour in hours[:1]] + [min(hours[1] * HOUR_US, _END)]
    found = rows(f"{sql}{conditions} GROUP BY {groups}", [*values, *bound])
    return [(tuple(map(_text, row[: len(by)])), Spent(*row[len(by) :])) for row in found if row[-5]]


def used(
    rows: Rows,
    *,
    since_us: int,
    until_us: int | None = None,
    of: Mapping[str, str] | None = None,
) -> Iterator[Used]:
    """Return what calls used, those with equal usage counted together: prices have tiers."""
    conditions, bound = _only(of or {}, ASKED)
    window = [since_us, _END if until_us is None else until_us]
    for row in rows(_USED.format(conditions), [*window, *bound]):
        yield Used(*row)


def _only(of: Mapping[str, str], names: Mapping[str, str]) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    bound: list[Any] = []
    for name, value in of.items():
        if name == "group":
            conditions.append('("group" = ? OR substr("group", 1, ?) = ?)')
            bound += [value, len(value) + 1, f"{value}/"]
        elif name.startswith(TAG):
            conditions.append("json_extract(tags, ?) = ?")
            bound += [_path(name.removeprefix(TAG)), value]
        else:
            conditions.append(f"{names[name]} = ?")
            bound.append(value)
    return "".join(f" AND {each}" for each in conditions), bound


def _path(tag: str) -> str:
    """Return SQLite's path to a tag; it takes no escapes, so that a quote finds nothing."""
    return f"$.{json.dumps(tag, ensure_ascii=False)}"


def _text(value: Any) -> Any:
    return value if isinstance(value, int) else "" if value is None else str(value)


_USED = """
SELECT channel, release, model, provider, target, door, coalesce(cost_currency, ''),
       coalesce(priced_by, ''), prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
       count(*), sum(cost_nano IS NULL), sum(coalesce(cost_nano, 0)), sum(latency_us)
FROM calls WHERE outcome <> 'refused' AND began_us >= ? AND began_us < ?{0}
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
"""

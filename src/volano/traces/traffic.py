"""Traffic: users' calls of the last while, by channel, target or key, and minute by minute.

Copies to a shadow are none of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from volano.traces.sealed.records import Records
from volano.traces.sealed.within import Within
from volano.traces.trace import FAILED, SHADOW

By = Literal["", "channel", "target", "key_id"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one name. Latencies are of those that were answered; costs by currency.

    `unpriced` of the calls that were not refused have no known cost. `model` is that of an
    engine of our own, where calls are summed by target.
    """

    name: str
    calls: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    p50_us: int | None = None
    p95_us: int | None = None
    unpriced: int = 0
    model: str = ""
    nano: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time: when it begins, its calls, and how many of them failed."""

    at_us: int
    calls: int
    errors: int


def traffic(
    records: Records, by: By, since_us: int, channels: Iterable[str] | None = None
) -> tuple[Traffic, ...]:
    """Sum calls by a column, the busiest first; by nothing: all of them under no name.

    With `channels`, calls that no release answered and that name another channel have no name
    together: clients can name whatever they like.
    """
    name, within = f'"{by}"' if by else "''", Within(since_us=since_us)
    if by == "channel" and channels is not None:
        known = ", ".join("'" + one.replace("'", "''") + "'" for one in ("", *channels))
        name = f"CASE WHEN release <> '' OR channel IN ({known}) THEN channel ELSE '' END"
    nano: dict[str, dict[str, int]] = {}
    for of, currency, cost in records.aggregate(
        "calls", "sum(cost_nano)", f"cost_currency IS NOT NULL AND {_USERS}",
        by=(name, "cost_currency"), within=within,
    ):  # fmt: skip
        nano.setdefault(of, {})[currency] = cost
    values = f"{_SUMS}, {_MODEL if by == 'target' else _NO_MODEL}"
    sums = records.aggregate("calls", values, _USERS, by=(name,), order="2 DESC, 1", within=within)
    return tuple(Traffic(*(*row, nano.get(row[0], {}))) for row in sums)


def stretches(records: Records, since_us: int, each_us: int) -> tuple[Stretch, ...]:
    """Count calls by stretches of this length, oldest first; quiet ones are left out."""
    stretch = f"began_us / {each_us:d} * {each_us:d}"
    rows = records.aggregate(
        "calls", f"count(*), sum({_FAILED})", _USERS, by=(stretch,), order="1",
        within=Within(since_us=since_us),
    )  # fmt: skip
    return tuple(Stretch(*row) for row in rows)


_USERS = f"arm <> '{SHADOW}'"
_FAILED = f"outcome IN {FAILED!r}"

_SUMS = f"""
count(*), sum({_FAILED}), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
quantile_disc(latency_us, 0.5) FILTER (WHERE outcome = 'ok'),
quantile_disc(latency_us, 0.95) FILTER (WHERE outcome = 'ok'),
count(*) FILTER (WHERE cost_nano IS NULL AND outcome <> 'refused')
"""
_MODEL = "coalesce(max(model) FILTER (WHERE provider = 'engine'), '')"
_NO_MODEL = "''"

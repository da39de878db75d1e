"""Traffic: the calls of the last while, summed by channel, target or key, and minute by minute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from volano.traces.trace import FAILED

By = Literal["", "channel", "target", "key_id"]
Rows = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one name. Latencies are of those that were answered; costs by currency."""

    name: str
    calls: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    p50_us: int | None = None
    p95_us: int | None = None
    nano: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time: when it begins, its calls, and how many of them failed."""

    at_us: int
    calls: int
    errors: int


def traffic(rows: Rows, by: By, since_us: int) -> tuple[Traffic, ...]:
    """Sum calls by a column, the busiest first; by nothing: all of them under no name."""
    name = f'"{by}"' if by else "''"
    latency = {row[0]: row[1:] for row in rows(_QUANTILES.format(name), [since_us])}
    nano: dict[str, dict[str, int]] = {}
    for of, currency, cost in rows(_COSTS.format(name), [since_us]):
        nano.setdefault(of, {})[currency] = cost
    found = []
    for of, calls, errors, sent, answered in rows(_SUMS.format(name), [since_us]):
        p50_us, p95_us = latency.get(of, _NONE)
        told = nano.get(of, {})
        found.append(Traffic(of, calls, errors, sent, answered, p50_us, p95_us, told))
    return tuple(found)


def stretches(rows: Rows, since_us: int, each_us: int) -> tuple[Stretch, ...]:
    """Count calls by stretches of this length, oldest first; quiet ones are left out."""
    return tuple(Stretch(*row) for row in rows(_STRETCHES, [each_us, each_us, since_us]))


_NONE = (None, None)
_FAILED = f"outcome IN {FAILED!r}"

_SUMS = f"""
SELECT {{0}}, count(*), sum({_FAILED}), coalesce(sum(prompt_tokens), 0),
       coalesce(sum(completion_tokens), 0)
FROM calls WHERE began_us >= ? GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608 - constants

_COSTS = """
SELECT {0}, cost_currency, sum(cost_nano) FROM calls
WHERE began_us >= ? AND cost_currency IS NOT NULL GROUP BY 1, 2
"""

_QUANTILES = """
SELECT name, max(latency_us) FILTER (WHERE rank = (n + 1) / 2),
       max(latency_us) FILTER (WHERE rank = (95 * n + 99) / 100)
FROM (SELECT {0} AS name, latency_us,
             row_number() OVER (PARTITION BY {0} ORDER BY latency_us) AS rank,
             count(*) OVER (PARTITION BY {0}) AS n
      FROM calls WHERE began_us >= ? AND outcome = 'ok')
GROUP BY name
"""

_STRETCHES = f"""
SELECT began_us / ? * ? AS at_us, count(*), sum({_FAILED})
FROM calls WHERE began_us >= ? GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants

"""Spent: what answers took: time, tokens, money."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from volano.costs.price import Price, cost
from volano.wire.exchange import Usage


def measured(
    answers: Sequence[Mapping[str, Any]], price: Price | None, *, at_once: int, own: bool
) -> tuple[dict[str, float], str]:
    """Return latency (ms), cost of 1,000 calls, engine time of one (s), speed; and the currency.

    Latencies are of answers that came. Cost is unknown without a price, or where
    some answer does not tell its tokens. An own engine's time is what all calls
    waited, divided by those in flight.
    """
    waits = sorted(one["latency_us"] for one in answers if one.get("latency_us") is not None)
    values: dict[str, float] = {}
    currency = ""
    if waits:
        values = {"latency": _quantile(waits, 0.5) / 1000, "p95": _quantile(waits, 0.95) / 1000}
        if own:
            values["busy"] = sum(waits) / 1e6 / min(at_once, len(waits)) / len(waits)
    told = [one for one in answers if one.get("completion_tokens") is not None]
    if told and waits:
        spent = sum(one.get("latency_us") or 0 for one in told) / 1e6
        if spent:
            values["speed"] = sum(one["completion_tokens"] for one in told) / spent
    if price is not None and waits and len(told) == len(waits):
        total = sum(_cost(price, one) for one in told)
        values["cost"] = total / 1e9 / len(told) * 1000
        currency = price.currency
    return values, currency


def _cost(price: Price, answer: Mapping[str, Any]) -> int:
    usage = Usage(
        input=answer.get("prompt_tokens") or 0, output=answer.get("completion_tokens") or 0
    )
    return cost(price, usage, duration_us=answer.get("latency_us") or 0)


def _quantile(ordered: Sequence[int], q: float) -> float:
    """Return the value that a share `q` of the sorted values does not exceed (nearest rank)."""
    return float(ordered[min(len(ordered) - 1, max(0, math.ceil(q * len(ordered)) - 1))])

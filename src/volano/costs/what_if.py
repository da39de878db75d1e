"""What would these calls have cost on another model? Their tokens, at its prices of now.

What this is not: the other model would have said other things, more or fewer of them, and its
tokenizer counts the same text differently (by 10 to 30 % between families, more in other scripts
than Latin); `ratio` says how many of its tokens stand for one of now. Two sums bound what its
provider's cache would do: the same part of the input read from it (`would`), or nothing
(`uncached`). What was written to a cache, and sound, is priced as plain input.

Not compared are calls whose usage is not known, that do not fit into its context, or that made
vectors or only counted; they are counted. Calls whose own cost is not known stand in a row of
their own, where `was` is unknown.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from volano.core.money import Money
from volano.costs.price import NO_ANSWER, Price, cost
from volano.costs.pricing import HELD
from volano.costs.repricing import CACHED
from volano.traces.spend import Used
from volano.wire.exchange import Usage

_FREE = (CACHED, NO_ANSWER)
_NO_TEXT = ("openai.embeddings", "anthropic.count_tokens")


@dataclass(slots=True)
class Compared:
    """Calls of one channel in one currency, and what became of them. Amounts in nano-units."""

    calls: int = 0
    compared: int = 0
    was: int = 0
    would: int = 0
    uncached: int = 0
    unpriced: int = 0
    no_usage: int = 0
    too_long: int = 0
    no_text: int = 0

    def add(self, other: "Compared") -> None:
        """Count the other's calls too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def compare(
    groups: Iterable[Used], price: Price, *, ratio: float = 1.0
) -> dict[tuple[str, str], Compared]:
    """Return the comparison by channel and currency of what the calls did cost."""
    found: dict[tuple[str, str], Compared] = {}
    for used in groups:
        free = price.currency if used.priced_by in _FREE else ""
        at = found.setdefault((used.channel, used.currency or free), Compared())
        at.calls += used.calls
        _count(at, used, price, ratio)
    return found


def _count(at: Compared, used: Used, price: Price, ratio: float) -> None:
    if used.priced_by in _FREE:  # nothing was answered, or our own cache would have as well
        at.compared += used.calls
    elif used.door in _NO_TEXT:
        at.no_text += used.calls
    elif used.prompt_tokens is None or used.completion_tokens is None or used.priced_by == HELD:
        at.no_usage += used.calls
    else:
        usage = _scaled(used, ratio)
        if price.context is not None and usage.input + usage.output > price.context:
            at.too_long += used.calls
            return
        at.unpriced += used.unpriced
        at.compared += used.calls
        at.was += used.nano
        each_us = used.latency_us // used.calls
        at.would += used.calls * cost(price, usage, duration_us=each_us)
        plain = Usage(input=usage.input, output=usage.output, reasoning=usage.reasoning)
        at.uncached += used.calls * cost(price, plain, duration_us=each_us)


def _scaled(used: Used, ratio: float) -> Usage:
    def scaled(tokens: int | None) -> int:
        return math.ceil((tokens or 0) * ratio) if ratio != 1 else tokens or 0

    return Usage(
        input=scaled(used.prompt_tokens),
        output=scaled(used.completion_tokens),
        cached=scaled(used.cached_tokens),
        reasoning=scaled(used.reasoning_tokens),
    )


def told(name: str, currency: str, row: Compared, price: Price) -> dict[str, Any]:
    """Return one row as it is shown; `change` is there where both are of one currency."""
    same = currency == price.currency and row.was > 0
    return {
        "channel": name,
        "was": str(Money(row.was, currency)) if currency else "unknown",
        "would": str(Money(row.would, price.currency)),
        "uncached": str(Money(row.uncached, price.currency)),
        "change": f"{(row.would - row.was) / row.was:+.1%}" if same else "",
        "calls": row.calls,
        "compared": row.compared,
        "unpriced": row.unpriced,
        "no_usage": row.no_usage,
        "too_long": row.too_long,
        "no_text": row.no_text,
    }
